"""A lock as strangers may read it: without the folders of the machine on which the subset was chosen."""

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from mig_dagster.export.exported import Lock


def public_lock(lock: Lock) -> dict[str, Any]:
    """Return a lock in which a folder's or file's absolute path, as of a model in use, is its last part alone."""
    return {name: _public(value) for name, value in lock.items()}


def _public(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _public(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_public(each) for each in value]
    return _last_part(value) if isinstance(value, str) else value


def _last_part(text: str) -> str:
    path = text.removeprefix("file://")
    if path.startswith(("/", "~")):
        return PurePosixPath(path).name
    windows = PureWindowsPath(path)
    return windows.name if windows.drive and windows.root else text
