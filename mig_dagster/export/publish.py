"""Put the files of an export in their place: every one whole, and none of them before all are read back."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mig_dagster.export.exported import Exported, Lock, Place
from mig_dagster.export.formats import FORMATS
from mig_dagster.storage.local_files import move_into_place


def check_formats(names: Sequence[str]) -> list[str]:
    """Return the names without repetition.

    Raises:
        ValueError: there is no such format, or none is named.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        asked = f"unknown format {unknown[0]!r}" if unknown else "no format is named"
        raise ValueError(f"{asked}: expected some of {', '.join(FORMATS)}")
    return list(dict.fromkeys(names))


def build_export(folder: Path, form: str, rows: pl.DataFrame, lock: Lock, *, target: str) -> Exported:
    """Write a subset for a consumer into an empty folder, and read it back.

    Args:
        folder: made here; nobody else looks at it.
        form: a name of `FORMATS`.
        rows: by rank, with `SUBSET_COLUMNS`, `messages` and `tools`.
        lock: of the subset.
        target: path or URI of the folder that the files are put into.
    """
    folder.mkdir()
    return FORMATS[form](Place(folder, target), rows, lock)


def export_to(folder: Path, form: str, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write a subset for a consumer into a folder, whole or not at all.

    Args:
        folder: made when missing; files of the same names are replaced, shards of an earlier export go, others stay.
        form: as `build_export` takes it.
        rows: as `build_export` takes them.
        lock: as `build_export` takes it.

    Raises:
        ValueError: the folder is a file, or holds a registration that cannot be extended.
        OSError: what was written does not read back; the folder is as it was.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder")
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
        made = build_export(Path(aside) / form, form, rows, lock, target=str(folder))
        if not made.whole:
            raise OSError(f"{folder}: {made.reread} of {made.written} rows read back as they were: run again")
        for name in made.files:
            move_into_place(made.folder / name, folder / name)
    _remove_earlier(folder, made)
    return replace(made, folder=folder)


def _remove_earlier(folder: Path, made: Exported) -> None:
    """Remove what an earlier export of the same name wrote and this one did not: readers take `data/train-*` whole."""
    ours = [*folder.glob("data/train-*-of-*.parquet"), folder / made.listing]
    for path in ours:
        if path.relative_to(folder).as_posix() not in made.files:
            path.unlink(missing_ok=True)
