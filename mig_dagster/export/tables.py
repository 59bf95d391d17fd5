"""Parquet of conversations whose types hold for the whole file, however its rows differ.

Turns are structs of `role` and `content` while no turn of the file has more. Otherwise every turn is one value of
Arrow's JSON type: a struct would give each turn the keys of all others, as nulls that chat templates print, and
arguments of two tools would not fit into one type. Hugging Face datasets (4.7 and newer) read such values as objects.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mig_dagster.export.conversations import BATCH, Codec, LeftOut, Record, count_equal, encoded

TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
VALUES = pa.list_(pa.json_())


@dataclass(frozen=True)
class Shape:
    """What the rows of a file need.

    Attributes:
        plain: no turn has tool calls or reasoning apart.
        tools: a row offers tools.
    """

    plain: bool
    tools: bool

    @property
    def turns(self) -> Any:
        """The Arrow type of a list of turns."""
        return TURNS if self.plain else VALUES


def shape_of(rows: pl.DataFrame) -> Shape:
    """Return what some rows need."""
    extra = pl.element().struct.field("tool_calls").is_not_null()
    thought = pl.element().struct.field("reasoning_content").is_not_null()
    rich = rows.select(pl.col("messages").list.eval(extra | thought).list.any().any()).item()
    return Shape(plain=not rich, tools=rows["tools"].null_count() < rows.height)


def write_table(
    path: Path, rows: pl.DataFrame, codec: Codec, fields: Mapping[str, Any], beside: Sequence[str] = ()
) -> tuple[LeftOut, int]:
    """Write a file of one record a row, in the order of the rows.

    Args:
        path: a new file.
        rows: with `messages`, `tools`; `rank`, `row_id`, `source` name those that are left out.
        codec: how a conversation is written.
        fields: Arrow type of each field of its records.
        beside: columns of `rows` to write after them, as they are.

    Returns:
        The rows that the format cannot say, and the size in memory of what was written, in bytes.
    """
    left_out = LeftOut()
    kept = rows.clear().select(beside).to_arrow().schema
    schema = pa.schema([pa.field(name, kind) for name, kind in fields.items()] + [_plain(field) for field in kept])
    size = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for part in rows.iter_slices(BATCH):
            pairs = list(encoded(part, codec, left_out))
            arrays = [_array(kind, [record.get(name) for _, record in pairs]) for name, kind in fields.items()]
            arrays += [pa.array([row[name] for row, _ in pairs], schema.field(name).type) for name in beside]
            table = pa.table(arrays, schema=schema)
            size += table.nbytes
            file.write_table(table)
    return left_out, size


def reread_table(paths: Sequence[Path], rows: pl.DataFrame, codec: Codec, left_out: LeftOut) -> int:
    """Return how many rows of such files are, read back, what was handed over."""
    return count_equal(chain.from_iterable(map(read_table, paths)), rows, codec, left_out)


def read_table(path: Path) -> Iterator[Record]:
    """Yield the records of a file, JSON values as what they hold."""
    with pq.ParquetFile(path) as file:
        values = [field.name for field in file.schema_arrow if field.type == VALUES]
        for batch in file.iter_batches(BATCH):
            for record in batch.to_pylist():
                for name in values:
                    if record[name] is not None:
                        record[name] = list(map(json.loads, record[name]))
                yield record


def _plain(field: Any) -> Any:
    """Return a column of Polars with the types that every reader knows."""
    if pa.types.is_large_list(field.type):
        return pa.field(field.name, pa.list_(pa.string()))
    return pa.field(field.name, pa.string()) if pa.types.is_large_string(field.type) else field


def _array(kind: Any, values: Sequence[Any]) -> Any:
    if kind != VALUES:
        return pa.array(values, kind)
    ends, texts = [0], list[str]()
    for value in values:
        texts += [json.dumps(item, ensure_ascii=False) for item in value or ()]
        ends.append(len(texts))
    stored = pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))
    missing = pa.array([value is None for value in values], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), stored, mask=missing)
