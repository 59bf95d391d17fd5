"""Objects of known size, as DuckDB reads them."""

import duckdb
import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mig_dagster.storage import known_objects
from mig_dagster.storage.known_objects import KnownObjects


class Counting(MemoryFileSystem):
    """Notes what is asked of it; only bytes are to be asked for."""

    cachable = False
    ranges: list[tuple[str, int, int]]

    def cat_file(self, path, start=None, end=None, **kwargs):
        self.ranges.append((path, start, end))
        return super().cat_file(path, start, end, **kwargs)


@pytest.fixture
def filled():
    """A file system with two Parquet objects, and the sizes of both."""
    fs = Counting()
    fs.ranges = []
    for name, rows in (("a[1]", 3), ("b", 4)):
        with fs.open(f"/home/{name}", "wb") as file:
            pl.DataFrame({"n": range(rows)}).write_parquet(file)
    return fs, {f"/home/{name}": fs.size(f"/home/{name}") for name in ("a[1]", "b")}


def asked(fs, sizes):
    with duckdb.connect() as database:
        database.register_filesystem(KnownObjects(fs, sizes))
        query = "from read_parquet(['known:///home/a[[]1]', 'known:///home/b'], filename = true)"
        return database.sql(f"select filename, count(*) {query} group by all order by all").fetchall()


def test_small_objects_are_fetched_whole(filled):
    fs, sizes = filled
    assert asked(fs, sizes) == [("known:///home/a[1]", 3), ("known:///home/b", 4)]
    assert {(start, end) for _, start, end in fs.ranges} == {(0, size) for size in sizes.values()}


def test_large_objects_are_fetched_in_pieces(filled, monkeypatch):
    fs, sizes = filled
    monkeypatch.setattr(known_objects, "WHOLE_BYTES", 0)
    monkeypatch.setattr(known_objects, "_PIECE_BYTES", 64)
    assert [count for _, count in asked(fs, sizes)] == [3, 4]
    assert len(fs.ranges) > 2


def test_an_object_that_was_not_given_is_not_there(filled):
    known = KnownObjects(*filled)
    assert not known.exists("known:///home/c")
    with pytest.raises(FileNotFoundError, match="/home/c"):
        known.open("known:///home/c")
