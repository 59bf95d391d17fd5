"""Subsets side by side: every measure against its definition, and what is always beside them."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mig_dagster.graph import Rule
from mig_dagster.selection import METHODS, objective
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.compare.comparison import COMPARISON_SCHEMAS, Compared, compare_subsets
from mig_dagster.stages.compare.measures import MEASURES
from mig_dagster.stages.compare.random_spread import SEEDS
from mig_dagster.stages.subset import SUBSET_SCHEMA, choose_subset
from tests.stages.small_pool import GRAPH, LABELS, SmallPool, Words

POOL = SmallPool()


def compared(name, rows, **changes):
    lines = {"rank": range(1, len(rows) + 1), "row_id": [POOL.ids[i] for i in rows]}
    frame = pl.DataFrame(lines, schema={name: SUBSET_SCHEMA[name] for name in lines})
    return Compared(name, changes.pop("method", "mine"), frame, **changes)


def compare(*subsets, frames=None, **more):
    return compare_subsets(frames or POOL.frames(), subsets, count_tokens=Words(), **more)


def line(tables, name="x"):
    return tables["rows"].row(by_predicate=pl.col("name") == name, named=True)


def matrix():
    return np.array([[label in (tags or []) for label in LABELS] for tags in POOL.tags], np.float64)


@pytest.mark.parametrize("seed", range(10))
def test_every_measure_is_what_its_definition_says(seed):
    rows = np.random.default_rng(seed).choice(POOL.n, 12, replace=False).tolist()
    found = line(compare(compared("x", rows)))
    there = [i for i in range(POOL.n) if i != 2]
    cosines = POOL.vectors[there].astype(float) @ POOL.vectors[[i for i in rows if i != 2]].astype(float).T
    chosen = POOL.vectors[[i for i in rows if i != 2]].astype(float)
    apart = np.linalg.norm(chosen[:, None] - chosen[None], axis=2) + 9 * np.eye(len(chosen))
    scores = np.array([score or 0.0 for score in POOL.scores])
    assert found["rows"] == 12
    assert found["tokens"] == sum(POOL.words[i] + 1 for i in rows)
    assert found["mean_score"] == pytest.approx(np.mean([POOL.scores[i] for i in rows if i]))
    assert found["labels_covered"] == len({label for i in rows for label in POOL.tags[i] or []})
    assert found["labels_in_pool"] == len(LABELS)
    information = objective(rows, tags=matrix(), quality_scores=scores, label_graph=GRAPH)
    assert found["information"] == pytest.approx(information)
    assert found["facility_location"] == pytest.approx(np.maximum(cosines.max(axis=1), 0).sum(), abs=1e-5)
    assert found["facility_location_share"] == pytest.approx(found["facility_location"] / 29)
    assert found["nearest_distance"] == pytest.approx(apart.min(axis=1).mean(), abs=1e-5)


def test_the_tables_have_their_schemas_whatever_they_hold():
    for subsets in ([compared("x", [3, 4]), compared("y", [5])], [compared("x", [])], []):
        tables = compare(*subsets)
        assert {name: table.schema for name, table in tables.items()} == {
            name: pl.Schema(schema) for name, schema in COMPARISON_SCHEMAS.items()
        }


def test_rows_without_a_signal_neither_crash_nor_distort():
    found = line(compare(compared("x", [0, 1, 2])))
    assert found["mean_score"] == pytest.approx(np.mean(POOL.scores[1:3]))
    alone = line(compare(compared("x", [2])))
    assert (alone["facility_location"], alone["nearest_distance"]) == (0.0, None)
    assert line(compare(compared("x", [0, 1])))["information"] == 0.0
    assert line(compare(compared("x", [0])))["mean_score"] is None


def test_what_the_pool_lacks_makes_a_measure_null():
    bare = PoolFrames(pool=POOL.frames().pool)
    tables = compare(compared("x", [3, 4, 5]), frames=bare)
    assert all(line(tables)[name] is None for name in MEASURES)
    assert line(tables)["labels_in_pool"] is None
    assert tables["random_spread"]["mean"].null_count() == tables["random_spread"].height == len(MEASURES)
    assert tables["source_mix"]["tokens"].null_count() == tables["source_mix"].height
    no_graph = line(compare(compared("x", [3, 4, 5]), frames=POOL.frames(edges=None, labels=None)))
    assert (no_graph["information"], no_graph["labels_in_pool"]) == (None, 4)


def test_association_rules_apply_to_rows_without_tags_too():
    ruled = replace(POOL.frames().vocabulary, rules=(Rule(("never",), "a", 0.99, 40),))
    plain = line(compare(compared("x", [1, 3, 4, 5])))
    assert line(compare(compared("x", [1, 3, 4, 5]), frames=POOL.frames(vocabulary=ruled))) == plain


def test_random_draws_of_every_size_stand_beside_the_subsets():
    tables = compare(compared("x", [1, 2, 3, 4]), compared("y", [5, 6]), compared("z", []))
    spread = tables["random_spread"]
    assert spread.select("rows", "measure").rows() == [(size, name) for size in (2, 4) for name in MEASURES]
    assert spread.filter(pl.col("measure") != "nearest_distance")["seeds"].unique().to_list() == [5]
    tokens = []
    for seed in SEEDS:
        drawn = choose_subset("random", POOL.frames(), budget="4", settings={"seed": seed}).rows
        tokens.append(sum(POOL.words[POOL.ids.index(row_id)] + 1 for row_id in drawn["row_id"]))
    found = spread.row(by_predicate=(pl.col("rows") == 4) & (pl.col("measure") == "tokens"), named=True)
    assert (found["mean"], found["min"], found["max"]) == (np.mean(tokens), min(tokens), max(tokens))
    assert found["sd"] == pytest.approx(np.std(tokens, ddof=1))


def test_baselines_are_added_where_they_are_not_among_the_subsets():
    names = compare(compared("x", [1, 2, 3]), compared("mine", [4], method="longest"))["rows"]["name"].to_list()
    assert names == ["x", "mine", "balanced_random"]
    tables = compare(compared("x", [1, 2, 3]), compared("y", [1]))
    assert tables["rows"]["name"].to_list() == ["x", "y", "balanced_random", "longest"]
    assert line(tables, "longest")["rows"] == 3
    assert line(tables, "balanced_random")["seed"] == 42


def test_a_baseline_that_fails_is_a_line_with_its_error(monkeypatch):
    def broken(k, *, lengths):
        raise RuntimeError("no luck")

    monkeypatch.setitem(METHODS, "longest", broken)
    tables = compare(compared("x", [1, 2, 3]), failures={"balanced_random": "ValueError: before"})
    assert tables["rows"]["name"].to_list() == ["x", "balanced_random", "longest"]
    assert tables["rows"]["error"].to_list() == [None, "ValueError: before", "RuntimeError: no luck"]
    assert (line(tables, "longest")["rows"], line(tables, "longest")["method"]) == (None, "longest")
    assert tables["source_mix"]["name"].unique().to_list() == ["x"]


def test_only_draws_that_have_a_value_are_counted():
    spread = compare(compared("x", [3]), compared("y", [4, 5]))["random_spread"]
    alone = spread.filter(rows=1, measure="nearest_distance")
    assert (alone["seeds"].item(), alone["mean"].item()) == (0, None)
    assert spread.filter(rows=1, measure="tokens")["seeds"].item() == len(SEEDS)


def test_overlap_holds_every_ordered_pair():
    tables = compare(compared("x", [1, 2, 3, 4], method="longest"), compared("y", [4, 3, 9], method="balanced_random"))
    assert tables["overlap"].rows() == [("x", "y", 2, 0.4), ("y", "x", 2, 0.4)]
    nothing = compare(compared("x", [], method="longest"), compared("y", [], method="balanced_random"))["overlap"]
    assert nothing["jaccard"].to_list() == [None, None]


def test_the_source_mix_names_every_source_of_the_pool():
    chosen = [i for i in range(POOL.n) if POOL.sources[i] == "s2"][:3]
    mix = compare(compared("x", chosen))["source_mix"].filter(name="x")
    assert mix["source"].to_list() == ["s1", "s2", "s3"]
    assert mix["rows"].to_list() == [0, 3, 0]
    assert mix["share"].to_list() == [0, 1, 0]
    assert mix["tokens"].to_list() == [0, sum(POOL.words[i] + 1 for i in chosen), 0]
    assert mix["pool_rows"].to_list() == [POOL.sources.count(name) for name in ("s1", "s2", "s3")]
    assert mix["pool_share"].sum() == pytest.approx(1)


def test_only_rows_of_some_subset_are_tokenised():
    big = SmallPool(400)
    count = Words()
    ids = {"row_id": big.ids[:3]}
    compare_subsets(big.frames(), [Compared("x", "mine", pl.DataFrame(ids))], count_tokens=count)
    assert count.counted <= 3 + 5 * 3 + 2 * 3


def test_what_is_known_of_a_choice_stands_in_its_line():
    chosen = choose_subset("random", POOL.frames(), budget="4", settings={"seed": 7})
    info = chosen.info | {"shortfall": "too few"}
    found = line(compare(Compared.of("x", chosen.rows, info, chosen.seconds)))
    assert (found["method"], found["seed"], found["shortfall"], found["error"]) == ("random", 7, "too few", None)
    assert found["seconds"] == chosen.seconds
    assert json.loads(found["options"]) == {"seed": 7}
    assert found["tokenizer"] == "words @ 1"


def test_progress_counts_subsets_and_draws():
    told = []
    compare(compared("x", [1, 2]), compared("y", [3]), on_progress=lambda *done: told.append(done))
    assert told == [(i, 4 + 2 * 5) for i in range(1, 15)]


def test_two_subsets_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two subsets are named 'x': names tell subsets apart, rename one of them"):
        compare(compared("x", [1]), compared("x", [2]))


def test_a_subset_of_another_pool_is_refused():
    stranger = Compared("x", "mine", pl.DataFrame({"row_id": [POOL.ids[0], "gone"]}))
    with pytest.raises(
        ValueError, match="subset x holds 1 rows that are not in the pool, as gone: the pool changed since"
    ):
        compare(stranger)


def test_inputs_are_not_changed():
    frames = POOL.frames()
    before = frames.quality_scores.collect()
    compare(compared("x", [0, 1, 2]), frames=frames)
    assert frames.quality_scores.collect().equals(before)
