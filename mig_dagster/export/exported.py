"""What an export takes and what it says of itself."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.export.conversations import LeftOut
from mig_dagster.export.lines import json_line

Lock = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where files grow, and where they will be.

    Attributes:
        folder: an empty folder that nobody else looks at.
        target: path or URI of the folder they are put into; commands and configuration files name it.
    """

    folder: Path
    target: str

    @property
    def copied_first(self) -> list[str]:
        """What to say of a consumer that reads folders of its own machine alone; nothing where this is one."""
        return [f"copy {self.target} to a folder first, and name that one"] if "://" in self.target else []

    def goal(self, name: str) -> str:
        """Return where a file will be."""
        return f"{self.target.rstrip('/')}/{name}"

    def earlier(self, name: str) -> bytes | None:
        """Return what the file of that name holds before this export; None where there is none on this machine."""
        path = Path(self.target) / name
        return path.read_bytes() if path.is_file() else None


@dataclass(frozen=True)
class Exported:
    """What was written for a consumer.

    Attributes:
        format: a name of `FORMATS`.
        name: of the data set, as the consumer knows it.
        folder: where the files are.
        files: sha256 of each by its path in the folder, in the order in which they are put in place.
        bytes: size of each.
        rows: how many rows were handed over.
        written: how many of them the data files hold.
        reread: how many of those are, read back by the format's own rules, what was handed over, in the same order.
        left_out: how many rows the format cannot say, by reason; `<name>.left_out.jsonl` names each.
        left_out_ranks: their ranks.
        data: the files that hold the rows, in their order (`reading.read_records`).
        registration: how the consumer is told to read them: its own entry for the data set, {} where it needs none.
        notes: what a user should know, a sentence each.
        commands: what to run next.
    """

    format: str
    name: str
    folder: Path
    files: Mapping[str, str]
    bytes: Mapping[str, int]
    rows: int
    written: int
    reread: int
    left_out: Mapping[str, int]
    left_out_ranks: frozenset[int]
    data: Sequence[str]
    registration: Mapping[str, Any]
    notes: Sequence[str]
    commands: Sequence[str]

    @property
    def listing(self) -> str:
        """The file that names the rows left out, where there are any."""
        return _listing(self.name)

    @property
    def whole(self) -> bool:
        """Whether every row is in the files as it was, or named with the reason why not."""
        return self.reread == self.written == self.rows - sum(self.left_out.values())


Writer = Callable[[Place, pl.DataFrame, Lock], Exported]
"""Takes the place, the rows by rank (`SUBSET_COLUMNS`, `messages`, `tools`) and the lock."""


def dataset_name(lock: Lock) -> str:
    """Return a subset's name as every consumer takes it: letters, digits, `_`, `-` and `.`.

    Names in other letters end with a part of their hash: two of them in one folder would be one data set.
    """
    name = str(lock["name"])
    known = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "subset"
    foreign = any(mark.isalnum() and not mark.isascii() for mark in name)
    return f"{known}-{sha256(name.encode()).hexdigest()[:8]}" if foreign else known


def finished(
    form: str,
    place: Place,
    rows: pl.DataFrame,
    lock: Lock,
    *,
    left_out: LeftOut,
    reread: int,
    data: Sequence[str],
    files: Sequence[str] = (),
    registration: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> Exported:
    """Return the account of an export whose files are written, and list the rows it leaves out beside them.

    Args:
        form: a name of `FORMATS`.
        place: where the files are.
        rows: what was handed over.
        lock: of the subset.
        left_out: what the format cannot say.
        reread: how many rows were read back equal.
        data: the files that hold the rows.
        files: what else was written, in the order in which it is put in place, after the data.
        registration: the consumer's own entry for the data set.
        notes: what a user should know.
        commands: what to run next.
    """
    name = dataset_name(lock)
    names = [*data, *files]
    if left_out.rows:
        listing = _listing(name)
        (place.folder / listing).write_bytes(b"".join(map(json_line, left_out.rows)))
        names.insert(0, listing)
    return Exported(
        format=form,
        name=name,
        folder=place.folder,
        files={each: sha256_of(place.folder / each) for each in names},
        bytes={each: (place.folder / each).stat().st_size for each in names},
        rows=rows.height,
        written=rows.height - len(left_out.rows),
        reread=reread,
        left_out=left_out.counts,
        left_out_ranks=frozenset(row["rank"] for row in left_out.rows),
        data=tuple(data),
        registration=registration or {},
        notes=tuple(notes),
        commands=tuple(commands),
    )


def _listing(name: str) -> str:
    return f"{name}.left_out.jsonl"


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
