"""Causes of random choices from random pools, against the rules written out row by row."""

import random

import polars as pl
import pytest

from mig_dagster.stages.diff.difference import diff
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.subset import SUBSET_SCHEMA
from mig_dagster.storage import Lake, Store

SOURCES = ("s0", "s1", "s2")


def stored(lake, drawn):
    """Write a random pool and a random choice from it; return the subset, and the pool as dictionaries."""
    sources = drawn.sample(SOURCES, 2)
    rows = {f"r{i}": SOURCES[i % 3] for i in range(60) if SOURCES[i % 3] in sources and drawn.random() < 0.8}
    scores = {row: drawn.choice([1.0, 2.0, None]) for row in rows}
    doubles = {f"r{i}": drawn.choice(list(rows)) for i in range(60) if f"r{i}" not in rows and drawn.random() < 0.2}
    inputs = {}
    for source in sources:
        own = [row for row in rows if rows[row] == source]
        said = {"row_id": own, "score": [scores[row] for row in own], "flag": [None] * len(own)}
        frame = pl.DataFrame(said, schema_overrides={"score": pl.Float64, "flag": pl.String})
        for asset, made in (("raw_pool", pl.DataFrame({"row_id": own})), ("quality_scores", frame)):
            inputs[f"{asset}/{source}"] = lake.write(asset, made, partition=source).data_version
    pool = pl.DataFrame({"row_id": list(rows), "source": list(rows.values()), "origin": list(rows)})
    ledger = pl.DataFrame({"row_id": list(doubles), "kept_row_id": list(doubles.values())})
    inputs["pool"] = lake.write("pool", {"rows": pool, "duplicates": ledger}).data_version
    able = [row for row in rows if scores[row] is not None]
    chosen = drawn.sample(able, min(len(able), drawn.choice([8, 14])))
    lines = [(rank, row, rows[row], row, 1.0, scores[row], None) for rank, row in enumerate(chosen, 1)]
    info = {"method": drawn.choice(["deita", "deita", "car"]), "options": {"threshold": drawn.choice([0.9, 0.9, 1.0])}}
    info |= {"nested": True, "budget": "x", "rows": len(chosen), "pool_rows": len(rows), "k": drawn.choice([14, 15])}
    subset = lake.write("deita_subset", pl.DataFrame(lines, SUBSET_SCHEMA, orient="row"), inputs=inputs, info=info)
    return StoredSubset("x", subset, lake), (sources, rows, scores, doubles, chosen, info)


def cause(row, has, lacks):
    """Return why `row`, which `has` holds, is not in `lacks`: the first rule that holds."""
    _, rows, scores, _, chosen, info = has
    sources, other_rows, other_scores, doubles, others, other_info = lacks
    if row not in other_rows:
        return "source" if rows[row] not in sources else "duplicate" if row in doubles else "row"
    if other_scores[row] is None:
        return "excluded"
    if info["method"] != other_info["method"]:
        return "method"
    if info["options"] != other_info["options"]:
        return "options"
    if info["k"] != other_info["k"] and chosen.index(row) + 1 > len(others):
        return "budget"
    return "score" if scores[row] != other_scores[row] else "displaced"


@pytest.mark.parametrize("seed", range(12))
def test_causes_are_the_first_rule_that_holds(tmp_path, seed):
    lake, drawn = Lake(Store(tmp_path)), random.Random(seed)
    (before, one), (after, other) = stored(lake, drawn), stored(lake, drawn)
    made = diff(before, after)
    found = {(change, row): why for change, row, why in made.rows.select("change", "row_id", "cause").iter_rows()}
    expected = {("kept", row): None for row in set(one[4]) & set(other[4])}
    expected |= {("added", row): cause(row, other, one) for row in set(other[4]) - set(one[4])}
    expected |= {("evicted", row): cause(row, one, other) for row in set(one[4]) - set(other[4])}
    assert found == expected
    assert made.rows.height == len(expected)
