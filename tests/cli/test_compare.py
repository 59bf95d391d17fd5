import json
import re

import duckdb
import polars as pl
import pytest
import yaml

from mig_dagster.cli.compare import settings_by_method
from mig_dagster.selection import METHODS
from mig_dagster.stages.compare.comparison import COMPARISON_SCHEMAS
from mig_dagster.stages.compare.files import FILES
from tests.cli.running import run

TOPICS = ["algebra", "poetry", "travel", "biology", "chess"]
QUICK = "random,longest,mig"


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    """Two files of 30 and 20 rows that share 5."""
    folder = tmp_path_factory.mktemp("pools")
    for name, numbers in (("one", range(30)), ("two", range(25, 45))):
        rows = [
            {"instruction": f"Explain {TOPICS[i % 5]} exercise {i}", "output": f"{TOPICS[i % 3]} {i}. " * (i % 6 + 1)}
            for i in numbers
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [folder / "one.jsonl", folder / "two.jsonl"]


@pytest.fixture(scope="module")
def config(tmp_path_factory, bag_of_words):
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    document = {
        "encoder": {"model": str(bag_of_words)},
        "label_vocabulary": {"min_count": 1, "merge_distance": None},
        "label_graph": {"target_mean_degree": 2.0},
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(scope="module")
def bag_of_words(tmp_path_factory):
    from tests.dag.tiny import save_encoder

    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def everything(pools, config, home, tmp_path_factory):
    """Report and folder of a comparison of every method."""
    folder = tmp_path_factory.mktemp("out") / "all"
    code, stdout, stderr = run(
        "compare", *pools, "--config", config, "--home", home, "--output", folder, "--budget", "12", "--json"
    )
    assert code == 0, stderr
    return json.loads(stdout), folder


def compare(pools, config, home, output, *more):
    return run("compare", *pools, "--config", config, "--home", home, "--output", output, "--budget", "8", *more)


def test_every_method_is_compared(everything):
    report, _ = everything
    assert [line["name"] for line in report["rows"]] == sorted(METHODS)
    assert (report["pool_rows"], report["duplicates"], report["failures"]) == (45, 5, {})
    for line in report["rows"]:
        assert line["rows"] == 12 or line["shortfall"], line
        assert line["information"] >= 0
        assert line["tokens"] > 0
        assert line["seconds"] >= 0


def test_mig_tells_the_label_graph_more_than_chance(everything):
    report, _ = everything
    lines = {line["name"]: line for line in report["rows"]}
    chance = next(line for line in report["random_spread"] if line["measure"] == "information")
    assert chance["seeds"] == 5
    assert lines["mig"]["information"] > chance["mean"]


def test_the_folder_holds_parquet_and_a_database_with_the_same_tables(everything):
    report, folder = everything
    files = {f"{name}.parquet" for name in FILES.values()} | {"comparison.duckdb", "README.md"}
    assert {path.name for path in folder.iterdir()} == files | {"report"}
    tables = {table: pl.read_parquet(folder / f"{name}.parquet") for table, name in FILES.items()}
    for table, schema in COMPARISON_SCHEMAS.items():
        assert tables[table].schema == pl.Schema(schema)
        assert tables[table].to_dicts() == report[table]
    with duckdb.connect(str(folder / "comparison.duckdb"), read_only=True) as database:
        for table, name in FILES.items():
            assert len(database.table(name)) == tables[table].height
    mig = tables["subsets"].filter(name="mig")
    assert mig.columns == ["name", "rank", "row_id", "source", "origin", "gain"]
    assert mig["rank"].to_list() == list(range(1, 13))


def test_the_subsets_are_what_select_chooses(everything, pools, config, home, tmp_path):
    _, folder = everything
    subsets = pl.read_parquet(folder / "subsets.parquet")
    for method in ("deita", "zip", "balanced_random"):
        flags = ("--method", method, "--budget", "12", "--output", tmp_path / method)
        code, _, stderr = run("select", *pools, "--config", config, "--home", home, *flags)
        assert code == 0, stderr
        alone = pl.read_parquet(tmp_path / method / "subset.parquet")
        assert alone["row_id"].to_list() == subsets.filter(name=method)["row_id"].to_list()


def test_the_readme_can_be_read(everything):
    text = (everything[1] / "README.md").read_text()
    assert "| mig |" in text
    assert "| random (5 seeds) | " in text
    chance = next(line for line in text.splitlines() if line.startswith("| random (5 seeds) |")).split(" | ")
    assert re.fullmatch(r"[\d,.]+ ± [\d,.]+", chance[1]), chance
    assert "Pool: 45 rows of 50 records from 2 sources; 0 records rejected, 5 duplicates left out." in text
    assert "| one | 66.7% | " in text
    widths = {line.count("|") for line in text.split("## Jaccard")[0].splitlines() if line.startswith("|")}
    assert widths == {10}


def test_people_see_a_table_by_information_and_what_is_missing(pools, config, home, tmp_path):
    code, stdout, stderr = compare(pools, config, home, tmp_path / "out", "--methods", QUICK)
    assert code == 0, stderr
    names = [line.split()[1] for line in stdout.splitlines() if re.match(r"\| [a-z_]", line)][1:]
    assert sorted(names) == ["balanced_random", "longest", "mig", "random", "random"]
    report = json.loads(compare(pools, config, home, tmp_path / "out", "--methods", QUICK, "--json")[1])
    found = {line["name"]: line["information"] for line in report["rows"]}
    assert [name for name in names if name != "random"] == sorted(set(found) - {"random"}, key=lambda n: -found[n])
    assert "45 rows compared under a budget of 8" in stdout
    assert "mig: k=8 is less than twice" in stderr


def test_a_method_that_fails_does_not_lose_the_others(pools, config, home, tmp_path, monkeypatch):
    def broken(k, *, row_ids):
        raise RuntimeError("the [disk] is full")

    monkeypatch.setitem(METHODS, "broken", broken)
    code, stdout, stderr = compare(pools, config, home, tmp_path / "out", "--methods", "broken,random")
    assert code == 1
    assert "failed broken: RuntimeError: the [disk] is full" in stderr
    assert "| random  " in stdout
    table = pl.read_parquet(tmp_path / "out" / "comparison.parquet")
    assert dict(table.select("name", "error").iter_rows()) == {
        "random": None,
        "longest": None,
        "balanced_random": None,
        "broken": "RuntimeError: the [disk] is full",
    }
    assert "`broken` failed: RuntimeError: the [disk] is full" in (tmp_path / "out" / "README.md").read_text()


def test_no_value_of_the_table_is_cut_at_the_default_width(pools, config, home, tmp_path):
    code, stdout, stderr = compare(pools, config, home, tmp_path / "out", "--methods", QUICK)
    assert code == 0, stderr
    shown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in stdout.splitlines() if "|" in line]
    readme = (tmp_path / "out" / "README.md").read_text().split("## Jaccard")[0].splitlines()
    written = [[cell.strip() for cell in line.split("|")[1:-1]] for line in readme if line.startswith("|")]
    assert (shown[0], shown[2:]) == (written[0], written[2:])


def test_why_there_are_fewer_rows_than_asked_for_is_told(pools, config, home, tmp_path):
    flags = ("--methods", "deita", "--option", "deita.threshold=0.05")
    code, _, stderr = compare(pools, config, home, tmp_path / "out", *flags)
    assert code == 0, stderr
    reason = pl.read_parquet(tmp_path / "out" / "comparison.parquet").filter(name="deita")["shortfall"].item()
    assert "has a cosine above 0.05 with a better one" in reason
    assert f"warning: deita: {reason}\n" in stderr
    assert f"- `deita` fell short: {reason}." in (tmp_path / "out" / "README.md").read_text()


def test_a_method_may_be_written_with_hyphens(pools, config, home, tmp_path):
    flags = ("--methods", "balanced-random", "--option", "balanced-random.seed=7", "--json")
    code, stdout, stderr = compare(pools, config, home, tmp_path / "out", *flags)
    assert code == 0, stderr
    assert {line["name"]: line["seed"] for line in json.loads(stdout)["rows"]} == {
        "balanced_random": 7,
        "longest": None,
    }


def test_options_go_to_their_method(pools, config, home, tmp_path):
    flags = ("--methods", "mig,random", "--option", "mig.gain=exact", "--option", "random.seed=7", "--json")
    code, stdout, stderr = compare(pools, config, home, tmp_path / "out", *flags)
    assert code == 0, stderr
    lines = {line["name"]: line for line in json.loads(stdout)["rows"]}
    assert json.loads(lines["mig"]["options"])["gain"] == "exact"
    assert lines["random"]["seed"] == 7


def test_a_budget_above_the_pool_is_clamped_with_a_warning(pools, config, home, tmp_path):
    code, stdout, _ = compare(pools, config, home, tmp_path, "--methods", "longest", "--budget", "1k", "--json")
    report = json.loads(stdout)
    assert (code, report["rows"][0]["rows"]) == (0, 45)
    assert report["warnings"] == {"longest": ["the budget asks for 1000 rows and 45 can be chosen: all 45 are"]}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--methods", "mig,magic"), "unknown method 'magic'"),
        (
            ("--methods", "instruct_mining", "--option", "instruct_mining.rule=v2"),
            "the rule reads coh, nat, und, which",
        ),
        (("--option", "gain=exact"), "--option must be method.name=value, as mig.gain=exact, got 'gain=exact'"),
        (("--option", "phi_b=0.5"), "--option must be method.name=value, as mig.gain=exact, got 'phi_b=0.5'"),
        (("--option", "mig.speed=9"), "method mig has no option 'speed'"),
        (
            ("--methods", "mig", "--option", "zip.k1=5"),
            "options were given for zip, which is not compared; compared: mig",
        ),
        (("--budget", "many"), "neither rows"),
    ],
)
def test_a_wrong_flag_is_a_usage_error_that_says_what_is_right(pools, config, home, tmp_path, flags, message):
    code, _, stderr = compare(pools, config, home, tmp_path / "out", *flags)
    assert code == 2
    assert message in stderr
    assert stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_refused(pools, config, home):
    code, _, stderr = compare(pools, config, home, config)
    assert code == 2
    assert "is a file; name a folder: the comparison is a folder of several files" in stderr


def test_options_of_several_methods_are_told_apart():
    given = settings_by_method(["mig.gain=exact", "mig.phi-b=0.5", "balanced-random.seed=1"])
    assert given == {"mig": {"gain": "exact", "phi_b": 0.5}, "balanced_random": {"seed": 1}}
