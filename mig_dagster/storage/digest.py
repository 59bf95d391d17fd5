"""Hash the values of a table's columns, however they are chunked in memory or spread over files."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

ArrowArray: TypeAlias = Any
"""A pyarrow array; its stubs lack the methods of nested arrays."""

NULL_LENGTH = -1
"""Stands for the length of a missing string or list, so that null and empty differ."""

_SLICE_ROWS = 16_384


class ValuesDigest:
    """A running 128-bit hash of a table's columns.

    Each column is hashed as streams (null marks, lengths, bytes, and those of its children); what is appended to a
    stream does not depend on where one frame ends and the next begins. Column names and types count, so do the order
    of rows and columns; floats count by their bits, categories as the strings they stand for.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        self._streams: dict[str, blake2b] = {}
        self._rows = 0

    def update(self, rows: pl.DataFrame | pa.Table) -> None:
        """Append rows: a frame, or what `as_arrow` made of one.

        Raises:
            TypeError: a column's type has no value to hash (Python objects).
        """
        self._rows += len(rows)
        if not self._columns:
            return
        for part in [rows] if isinstance(rows, pa.Table) else _parts(rows.select(self._columns)):
            for position, name in enumerate(self._columns):
                for stream, data in _streams(_array(part, name), str(position)):
                    self._streams.setdefault(stream, blake2b(digest_size=16)).update(data)

    def hexdigest(self) -> str:
        """Return 32 hex digits for all rows appended so far."""
        whole = blake2b(f"{self._rows} {self._columns}".encode(), digest_size=16)
        for stream in sorted(self._streams):
            whole.update(stream.encode() + b"\0" + self._streams[stream].digest())
        return whole.hexdigest()


def values_digest(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> str:
    """Return 32 hex digits that identify the values of some columns of a frame, in the order given; default: all."""
    digest = ValuesDigest(frame.columns if columns is None else columns)
    digest.update(frame)
    return digest.hexdigest()


def row_bytes(rows: pl.DataFrame | pa.Table) -> npt.NDArray[np.int64]:
    """Return how many bytes each row's values take uncompressed, (n,); a function of the values alone."""
    table = rows if isinstance(rows, pa.Table) else as_arrow(rows)
    total = np.zeros(len(table), dtype=np.int64)
    for name in table.column_names:
        total += _sizes(_array(table, name))
    return total


def as_arrow(frame: pl.DataFrame) -> pa.Table:
    """Return a frame as Arrow with plain (not view) strings, each column in one piece.

    Raises:
        TypeError: a column holds Python objects.
    """
    for name, kind in frame.schema.items():
        if kind.is_(pl.Object):
            raise TypeError(f"column {name!r} holds Python objects: cast it to a Polars type that has values")
    return frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())


def _parts(frame: pl.DataFrame) -> Iterator[pa.Table]:
    return map(as_arrow, frame.iter_slices(_SLICE_ROWS) if frame.height else [frame])


def _array(table: pa.Table, name: str) -> ArrowArray:
    return table.column(name).chunk(0)


def _streams(array: ArrowArray, name: str) -> Iterator[tuple[str, bytes | memoryview]]:
    """Yield (stream, bytes to append) for one column, then for its children."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _streams(array.dictionary_decode(), name)
    elif _is_text(kind):
        lengths, data = _text(array)
        yield f"{name}:{'text' if pa.types.is_large_string(kind) else 'bytes'} lengths", _raw(lengths)
        yield f"{name}:data", data
    elif pa.types.is_large_list(kind):
        yield f"{name}:list lengths", _raw(_list_lengths(array))
        yield from _streams(array.flatten(), name + "[]")
    elif pa.types.is_fixed_size_list(kind):
        yield f"{name}:array of {kind.list_size}", _raw(_present(array))
        yield from _streams(array.flatten(), name + "[]")
    elif pa.types.is_struct(kind):
        yield f"{name}:struct {[field.name for field in kind]}", _raw(_present(array))
        for position, child in enumerate(array.flatten()):
            yield from _streams(child, f"{name}.{position}")
    elif pa.types.is_null(kind):
        yield f"{name}:null", b""
    else:
        yield f"{name}:present", _raw(_present(array))
        yield f"{name}:{kind}", _fixed_width(array)


def _sizes(array: ArrowArray) -> npt.NDArray[np.int64]:
    """Return the bytes of each value of an array, (n,)."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _sizes(array.dictionary_decode())
    if _is_text(kind):
        lengths, _ = _text(array)
        return np.maximum(lengths, 0)
    if pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        fixed = kind.list_size if pa.types.is_fixed_size_list(kind) else None
        lengths = _list_lengths(array) if fixed is None else _present(array).astype(np.int64) * fixed
        before = np.concatenate([[0], np.cumsum(_sizes(array.flatten()))])
        ends = np.cumsum(np.maximum(lengths, 0))
        sizes: npt.NDArray[np.int64] = np.diff(before[np.concatenate([[0], ends])])
        return sizes
    if pa.types.is_struct(kind):
        return sum((_sizes(child) for child in array.flatten()), start=np.zeros(len(array), dtype=np.int64))
    width = 0 if pa.types.is_null(kind) else max(1, kind.bit_width // 8)
    return np.full(len(array), width, dtype=np.int64)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)


def _text(array: ArrowArray) -> tuple[npt.NDArray[np.int64], bytes | memoryview]:
    """Return the byte length of each string (`NULL_LENGTH` for null) and all bytes in a row."""
    # What stands in the buffer under a null is undefined, so it must not reach the hash.
    filled = pc.fill_null(array, "" if pa.types.is_large_string(array.type) else b"") if array.null_count else array
    _, offsets_buffer, data = filled.buffers()
    if not len(filled):
        return np.empty(0, dtype=np.int64), b""
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[filled.offset : filled.offset + len(filled) + 1]
    lengths = np.diff(offsets)
    lengths[~_present(array)] = NULL_LENGTH
    return lengths, b"" if data is None else memoryview(data)[offsets[0] : offsets[-1]]


def _list_lengths(array: ArrowArray) -> npt.NDArray[np.int64]:
    known: ArrowArray = pc.list_value_length(array)
    lengths: ArrowArray = pc.fill_null(known, NULL_LENGTH)
    result: npt.NDArray[np.int64] = lengths.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return result


def _present(array: ArrowArray) -> npt.NDArray[np.bool_]:
    """Return one byte a value: 0 where it is null."""
    if array.null_count == 0:
        return np.ones(len(array), dtype=np.bool_)
    present: npt.NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return present


def _fixed_width(array: ArrowArray) -> bytes | memoryview:
    """Return the bytes of numbers, times and truth values, with zeros under nulls."""
    if pa.types.is_boolean(array.type):
        return _fixed_width(array.cast(pa.uint8()))
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None:
        return b""
    values = np.frombuffer(data, dtype=np.uint8)[array.offset * width : (array.offset + len(array)) * width]
    if array.null_count:
        values = np.where(_present(array)[:, None], values.reshape(-1, width), np.uint8(0)).reshape(-1)
    return _raw(values)


def _raw(values: npt.NDArray[np.generic]) -> memoryview:
    return np.ascontiguousarray(values).view(np.uint8).data if values.size else memoryview(b"")
