"""A comparison as people and programs read it."""

import polars as pl

from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.compare.comparison import ROWS_SCHEMA, compare_subsets
from mig_dagster.stages.compare.files import SHOWN, meaning, shown_lines, write_comparison
from tests.stages.small_pool import SmallPool, Words
from tests.stages.test_comparison import POOL, compare, compared


def tables(*subsets, **more):
    empty = pl.DataFrame(schema={"name": pl.String, "rank": pl.Int64})
    return compare(*subsets, **more) | {"subsets": empty}


def test_the_best_information_comes_first_and_random_stands_where_its_mean_belongs():
    made = tables(compared("none", [1]), compared("all", range(POOL.n)))
    names = [line[0] for line in shown_lines(made)]
    assert names[0] == "all"
    assert names[-1] == "none"
    assert names.count("random (5 seeds)") == 2
    information = made["random_spread"].filter(measure="information")
    assert information["mean"].is_sorted()
    drawn = [line for line in shown_lines(made) if line[0].startswith("random")]
    assert [line[2] for line in drawn] == ["30", "1"]


def test_a_method_that_failed_comes_last_and_a_measure_that_is_not_there_is_a_dash(tmp_path):
    made = tables(compared("x", [1, 2]), frames=PoolFrames(pool=POOL.frames().pool))
    failed = pl.DataFrame([{"name": "broken", "method": "broken", "error": "it broke"}], schema=ROWS_SCHEMA)
    made["rows"] = pl.concat([made["rows"], failed])
    lines = shown_lines(made)
    assert lines[-1][:2] == ["broken", "failed"]
    assert lines[0] == ["x", "-", "2", *["-"] * (len(SHOWN) - 2)]
    assert {len(line) for line in lines} == {len(SHOWN) + 1}
    assert "of none in the pool" in meaning(made)
    write_comparison(tmp_path, made, ["one\nnote"])
    assert "- one note\n" in (tmp_path / "README.md").read_text()


def test_a_comparison_of_nothing_can_be_written(tmp_path):
    pool = SmallPool(3)
    made = compare_subsets(pool.frames(pool=pool.frames().pool.head(0)), [], count_tokens=Words())
    write_comparison(tmp_path, made | {"subsets": pl.DataFrame({"name": []})}, [])
    assert (tmp_path / "comparison.duckdb").exists()


def test_writing_again_replaces_the_files_and_leaves_no_other(tmp_path):
    for rows in ([1, 2], [3]):
        write_comparison(tmp_path, tables(compared("x", rows)), [])
    assert pl.read_parquet(tmp_path / "comparison.parquet")["rows"][0] == 1
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
