import json

import polars as pl
import pytest
import yaml

from mig_dagster.cli.select import named_sources, parse_options
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
        (("--budget", "20Mtok"), "token budgets come later"),
        (("--budget", "many"), "neither rows"),
        (("--option", "speed=9"), "has no option 'speed'"),
        (("--option", "gain"), "name=value"),
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
    names = [source.name for source in named_sources(["a/train.jsonl.gz", "b/train.jsonl", "demo://help_desk"])]
    assert names == ["train", "train-2", "help_desk"]


def test_option_values_keep_their_types():
    parsed = parse_options(["phi_a=1e-6", "k2=200", "norm=true", "gain=exact", "x=null"])
    assert parsed == {"phi_a": 1e-6, "k2": 200, "norm": True, "gain": "exact", "x": None}
