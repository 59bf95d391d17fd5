import numpy as np
import polars as pl
import pytest

from mig_dagster.stages.drift import GOLDEN_ROWS, Drift, drift, golden_rows, keep_golden
from mig_dagster.storage import Manifest, Shard, Store

SIZE = 300
IDS = [f"{i * 7919 % 1000:032x}" for i in range(SIZE)]  # not in order, as hashes are not


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def signed(values, who, provenance="computed", ids=IDS):
    n = len(ids)
    columns = {"row_id": ids} | values
    frame = pl.DataFrame(columns, schema_overrides={"tags": pl.List(pl.String)} if "tags" in values else None)
    return frame.with_columns(
        annotator=pl.lit(who), provenance=pl.lit(provenance), flag=pl.lit(None, pl.String)
    ).lazy(), n


def version(rows, who, asset="quality_scores", provenance="computed"):
    info = {"speakers": {provenance: {who: rows}}}
    return Manifest(asset, "chat", "v", {"rows": (Shard("p", "h", rows, 1),)}, {}, info, "now", "m")


def after(store, before, now, asset="quality_scores"):
    """What the second annotator's agreement with the first is."""
    for who, values in (("first", before), ("second", now)):
        rows, n = signed(values, who)
        found = drift(store, version(n, who, asset), rows)
        keep_golden(store, version(n, who, asset), rows)
    return found


def test_golden_rows_are_those_with_the_lowest_ids_that_have_a_computed_value():
    rows, _ = signed({"score": [float(i) for i in range(SIZE)]}, "first")
    lowest = sorted(IDS)[0]
    rows = rows.with_columns(flag=pl.when(pl.col("row_id") == lowest).then(pl.lit("empty_text")))
    golden = golden_rows(rows)
    assert golden["row_id"].to_list() == sorted(IDS)[1 : GOLDEN_ROWS + 1]
    assert golden_rows(rows.with_columns(provenance=pl.lit("imported"))).is_empty()


def test_they_are_kept_once_for_each_annotator_and_source(store):
    for who in ("first", "first", "second"):
        rows, n = signed({"score": [1.0] * SIZE}, who)
        keep_golden(store, version(n, who), rows)
    paths = store.list("golden")
    assert [path.rpartition("-")[2] for path in paths] == ["first.parquet", "second.parquet"]
    assert all(path.startswith("golden/quality_scores/source=chat/") for path in paths)


def test_the_first_annotator_has_nothing_to_be_compared_with(store):
    rows, n = signed({"score": [1.0] * SIZE}, "first")
    assert drift(store, version(n, "first"), rows) is None
    keep_golden(store, version(n, "first"), rows)
    assert drift(store, version(n, "first"), rows) is None
    assert drift(store, version(n, "other", provenance="imported"), rows) is None


def test_numbers_are_compared_by_rank(store):
    scores = np.arange(SIZE, dtype=float)
    found = after(store, {"score": scores, "n": np.ones(SIZE)}, {"score": scores**3, "n": np.ones(SIZE)})
    assert found == Drift("first", "second", GOLDEN_ROWS, "Spearman", {"score": pytest.approx(1.0), "n": None})


def test_reversed_ranks_are_the_opposite(store):
    scores = np.arange(SIZE, dtype=float)
    assert after(store, {"score": scores}, {"score": -scores}).agreement["score"] == pytest.approx(-1.0)


def test_the_annotator_before_is_the_last_other_one(store):
    scores = np.arange(SIZE, dtype=float)
    after(store, {"score": scores}, {"score": -scores})
    rows, n = signed({"score": scores}, "first")
    found = drift(store, version(n, "first"), rows)
    assert (found.before, found.now, found.agreement["score"]) == ("second", "first", pytest.approx(-1.0))


def test_tags_are_compared_by_what_they_share(store):
    found = after(store, {"tags": [["a", "b"]] * SIZE}, {"tags": [["b", "c"]] * SIZE}, asset="tags")
    assert (found.measure, found.agreement) == ("Jaccard", {"tags": pytest.approx(1 / 3)})


def vectors(width, angle=0.0):
    unit = np.zeros((SIZE, width), np.float32)
    unit[:, 0], unit[:, 1] = np.cos(angle), np.sin(angle)
    return {"embedding": pl.Series(unit, dtype=pl.Array(pl.Float32, width))}


def test_vectors_are_compared_by_their_cosine(store):
    found = after(store, vectors(3), vectors(3, np.pi / 3), asset="row_embeddings")
    assert (found.measure, found.agreement) == ("cosine", {"embedding": pytest.approx(0.5)})


def test_vectors_of_other_dimensions_are_not_compared(store):
    found = after(store, vectors(3), vectors(4), asset="row_embeddings")
    assert (found.incomparable, found.agreement) == ("vectors of 3 and 4 dimensions", {})


def test_too_few_rows_in_common_say_nothing(store):
    rows, n = signed({"score": np.arange(SIZE, dtype=float)}, "first")
    keep_golden(store, version(n, "first"), rows)
    some, n = signed({"score": np.arange(10.0)}, "second", ids=sorted(IDS)[:10])
    assert drift(store, version(n, "second"), some).incomparable == "10 golden rows are among these"
