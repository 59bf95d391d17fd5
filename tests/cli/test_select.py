import json

import polars as pl
import pytest
import yaml

from mig_dagster.cli.settings import method_settings, named_sources
from tests.cli.running import run

WORDS = ["cat", "dog", "sum", "map", "poem", "tree", "code", "cook"]


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "Small Pool.jsonl"
    records = [
        {"instruction": f"tell me about {WORDS[i % 8]} number {i}", "output": f"It is {WORDS[i % 7]}. " * (i % 5 + 1)}
        for i in range(40)
    ]
    records += [records[0], {"instruction": "nothing", "output": ""}]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture
def config(tmp_path, tiny_model):
    vocabulary = tmp_path / "vocabulary.json"
    vocabulary.write_text(json.dumps({"version": "test", "groups": {"all": sorted(WORDS)}}))
    path = tmp_path / "config.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "encoder": {"model": str(tiny_model)},
                "tag_vocabulary": str(vocabulary),
                "label_vocabulary": {"min_count": 1, "merge_distance": None},
                "label_graph": {"target_mean_degree": 2.0},
            }
        )
    )
    return path


def select(pool, config, tmp_path, *more) -> tuple[int, str, str]:
    return run("select", pool, "--config", config, "--home", tmp_path / "home", *more)


def test_a_subset_folder_comes_out_and_the_numbers_add_up(pool, config, tmp_path):
    code, stdout, stderr = select(pool, config, tmp_path, "--budget", "25%", "--output", tmp_path / "out", "--json")
    assert code == 0, stderr
    report = json.loads(stdout)
    assert (report["pool_rows"], report["rows"], report["duplicates"]) == (40, 10, 1)
    assert report["sources"]["small-pool"]["rejected"] == {"empty_answer": 1}
    table = pl.read_parquet(tmp_path / "out" / "subset.parquet")
    assert table["rank"].to_list() == list(range(1, 11))
    assert table["row_id"].n_unique() == 10
    lines = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
    assert len(lines) == 10
    lock = json.loads((tmp_path / "out" / "selection.lock.json").read_text())
    assert lock["options"]["gain"] == "gradient"
    assert lock["scorer"] == "lexical, turn_mean"


def test_a_smaller_budget_is_the_beginning_of_a_larger_one(pool, config, tmp_path):
    select(pool, config, tmp_path, "--budget", "12", "--output", tmp_path / "large")
    select(pool, config, tmp_path, "--budget", "5", "--output", tmp_path / "small")
    large, small = ((tmp_path / name / "train.jsonl").read_text() for name in ("large", "small"))
    assert large.startswith(small)


def test_options_reach_the_method(pool, config, tmp_path):
    flags = (
        "--budget",
        "10",
        "--output",
        tmp_path / "out",
        "--option",
        "gain=exact",
        "--option",
        "phi-b=0.5",
        "--json",
    )
    report = json.loads(select(pool, config, tmp_path, *flags)[1])
    assert report["options"]["gain"] == "exact"
    assert report["options"]["phi_b"] == 0.5


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--budget", "many"), "neither rows"),
        (("--option", "speed=9"), "has no option 'speed'"),
        (("--option", "gain"), "name=value"),
        (("--option", "phi_b=abc"), "--option phi_b: Input should be a valid number"),
        (("--option", "phi_b=["), "--option phi_b: Input should be a valid number"),
        (("--method", "magic"), "unknown method 'magic'"),
    ],
)
def test_a_wrong_flag_is_a_usage_error_that_says_what_is_right(pool, config, tmp_path, flags, message):
    code, _, stderr = select(pool, config, tmp_path, "--output", tmp_path / "out", *flags)
    assert code == 2
    assert message in stderr
    assert not (tmp_path / "out").exists()


def test_an_unknown_section_of_the_config_is_named(pool, tmp_path):
    (tmp_path / "bad.yaml").write_text("label_grap: {}\n")
    code, _, stderr = select(pool, tmp_path / "bad.yaml", tmp_path, "--output", tmp_path / "out")
    assert code == 2
    assert "label_grap" in stderr


def test_two_pools_of_one_name_become_two_sources():
    uris = ["a/train.jsonl.gz", "b/train.jsonl", "c/x.ndjson", "d/y.csv.zst", "e/z.TSV", "demo://help_desk"]
    assert [source.name for source in named_sources(uris)] == ["train", "train-2", "x", "y", "z", "help_desk"]


def test_a_method_may_be_written_with_hyphens(pool, config, tmp_path):
    flags = ("--method", "balanced-random", "--option", "seed=7", "--budget", "5", "--output", tmp_path / "out")
    code, stdout, stderr = select(pool, config, tmp_path, *flags)
    assert code == 0, stderr
    assert "5 of 40 rows chosen by balanced_random" in stdout


