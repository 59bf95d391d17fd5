"""One folder for one subset: Parquet, JSON Lines, the lock file that pins how it was made, and a dataset card.

subset.parquet         rank, row_id, source, origin, gain, score, labels
train.jsonl            {"messages", "tools"} in rank order; its first k rows are the choice for k where `nested` is true
README.md              the dataset card
reasons.parquet        rank, row_id, reason, details: why each row was chosen, where the subset says so
selection.lock.json    inputs, options, versions, tie rule, nested, and the sha256 of the files above; put in place last
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from mig_dagster.conversation import embedded_json
from mig_dagster.export.card import dataset_card
from mig_dagster.storage.local_files import move_into_place

LOCK = "selection.lock.json"
SUBSET_COLUMNS = ("rank", "row_id", "source", "origin", "gain", "score", "labels")


@dataclass(frozen=True)
class SubsetFiles:
    """What a subset's folder holds.

    Attributes:
        folder: where.
        bytes: size of each file by its name, in the order in which they are put in place.
        rows: how many rows were handed over.
        reread: how many rows `train.jsonl` holds when it is read back.
    """

    folder: Path
    bytes: Mapping[str, int]
    rows: int
    reread: int


def write_subset(
    folder: Path, rows: pl.DataFrame, *, lock: Mapping[str, Any], reasons: pl.DataFrame | None = None
) -> SubsetFiles:
    """Build a subset's files beside a folder and move them into it, each whole or not at all, the lock last.

    Args:
        folder: made when missing; files of an earlier subset in it are replaced, other files stay.
        rows: as `build_subset` takes them.
        lock: as `build_subset` takes it.
        reasons: as `build_subset` takes them.

    Raises:
        ValueError: when the ranks are not 1..k.
        OSError: what was written does not read back; the folder is as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
        built = build_subset(Path(aside), rows, lock=lock, reasons=reasons)
        if built.reread != built.rows:
            raise OSError(f"{folder}: {built.reread} rows read back of {built.rows} written: check the disk, run again")
        for name in built.bytes:
            move_into_place(built.folder / name, folder / name)
    return replace(built, folder=folder)


def build_subset(
    folder: Path, rows: pl.DataFrame, *, lock: Mapping[str, Any], reasons: pl.DataFrame | None = None
) -> SubsetFiles:
    """Write a subset's files into an empty folder, and read the conversations back.

    Args:
        folder: an empty one that nobody else looks at.
        rows: the columns of `subset.parquet` and `messages`, `tools`; any order, `rank` from 1 without gaps.
        lock: JSON-ready description of the selection; also feeds the card.
        reasons: why each row was chosen, written as it is; None for a subset that does not say.

    Raises:
        ValueError: when the ranks are not 1..k.
    """
    ordered = rows.sort("rank")
    if ordered["rank"].to_list() != list(range(1, len(ordered) + 1)):
        raise ValueError(
            f"rank must count from 1 to {len(ordered)} without gaps, got {ordered['rank'].to_list()[:5]}..."
        )
    ordered.select(SUBSET_COLUMNS).write_parquet(folder / "subset.parquet")
    with (folder / "train.jsonl").open("wb") as file:
        file.writelines(_lines(ordered))
    (folder / "README.md").write_bytes(dataset_card(ordered, lock).encode())
    names = ["subset.parquet", "train.jsonl", "README.md"]
    if reasons is not None:
        reasons.write_parquet(folder / "reasons.parquet")
        names.append("reasons.parquet")
    (folder / LOCK).write_bytes(_pretty({**lock, "files": {name: _sha256(folder / name) for name in names}}))
    with (folder / "train.jsonl").open("rb") as file:
        reread = sum(isinstance(json.loads(line)["messages"], list) for line in file)
    sizes = {name: (folder / name).stat().st_size for name in (*names, LOCK)}
    return SubsetFiles(folder, sizes, len(ordered), reread)


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
