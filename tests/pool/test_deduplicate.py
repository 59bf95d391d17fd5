"""Which of several equal rows stays, and the ledger of the others."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.pool.deduplicate import pool
from mig_dagster.pool.schema import DUPLICATES, POOL, ROW_SIGNATURES


def signatures(*rows):
    """Rows as (source, origin, exact key, normalised key)."""
    lines = [(exact, source, origin, exact, normal, 1, 10) for source, origin, exact, normal in rows]
    return pl.DataFrame(lines, schema=ROW_SIGNATURES, orient="row")


def places(frame, source="source", origin="origin"):
    return list(zip(frame[source], frame[origin], strict=True))


ROWS = (("b", "f:1", "x", "n"), ("a", "f:2", "x", "n"), ("a", "f:1", "y", "n"), ("b", "f:2", "z", "m"))


def test_the_first_by_source_and_origin_stays():
    rows, duplicates = pool(signatures(*ROWS).lazy(), {})
    assert rows.schema == POOL
    assert places(rows) == [("a", "f:1"), ("b", "f:2")]
    assert duplicates.schema == DUPLICATES
    assert places(duplicates) == [("a", "f:2"), ("b", "f:1")]
    assert places(duplicates, "kept_source", "kept_origin") == [("a", "f:1")] * 2


def test_the_source_of_higher_priority_stays_and_the_pool_keeps_its_order():
    rows, duplicates = pool(signatures(*ROWS).lazy(), {"b": 1, "a": -1, "unused": 9})
    assert places(rows) == [("b", "f:1"), ("b", "f:2")]
    assert duplicates.select("source", "kind", "kept_row_id").rows() == [
        ("a", "normalised", "x"),
        ("a", "exact", "x"),
    ]


def test_the_kind_says_how_a_row_relates_to_the_one_that_stays():
    rows, duplicates = pool(signatures(("a", "1", "y", "n"), ("b", "1", "x", "n"), ("b", "2", "x", "n")).lazy(), {})
    assert places(rows) == [("a", "1")]
    assert duplicates["kind"].to_list() == ["normalised", "normalised"]
    assert (duplicates["row_id"] != duplicates["kept_row_id"]).all()


def test_an_empty_pool_is_a_pool():
    rows, duplicates = pool(ROW_SIGNATURES.to_frame().lazy(), {"a": 1})
    assert rows.equals(POOL.to_frame())
    assert duplicates.equals(DUPLICATES.to_frame())


def naive(rows, priorities):
    """The definition: rows one after the other in the order in which they win."""
    exact, normal, kept = {}, {}, {}
    for source, origin, exact_key, normal_key in sorted(rows, key=lambda r: (-priorities.get(r[0], 0), r[0], r[1])):
        if exact_key in exact:
            kept[source, origin] = exact[exact_key]
        elif normal_key in normal:
            kept[source, origin] = exact[exact_key] = normal[normal_key]
        else:
            exact[exact_key] = normal[normal_key] = (source, origin)
    return kept


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**6), st.integers(0, 12)), max_size=40),
    st.dictionaries(st.sampled_from("abc"), st.integers(-2, 2)),
    st.randoms(),
)
def test_it_is_the_naive_definition_whatever_the_order_of_arrival(drawn, priorities, random):
    rows = [(s, f"f:{o:09d}", f"e{e}", f"n{e % 5}") for s, o, e in {(s, o): (s, o, e) for s, o, e in drawn}.values()]
    shuffled = random.sample(rows, len(rows))
    kept, duplicates = pool(signatures(*shuffled).lazy(), priorities)
    expected = naive(rows, priorities)
    found = dict(zip(places(duplicates), places(duplicates, "kept_source", "kept_origin"), strict=True))
    assert found == expected
    assert places(kept) == sorted({(source, origin) for source, origin, _, _ in rows} - set(expected))
    assert places(duplicates) == sorted(expected)
    assert kept["row_id"].is_unique().all()


def test_a_million_signatures_take_seconds():
    n = 1_000_000
    many = pl.select(i=pl.int_range(n, dtype=pl.UInt64)).select(
        row_id=(pl.col("i") % 900_000).hash().cast(pl.String),
        source=pl.format("source-{}", pl.col("i") % 20),
        origin=pl.format("file.jsonl:{}", pl.col("i").cast(pl.String).str.zfill(9)),
        exact_key=(pl.col("i") % 900_000).hash().cast(pl.String),
        normalised_key=(pl.col("i") % 800_000).hash(1).cast(pl.String),
        n_turns=pl.lit(1, dtype=pl.Int32),
        n_chars=pl.lit(1, dtype=pl.Int64),
    )
    rows, duplicates = pool(many.lazy(), {"source-3": 1})
    assert rows.height + duplicates.height == n
