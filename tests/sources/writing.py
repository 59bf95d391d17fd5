"""Small source files for the tests of the readers."""

import errno
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from mig_dagster.sources import Accepted, Rejected, read_file
from mig_dagster.sources.records import Blank

ROW = {"instruction": "Add 2 and 3.", "input": "", "output": "5"}


def text(**changes: Any) -> bytes:
    """Return a line with `ROW`, some fields of it changed."""
    return json.dumps(ROW | changes).encode()


def nested(levels: int) -> bytes:
    """Return a row with an object nested so deeply, the row itself being the first level."""
    return text(extra=0).replace(b'"extra": 0', b'"extra": ' + b'{"a": ' * (levels - 1) + b"1" + b"}" * (levels - 1))


def lines(*records: Any) -> bytes:
    """Return records as JSON Lines; bytes stand for a line as it is."""
    texts = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    return b"".join(line + b"\n" for line in texts)


def write(path: Path, content: bytes, packed: bool = False) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if packed else content)
    return str(path)


def read(path: str | Path, **options: Any) -> list[Accepted | Rejected | Blank]:
    return list(read_file(str(path), origin=Path(path).name, **options))


def reasons(path: str | Path, **options: Any) -> list[str]:
    """Return the reason of each record; "" for an accepted one, "blank" for a blank line."""
    return [
        found.reason if isinstance(found, Rejected) else "" if isinstance(found, Accepted) else "blank"
        for found in read(path, **options)
    ]


def refuse_to_list(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Answer as a disk does that lets nobody read these folders; root reads whatever there is."""
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if Path(os.fsdecode(path)) in folders:
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
