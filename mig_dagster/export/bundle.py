"""A subset's own folder with a folder in it for each of its consumers, built aside and put in place together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mig_dagster.export.exported import Exported, Lock
from mig_dagster.export.formats import FORMATS
from mig_dagster.export.publish import build_export
from mig_dagster.export.subset_folder import LOCK, SubsetFiles, build_subset


@dataclass(frozen=True)
class Bundle:
    """What was built.

    Attributes:
        files: the subset's own.
        exports: those of the consumers, in folders of their formats' names.
    """

    files: SubsetFiles
    exports: Sequence[Exported]

    @property
    def bytes(self) -> dict[str, int]:
        """Size of each file by its path, in the order in which they are put in place: the lock last."""
        own = dict(self.files.bytes)
        lock = own.pop(LOCK)
        consumers = {f"{each.format}/{name}": size for each in self.exports for name, size in each.bytes.items()}
        return {**own, **consumers, LOCK: lock}


def build_bundle(
    folder: Path,
    rows: pl.DataFrame,
    *,
    lock: Lock,
    reasons: pl.DataFrame | None = None,
    formats: Sequence[str],
    target: str,
) -> Bundle:
    """Write a subset's files, and those of its consumers, into an empty folder, and read all of them back.

    Args:
        folder: an empty one that nobody else looks at.
        rows: by rank, with `SUBSET_COLUMNS`, `messages` and `tools`.
        lock: of the subset.
        reasons: as `build_subset` takes them.
        formats: names of `FORMATS`.
        target: path or URI of the folder that all is put into.
    """
    files = build_subset(folder, rows, lock=lock, reasons=reasons)
    exports = [build_export(folder / form, form, rows, lock, target=f"{target}/{form}") for form in formats]
    return Bundle(files, exports)


def of_a_format(path: str) -> bool:
    """Return whether a path in a subset's folder is that of a consumer's file."""
    return path.partition("/")[0] in FORMATS
