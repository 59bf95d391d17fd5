"""The catalog is quick at a million rows."""

import time

import polars as pl
import pytest

from mig_dagster.lineage import publish_catalog
from mig_dagster.pool.schema import REJECTED
from tests.lineage.small_home import REGISTRY, Home


@pytest.mark.slow
def test_a_million_rows_take_seconds(tmp_path):
    home, n = Home(tmp_path), 1_000_000
    ids = pl.select(i=pl.int_range(n, dtype=pl.UInt64)).select(
        row_id=pl.format("{}{}", pl.col("i").hash(1).cast(pl.String), pl.col("i").cast(pl.String)),
        source=pl.lit("a"),
        origin=pl.format("a.jsonl:{}", pl.col("i").cast(pl.String).str.zfill(9)),
        n_turns=pl.lit(1, pl.Int32),
        n_chars=pl.lit(9, pl.Int64),
    )
    said = {"annotator": pl.lit("x"), "provenance": pl.lit("computed"), "flag": pl.lit(None, pl.String)}
    tags = pl.lit(["one", "two", "three"], dtype=pl.List(pl.String))
    score = pl.int_range(pl.len()).cast(pl.Float64)
    home.commit("raw_pool", {"rows": ids, "rejected": pl.DataFrame(schema=REJECTED)}, "a")
    home.commit("pool", {"rows": ids})
    home.commit("tags", ids.select("row_id", tags=tags, **said), "a")
    home.commit("quality_scores", ids.select("row_id", score=score, **said), "a")
    started = time.monotonic()
    counts = publish_catalog(home.lake, home.ledger, REGISTRY)
    assert (counts["rows"], counts["annotations"]) == (n, 2 * n)
    assert time.monotonic() - started < 60
