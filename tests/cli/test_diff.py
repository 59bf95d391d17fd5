import json

import polars as pl
import pytest

from tests.cli.running import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two subsets chosen by the command line: of eight rows, and of those with four longer ones of a second source."""
    folder = tmp_path_factory.mktemp("diff")
    for name, sizes in (("one", range(1, 9)), ("two", range(20, 24))):
        lines = (json.dumps({"instruction": f"say {size} [b]", "output": "x" * size}) + "\n" for size in sizes)
        (folder / f"{name}.jsonl").write_text("".join(lines))
    for output, names in (("before", ["one"]), ("after", ["one", "two"])):
        paths = [folder / f"{name}.jsonl" for name in names]
        given = ("--method", "longest", "--budget", 6, "--output", folder / output, "--home", folder / "home")
        assert run("select", *paths, *given)[0] == 0
    return folder


def compare(folder, *more):
    return run("diff", folder / "before", folder / "after", "--home", folder / "home", *more)


def test_people_get_a_sentence_and_tables(folder):
    code, stdout, stderr = compare(folder)
    assert (code, stderr) == (0, "")
    lines = stdout.splitlines()
    assert lines[0].startswith("2 rows kept, 4 added, 4 evicted from ")
    assert lines[0].endswith("of those kept 0 come earlier, 2 later, 0 at the same rank")
    assert lines[1] == "choice: pool_rows 8 -> 12"
    assert lines[2].startswith("inputs: pool ")
    assert "| two    |    0 |     4 |       0 |" in lines
    assert any(line.startswith("| new source ") and "| added " in line and "(two)" in line for line in lines)
    assert any(line.startswith("| displaced by others | evicted | ") for line in lines)


def test_machines_get_counts_causes_and_the_first_rows(folder):
    code, stdout, _ = compare(folder, "--json")
    told = json.loads(stdout)
    assert (code, told["kept"], told["added"], told["evicted"]) == (0, 2, 4, 4)
    assert told["causes"] == [
        {"cause": "source", "added": 4, "evicted": 0},
        {"cause": "displaced", "added": 0, "evicted": 4},
    ]
    assert told["sources"][1] == {"source": "two", "kept": 0, "added": 4, "evicted": 0}
    assert told["changes"]["choice"] == {"pool_rows": [8, 12]}
    assert [row["rank_after"] for row in told["first"]["added"]] == [1, 2, 3, 4]


def test_all_rows_are_written_where_asked(folder, tmp_path):
    code, stdout, _ = compare(folder, "--output", tmp_path / "told")
    assert code == 0
    assert f"-> {tmp_path / 'told' / 'evicted.parquet'}" in stdout
    heights = [pl.read_parquet(tmp_path / "told" / f"{kind}.parquet").height for kind in ("kept", "added", "evicted")]
    assert heights == [2, 4, 4]


def test_a_name_that_is_no_subset_is_a_mistake_of_the_user(folder):
    code, _, stderr = run("diff", folder / "before", "nothing", "--home", folder / "home")
    assert code == 2
    assert "no subset 'nothing'" in stderr
