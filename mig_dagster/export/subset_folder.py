"""One folder for one subset: Parquet, JSON Lines, the lock file that pins how it was made, and a dataset card.

subset.parquet         rank, row_id, source, origin, gain, score, labels
train.jsonl            {"messages", "tools"} in rank order; its first k rows are the choice for k where `nested` is true
selection.lock.json    inputs, options, versions, tie rule, nested
README.md              the dataset card
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from mig_dagster.conversation import embedded_json
from mig_dagster.export.card import dataset_card

SUBSET_COLUMNS = ("rank", "row_id", "source", "origin", "gain", "score", "labels")


@dataclass(frozen=True)
class SubsetFiles:
    """What `write_subset` wrote.

    Attributes:
        folder: where.
        rows: how many rows were handed over.
        reread: how many rows `train.jsonl` holds when it is read back.
    """

    folder: Path
    rows: int
    reread: int


def write_subset(folder: Path, rows: pl.DataFrame, *, lock: Mapping[str, Any]) -> SubsetFiles:
    """Write a subset's four files, each whole or not at all, the lock last.

    Args:
        folder: made when missing; files of an earlier subset in it are replaced, other files stay.
        rows: the columns of `subset.parquet` and `messages`, `tools`; any order, `rank` from 1 without gaps.
        lock: JSON-ready description of the selection; also feeds the card.

    Raises:
        ValueError: when the ranks are not 1..k.
    """
    ordered = rows.sort("rank")
    if ordered["rank"].to_list() != list(range(1, len(ordered) + 1)):
        raise ValueError(
            f"rank must count from 1 to {len(ordered)} without gaps, got {ordered['rank'].to_list()[:5]}..."
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "subset.parquet", lambda file: ordered.select(SUBSET_COLUMNS).write_parquet(file))
    _write(folder / "train.jsonl", lambda file: file.writelines(_lines(ordered)))
    _write(folder / "README.md", lambda file: file.write(dataset_card(ordered, lock).encode()))
    _write(folder / "selection.lock.json", lambda file: file.write(_pretty(lock)))
    with (folder / "train.jsonl").open("rb") as file:
        reread = sum(isinstance(json.loads(line)["messages"], list) for line in file)
    return SubsetFiles(folder, len(ordered), reread)


def trainable(messages: list[dict[str, Any]], tools: str | None) -> dict[str, Any]:
    """Return a stored conversation as trainers read it: unset fields left out, tool calls and tools as JSON values."""
    turns = [
        {
            key: embedded_json(value) if key == "tool_calls" else value
            for key, value in turn.items()
            if value is not None
        }
        for turn in messages
    ]
    return {"messages": turns} | ({} if tools is None else {"tools": embedded_json(tools)})


def _lines(rows: pl.DataFrame) -> Iterator[bytes]:
    for messages, tools in rows.select("messages", "tools").iter_rows():
        yield json.dumps(trainable(messages, tools), ensure_ascii=False).encode() + b"\n"


def _pretty(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Fill a temporary file beside `path`, make it durable, and move it into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
