"""One folder for one subset: Parquet, JSON Lines, the lock file that pins how it was made, and a dataset card.

subset.parquet         rank, row_id, source, origin, gain, score, labels
train.jsonl            {"messages", "tools"} in rank order; its first k rows are the choice for k where `nested` is true
README.md              the dataset card
reasons.parquet        rank, row_id, reason, details: why each row was chosen, where the subset says so
selection.lock.json    inputs, options, versions, tie rule, nested, and the sha256 of the files above; put in place last
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from mig_dagster.export.card import dataset_card
from mig_dagster.export.conversations import PLAIN
from mig_dagster.export.exported import sha256_of
from mig_dagster.export.lines import reread_lines, write_lines
from mig_dagster.export.seal import sealed
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
        reread: how many rows of `train.jsonl` are, read back, the conversations that were handed over.
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
    left_out = write_lines(folder / "train.jsonl", ordered, PLAIN)
    (folder / "README.md").write_bytes(dataset_card(ordered, lock).encode())
    names = ["subset.parquet", "train.jsonl", "README.md"]
    if reasons is not None:
        reasons.write_parquet(folder / "reasons.parquet")
        names.append("reasons.parquet")
    write_lock(folder, lock, names)
    reread = reread_lines(folder / "train.jsonl", ordered, PLAIN, left_out)
    sizes = {name: (folder / name).stat().st_size for name in (*names, LOCK)}
    return SubsetFiles(folder, sizes, len(ordered), reread)


def write_lock(folder: Path, lock: Mapping[str, Any], names: Sequence[str]) -> None:
    """Write the lock into a folder, with the sha256 of files that are there and its own seal.

    Args:
        folder: of a subset's files.
        lock: JSON-ready description of the selection.
        names: paths of the files in the folder.
    """
    pinned = sealed({**lock, "files": {name: sha256_of(folder / name) for name in names}})
    text = json.dumps(pinned, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / LOCK).write_bytes(text.encode() + b"\n")