def test_option_values_have_the_type_of_the_option():
    settings = method_settings("mig", ["phi_a=1e-6", "norm=true", "gain=exact", "prop-weight=2"])
    assert settings == {"phi_a": 1e-6, "norm": True, "gain": "exact", "prop_weight": 2.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "bad.yaml: is not valid YAML: while parsing"),
        ("- a\n", "bad.yaml: expected sections such as"),
        ("hello", "bad.yaml: expected sections such as"),
        ("encoder: {modle: mine}", "bad.yaml: encoder.modle: Unexpected keyword argument, got 'mine'"),
        ("label_vocabulary: {min: 1}", "bad.yaml: label_vocabulary.min: Unexpected keyword argument, got 1"),
        ("row_embeddings: {text: title}", "bad.yaml: row_embeddings.text: Input should be 'instruction', "),
        ("quality_scores: {scorer: magic}", "quality_scores.scorer must be one of lexical, deita, iqs, reward"),
    ],
)
def test_a_config_that_cannot_be_read_is_named(pool, tmp_path, text, message):
    (tmp_path / "bad.yaml").write_text(text)
    code, _, stderr = select(pool, tmp_path / "bad.yaml", tmp_path, "--output", tmp_path / "out")
    assert code == 2
    assert message in stderr
    assert stderr.count("\n") == 1


def test_paths_that_are_something_else_are_usage_errors(pool, config, tmp_path):
    for flags, message in (
        (("--config", tmp_path, "--output", tmp_path / "out"), "Is a directory"),
        (("--config", config, "--output", pool), "is a file; name a folder"),
        (("--config", config, "--output", tmp_path / "out", "--home", pool), "Not a directory"),
    ):
        code, _, stderr = run("select", pool, *flags)
        assert code == 2
        assert message in stderr
        assert stderr.count("\n") == 1


def test_square_brackets_in_a_path_are_not_markup(pool, config, tmp_path):
    code, stdout, stderr = select(pool, config, tmp_path, "--output", tmp_path / "o[" / "x]")
    assert code == 0, stderr
    assert "o[/x]" in stdout


def test_one_row_and_many_copies_of_it_give_that_row(config, tmp_path):
    path = tmp_path / "same.jsonl"
    path.write_text(json.dumps({"instruction": "tell me about a cat", "output": "It purrs."}) + "\n")
    once = json.loads(select(path, config, tmp_path, "--output", tmp_path / "once", "--json")[1])
    path.write_text(path.read_text() * 20)
    often = json.loads(select(path, config, tmp_path, "--output", tmp_path / "often", "--json")[1])
    assert (once["rows"], once["pool_rows"], once["duplicates"]) == (1, 1, 0)
    assert (often["rows"], often["pool_rows"], often["duplicates"]) == (1, 1, 19)


def test_chinese_text_is_chosen_and_written_as_it_is(config, tmp_path):
    path = tmp_path / "zh.jsonl"
    records = [{"instruction": f"解释第{i}个概念 cat", "output": "这是一种方法。" * (i + 1)} for i in range(6)]
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    code, _, stderr = select(path, config, tmp_path, "--output", tmp_path / "out", "--budget", "3")
    assert code == 0, stderr
    assert "解释第" in (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8")


def annotated(i, scored=True):
    """Return row `i` of an annotated pool, as a line."""
    annotation = {
        "instag": {"content": ["math", "logic"] if i % 2 else ["code", "nonsense"]},
        "deita": {"quality_scores": [3.0 + i], "complexity_scores": [2.0]},
    }
    if not scored:
        del annotation["deita"]
    dialogs = [{"role": "user", "content": f"question {i}"}, {"role": "assistant", "content": f"answer {i}"}]
    return json.dumps({"dialogs": dialogs, "annotation": annotation}) + "\n"


def test_fewer_rows_than_asked_for_and_rows_without_a_signal_are_told(tmp_path, tiny_model):
    (tmp_path / "pool.jsonl").write_text("".join(annotated(i, scored=i > 0) for i in range(30)))
    document = {"encoder": {"model": str(tiny_model)}, "quality_scores": {"scorer": "deita"}, "max_null_share": 0.1}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(document))
    flags = ("--method", "deita", "--option", "threshold=0.05", "--budget", "9", "--output", tmp_path / "out")
    code, stdout, stderr = select(tmp_path / "pool.jsonl", tmp_path / "config.yaml", tmp_path, *flags)
    assert code == 0, stderr
    shortfall, excluded = stderr.splitlines()
    assert shortfall.startswith("warning: ")
    assert "instead of 9: every other row of the pool (28) has a cosine above 0.05" in shortfall
    assert excluded == "warning: rows that could not be chosen, for lack of a signal that deita reads: 1 of 30"
    assert "1 of 30 rows chosen by deita" in stdout


