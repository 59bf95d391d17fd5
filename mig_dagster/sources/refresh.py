"""What reading the sources again would change: told before anything is done."""

from collections.abc import Iterable, Mapping
from typing import Any

from mig_dagster.sources.records import SourceFileError
from mig_dagster.sources.registry import Source
from mig_dagster.sources.revisions import FileVersion, Revision, resolve


def refresh_plan(sources: Iterable[Source], known: Mapping[str, Revision]) -> list[dict[str, Any]]:
    """Compare the sources as they are now with their last revisions; nothing is written or downloaded but cards.

    Args:
        sources: which ones to look at.
        known: the last revision of each, by name; a source without one is new.

    Returns:
        For each source, in order: `{"source", "uri", "state", "kind", "old", "new", "files", "bytes", "problem"}`.
        `state` is "new", "changed", "unchanged" or "unreadable"; `kind` is that of `Revision`; `old` and `new` are
        revision ids, or None; `files` are those added, removed or changed, `{"path", "change", "old_size",
        "new_size"}` with sizes in bytes; `bytes` is the size of all files now; `problem` says why a source is
        unreadable, else None. A new commit on the Hub may be a change without a changed file.
    """
    return [_plan(source, known.get(source.name)) for source in sources]


def _plan(source: Source, old: Revision | None) -> dict[str, Any]:
    new, problem = None, None
    try:
        new = resolve(source, old)
    except SourceFileError as error:
        problem = str(error)
    return {
        "source": source.name,
        "uri": source.uri,
        "state": _state(old, new),
        "kind": new.kind if new else None,
        "old": old.id if old else None,
        "new": new.id if new else None,
        "files": _differences(old, new) if new else [],
        "bytes": new.size if new else None,
        "problem": problem,
    }


def _state(old: Revision | None, new: Revision | None) -> str:
    if new is None:
        return "unreadable"
    if old is None:
        return "new"
    return "unchanged" if old.id == new.id else "changed"


def _differences(old: Revision | None, new: Revision) -> list[dict[str, Any]]:
    before: dict[str, FileVersion] = {file.path: file for file in old.files} if old else {}
    after = {file.path: file for file in new.files}
    lines = []
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path), after.get(path)
        if was and now and (was.size, was.pin) == (now.size, now.pin):
            continue
        change = "added" if was is None else "removed" if now is None else "changed"
        sizes = {"old_size": was.size if was else None, "new_size": now.size if now else None}
        lines.append({"path": path, "change": change, **sizes})
    return lines
