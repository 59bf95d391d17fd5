"""The conversations as they are: JSON Lines, or Parquet with all that is known of each row."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from mig_dagster.conversation import Conversation, from_dicts
from mig_dagster.export.conversations import BATCH, PLAIN, Codec, LeftOut, Record, count_equal
from mig_dagster.export.exported import Exported, Lock, Place, dataset_name, finished
from mig_dagster.export.lines import reread_lines, write_lines
from mig_dagster.export.subset_folder import SUBSET_COLUMNS


def write_jsonl(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write `{"messages", "tools"}` a line: tools and arguments as JSON values, fields that are not set left out."""
    data = f"{dataset_name(lock)}.jsonl"
    path = place.folder / data
    left_out = write_lines(path, rows, PLAIN)
    reread = reread_lines(path, rows, PLAIN, left_out)
    return finished("jsonl", place, rows, lock, left_out=left_out, reread=reread, data=[data])


def write_parquet(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write the columns of a subset, `messages` as structs and `tools` and `tool_calls` as JSON text."""
    data = f"{dataset_name(lock)}.parquet"
    path = place.folder / data
    whole = rows.select(*SUBSET_COLUMNS, "messages", "tools")
    with pq.ParquetWriter(path, whole.clear().to_arrow().schema, compression="zstd") as file:
        for part in whole.iter_slices(BATCH):
            file.write_table(part.to_arrow())
    nothing = LeftOut()
    reread = count_equal(_stored(path), rows, STORED, nothing)
    return finished("parquet", place, rows, lock, left_out=nothing, reread=reread, data=[data])


def read_stored(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation in a row of `write_parquet`."""
    return from_dicts(record["messages"], record["tools"])


def stored(conversation: Conversation) -> Record:
    """Return a conversation as the lake keeps it."""
    return {"messages": [message.as_dict() for message in conversation.messages], "tools": conversation.tools}


STORED = Codec(stored, read_stored)


def _stored(path: Path) -> Iterator[Record]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=["messages", "tools"]):
            yield from batch.to_pylist()