def test_an_annotated_pool_is_selected_with_its_own_scores_and_a_closed_vocabulary(tmp_path, tiny_model):
    (tmp_path / "pool.jsonl").write_text("".join(map(annotated, range(10))))
    (tmp_path / "valid.json").write_text('["math", "code", "logic", "never"]')
    document = {
        "encoder": {"model": str(tiny_model)},
        "quality_scores": {"scorer": "deita"},
        "label_vocabulary": {"mode": "closed", "list_path": str(tmp_path / "valid.json")},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(document))
    flags = ("--output", tmp_path / "out", "--budget", "2", "--json")
    code, stdout, stderr = select(tmp_path / "pool.jsonl", tmp_path / "config.yaml", tmp_path, *flags)
    assert code == 0, stderr
    assert json.loads(stdout)["rows"] == 2
    table = pl.read_parquet(tmp_path / "out" / "subset.parquet")
    assert set(table["score"]) <= {2.0 * (3 + i) for i in range(10)}
    assert {label for labels in table["labels"] for label in labels} <= {"math", "code", "logic"}


def test_the_options_file_of_the_environment_is_taken_where_none_is_named(pool, config, tmp_path, monkeypatch):
    monkeypatch.setenv("MIG_OPTIONS", str(config))
    monkeypatch.setenv("MIG_HOME", str(tmp_path / "home"))
    code, _, stderr = run("select", pool, "--output", tmp_path / "out", "--method", "instag")
    assert code == 0, stderr
    lock = json.loads((tmp_path / "out" / "selection.lock.json").read_text())
    assert lock["pool_options"]["label_vocabulary"]["min_count"] == 1
    monkeypatch.setenv("MIG_OPTIONS", str(tmp_path / "nowhere.yaml"))
    for command in ("select", "compare"):
        code, _, stderr = run(command, pool, "--output", tmp_path / "other")
        assert (code, "nowhere.yaml: the options file cannot be read" in stderr) == (2, True)


@pytest.fixture
def scored_by_two(tmp_path, tiny_model):
    """Two files with scores of two parties, and options that take both."""
    answer = {"role": "assistant", "content": "la la"}
    xsample = {
        "dialogs": [{"role": "user", "content": "sing"}, answer],
        "annotation": {"deita": {"quality_scores": [3.0], "complexity_scores": [2.0]}},
    }
    arena = {"Q_scores": {"Deita_Complexity": 2.0}, "QA_scores": {"Deita_Quality": 4.0}}
    (tmp_path / "pool.jsonl").write_text(json.dumps(xsample))
    (tmp_path / "arena.jsonl").write_text(json.dumps({"instruction": "dance", "output": "one two three"} | arena))
    path = tmp_path / "scored.yaml"
    path.write_text(yaml.safe_dump({"encoder": {"model": str(tiny_model)}, "quality_scores": {"scorer": "deita"}}))
    return [tmp_path / "pool.jsonl", tmp_path / "arena.jsonl", "--config", path, "--home", tmp_path / "home"]


def test_scores_of_two_annotators_are_accepted_where_that_is_asked_for(scored_by_two, tmp_path):
    asked = ["--method", "qdit", "--output", tmp_path / "out", "--budget", 2]
    code, _, stderr = run("select", *scored_by_two, *asked)
    assert (code, "quality_scores of one pool come from several annotators" in stderr) == (2, True)
    code, stdout, _ = run("select", *scored_by_two, *asked, "--accept-mixed", "--json")
    assert code == 0
    assert json.loads(stdout)["warnings"][0].startswith("quality_scores come from several annotators")
    code, _, stderr = run("compare", *scored_by_two, *asked[2:], "--methods", "qdit", "--accept-mixed")
    assert (code, "warning: qdit: quality_scores come from several annotators" in stderr) == (0, True), stderr


def test_a_server_that_cannot_be_asked_is_one_line_that_says_what_to_do(pool, config, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    endpoint = {"tagger": "endpoint", "endpoint": {"base_url": "http://localhost:9/v1", "model": "m"}}
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"tags": endpoint}))
    code, _, stderr = select(pool, config, tmp_path, "--method", "instag", "--output", tmp_path / "out")
    assert (code, stderr.startswith("error: the environment variable OPENAI_API_KEY is not set")) == (2, True), stderr


def test_a_pool_without_labels_ends_no_method_that_reads_none(pool, config, tmp_path):
    options = yaml.safe_load(config.read_text()) | {"label_vocabulary": {"min_count": 1_000, "merge_distance": None}}
    config.write_text(yaml.safe_dump(options))
    asked = ["--config", config, "--home", tmp_path / "home", "--output", tmp_path / "out", "--budget", 4]
    code, stdout, _ = run("compare", pool, *asked, "--methods", "mig,longest", "--json")
    found = json.loads(stdout)
    assert (code, list(found["failures"])) == (1, ["mig"])
    assert found["failures"]["mig"].startswith("the vocabulary has no label: lower min_count")
    assert {line["name"] for line in found["rows"] if line["error"] is None} >= {"longest"}
    code, _, stderr = run("select", pool, *asked)
    assert (code, "error: the vocabulary has no label: lower min_count" in stderr) == (2, True)
