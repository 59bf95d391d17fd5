"""A dataset repository of the Hugging Face Hub: Parquet shards, a card with front matter, and the lock.

Card and lock name no folder of this machine (`export/public_lock.py`).
`messages` has the types of `export/tables.py`, `tools` is JSON text; beside them the provenance of each row.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mig_dagster.export.card import dataset_card
from mig_dagster.export.conversations import Codec, LeftOut, trainable
from mig_dagster.export.exported import Exported, Lock, Place, finished
from mig_dagster.export.formats.trl import JSON_VALUES, conversation_fields, decode
from mig_dagster.export.public_lock import public_lock
from mig_dagster.export.subset_folder import LOCK, SUBSET_COLUMNS, write_lock
from mig_dagster.export.tables import TURNS, VALUES, reread_table, shape_of, write_table

SHARD_BYTES = 256 * 2**20
"""Text of a shard at most, where no single row is longer; the file is smaller, as it is compressed."""

COLUMNS = {
    "messages": "the turns: role, content, and tool_calls and reasoning_content where a turn has them",
    "tools": "the tools offered to the assistant, as JSON text; null where there were none",
    "rank": "1 for the row chosen first",
    "row_id": "128-bit hash of messages and tools, in hexadecimal digits",
    "source": "the data set it is from",
    "origin": "file and position there",
    "gain": "what the row added to the objective of the method, where it has one",
    "score": "quality of the row, where the method reads one",
    "labels": "what the row is about, where the method reads tags",
}
CODEC = Codec(
    lambda conversation: {"messages": trainable(conversation)["messages"], "tools": conversation.tools}, decode
)
_HUB_TYPES = {"double": "float64", "float": "float32"}


def write(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write the repository: `data/train-*.parquet`, the card and the lock."""
    shape = shape_of(rows)
    fields = conversation_fields(shape, ["messages"])
    (place.folder / "data").mkdir()
    parts = list(_shards(rows, SHARD_BYTES))
    left_out, in_memory, names = LeftOut(), 0, []
    for index, part in enumerate(parts):
        names.append(f"data/train-{index:05d}-of-{len(parts):05d}.parquet")
        _, size = write_table(place.folder / names[-1], part, CODEC, fields, SUBSET_COLUMNS)
        in_memory += size
    paths = [place.folder / name for name in names]
    info = _info(pq.read_schema(paths[0]), rows.height, in_memory, sum(path.stat().st_size for path in paths))
    known = {name: text for name, text in COLUMNS.items() if name in fields or name in SUBSET_COLUMNS}
    lock = public_lock(lock)
    card = dataset_card(rows, lock, data_files="data/train-*", info=info, columns=known)
    (place.folder / "README.md").write_bytes(card.encode())
    write_lock(place.folder, lock, [*names, "README.md"])
    return finished(
        "hf",
        place,
        rows,
        lock,
        left_out=left_out,
        reread=reread_table(paths, rows, CODEC, left_out),
        data=names,
        files=["README.md", LOCK],
        notes=[*place.copied_first, *([] if shape.plain else [JSON_VALUES])],
        commands=[f"hf upload YOUR_NAME/YOUR_DATASET {shlex.quote(place.target)} --repo-type dataset"],
    )


def _shards(rows: pl.DataFrame, limit: int) -> Iterator[pl.DataFrame]:
    """Yield the rows in their order, as frames of at most `limit` bytes of text (or one row); one frame at least."""
    contents = pl.col("messages").list.eval(
        pl.sum_horizontal(pl.element().struct.unnest().cast(pl.String).str.len_bytes())
    )
    sizes = rows.select(contents.list.sum() + pl.col("tools").str.len_bytes().fill_null(0)).to_series().to_list()
    first, held = 0, 0
    for index, size in enumerate(sizes):
        if held and held + size > limit:
            yield rows.slice(first, index - first)
            first, held = index, 0
        held += size
    yield rows.slice(first)


def _info(schema: Any, rows: int, in_memory: int, on_disk: int) -> dict[str, Any]:
    """Return `dataset_info` of a card's front matter; sizes in bytes."""
    split: Mapping[str, Any] = {"name": "train", "num_bytes": in_memory, "num_examples": rows}
    return {
        "features": [{"name": field.name, **_feature(field.type)} for field in schema],
        "splits": [dict(split)],
        "download_size": on_disk,
        "dataset_size": in_memory,
    }


def _feature(kind: Any) -> dict[str, Any]:
    if kind == VALUES:
        return {"list": "json"}
    if kind == TURNS:
        return {"list": [{"name": name, "dtype": "string"} for name in ("role", "content")]}
    if pa.types.is_list(kind):
        return {"list": _HUB_TYPES.get(str(kind.value_type), str(kind.value_type))}
    return {"dtype": _HUB_TYPES.get(str(kind), str(kind))}
