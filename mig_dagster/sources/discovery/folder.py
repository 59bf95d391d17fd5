"""Datasets in a watched folder or bucket prefix: each file and each folder directly in it, once it is written whole."""

from collections import defaultdict
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from mig_dagster.conversation import hash_text
from mig_dagster.sources.discovery.found import DiscoveryError, Findings, Found, Look, looking
from mig_dagster.sources.discovery.rules import Folder
from mig_dagster.sources.discovery.settling import changed_at, is_settled
from mig_dagster.sources.locations import READABLE, file_system


def find_in_folder(folder: Folder, look: Look) -> Findings:
    """Look at what is directly in a folder.

    A file with a suffix of `READABLE` is a dataset, and so is a folder with such files at any depth. Hidden names are
    passed over, and so are empty files until something is in them.

    Raises:
        DiscoveryError: the folder does not exist, or cannot be listed.
    """
    fs, root, files = _files(folder.uri)
    groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    notes = []
    for path, info in files.items():
        relative = path[len(root) :].strip("/")
        if not _is_text(relative):
            notes.append(f"{relative!r} is passed over: its name is no UTF-8; rename it")
        elif info["type"] == "file" and relative.lower().endswith(READABLE) and "/." not in "/" + relative:
            groups[relative.split("/")[0]][relative] = info
    uris = {name: _uri(fs, f"{root.rstrip('/')}/{name}") for name in sorted(groups)}
    marks = {uris[name]: _mark(groups[name]) for name in uris}
    settled = [name for name in uris if _is_whole(groups[name], marks[uris[name]], uris[name], look)]
    return Findings(
        found=tuple(Found(uris[name], name, details=_details(groups[name])) for name in settled),
        present=frozenset(uris.values()),
        waiting=tuple(name for name in uris if name not in settled),
        marks=marks,
        notes=tuple(notes),
    )


def _files(uri: str) -> tuple[Any, str, dict[str, dict[str, Any]]]:
    """Return the file system, the folder on it, and every file below with what is known of it."""
    with looking(f"{uri}: cannot be listed", "check the place and who may list it"):
        fs, root = file_system(uri)
        fs.invalidate_cache()  # of listings: what others put there since is what we look for
        if isinstance(fs, LocalFileSystem) and not fs.isdir(root):
            raise DiscoveryError(f"{uri}: there is no such folder; nothing was changed on account of that")
        return fs, root, fs.find(root, detail=True)


def _is_whole(files: dict[str, dict[str, Any]], mark: str, uri: str, look: Look) -> bool:
    return all(info["size"] for info in files.values()) and is_settled(uri, mark, map(changed_at, files.values()), look)


def _mark(files: dict[str, dict[str, Any]]) -> str:
    stamps = [f"{name}:{info['size']}:{changed_at(info)}:{info.get('ETag')}" for name, info in sorted(files.items())]
    return hash_text("\n".join(stamps))[:16]


def _details(files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {"files": len(files), "bytes": sum(int(info["size"]) for info in files.values())}


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _uri(fs: Any, path: str) -> str:
    return path if isinstance(fs, LocalFileSystem) else str(fs.unstrip_protocol(path))
