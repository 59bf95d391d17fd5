"""What changed in the registry and in the files of near sources since the sensor looked last."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assets.reported import UNREADABLE, Look, entry_in, entry_of, look, revision_from
from mig_dagster.conversation import canonical_json, hash_text
from mig_dagster.sources import Revision, Source, SourceFileError
from mig_dagster.sources.locations import list_files
from mig_dagster.sources.revisions import is_remote

SECONDS = 20.0
"""Looking stops after this long and goes on at the next tick: a tick that takes a minute is killed."""
TICK_BYTES = 1 << 30
"""A source of which more than this is to be read is left to a run."""

LastRevision = Callable[[str], Revision | None]


@dataclass(frozen=True)
class Seen:
    """What the sensor remembers of a source.

    Attributes:
        priority: as registered.
        revision: with the files' sizes and times, so that unchanged files are not hashed again; None when they were
            never read in a tick.
        asked: what a run was last asked to look at, so that it is asked once; "" where none was.
        problem: why it could not be read, "" when it could.
    """

    priority: int
    revision: Revision | None = None
    asked: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Changes:
    """The difference between the registry now and what is known.

    Attributes:
        changed: sources of which something new is to be reported.
        to_refresh: sources that a run has to look at, because that goes over the network or takes long.
        problems: what is wrong with sources that cannot be read, by name; new ones are in `changed` too, so that their
            run fails with the same message where people look.
        priorities_changed: a source that stays has another priority.
        seen: what to remember.
    """

    changed: dict[str, Look]
    to_refresh: list[str]
    problems: dict[str, str]
    priorities_changed: bool
    seen: dict[str, Seen] = field(repr=False)


def find_changes(
    registry: Mapping[str, Source],
    before: Mapping[str, Seen],
    reported: Mapping[str, str],
    *,
    refreshes: Mapping[str, int] | None = None,
    last_revision: LastRevision = lambda name: None,
    clock: Callable[[], float] = time.monotonic,
) -> Changes:
    """Compare the registry and the files of its near sources with what is known.

    Args:
        registry: the sources now.
        before: what the sensor remembers.
        reported: the versions that were last reported.
        refreshes: for sources that somebody asked to look at, the number of that wish.
        last_revision: returns the revision that was last reported; asked for large sources only.
        clock: seconds; for tests.
    """
    started = clock()
    changes = Changes({}, [], {}, False, {})
    for name, source in registry.items():
        known = before.get(name)
        if clock() - started > SECONDS:
            if known is not None:
                changes.seen[name] = known
            continue
        wish = str((refreshes or {}).get(name, ""))
        _add(changes, source, known or Seen(source.priority), reported.get(name), wish, last_revision)
    stay = changes.seen.keys() & before.keys()
    moved = any(changes.seen[name].priority != before[name].priority for name in stay)
    return Changes(changes.changed, changes.to_refresh, changes.problems, moved, changes.seen)


def dump_seen(seen: Mapping[str, Seen]) -> dict[str, Any]:
    """Return what was seen, JSON-ready, for the sensor's cursor."""
    return {name: asdict(source) for name, source in seen.items()}


def load_seen(document: Mapping[str, Any]) -> dict[str, Seen]:
    """Return what `dump_seen` made; what an older version wrote in other words is forgotten."""
    known = Seen.__dataclass_fields__.keys()
    return {
        name: Seen(**{**{key: line[key] for key in known & line.keys()}, "revision": revision_from(line["revision"])})
        for name, line in document.items()
    }


def _add(
    changes: Changes, source: Source, known: Seen, reported: str | None, wish: str, last_revision: LastRevision
) -> None:
    """Look at one source as far as a tick may, and add what was found."""
    name = source.name
    asked, revision = _left_to_a_run(source, known.revision, reported, wish, last_revision)
    if asked:
        if asked != known.asked:
            changes.to_refresh.append(name)
        changes.seen[name] = Seen(source.priority, known.revision, asked)
        return
    if is_remote(source):
        changes.seen[name] = Seen(source.priority, None, known.asked)
        return
    found = look(source, revision)
    changes.seen[name] = Seen(source.priority, found.revision, known.asked, found.problem)
    if found.problem:
        changes.problems[name] = found.problem
    if found.version != reported and not _may_pass(found, known, reported):
        changes.changed[name] = found


def _may_pass(found: Look, known: Seen, reported: str | None) -> bool:
    """Say whether a problem is seen for the first time, of a source that could be read before.

    Somebody may just be replacing its file; and a file that vanished from a watched folder takes its source with it, as
    soon as discovery has looked.
    """
    was_readable = reported is not None and not reported.startswith(UNREADABLE)
    return was_readable and found.problem not in ("", known.problem)


def _left_to_a_run(
    source: Source, known: Revision | None, reported: str | None, wish: str, last_revision: LastRevision
) -> tuple[str, Revision | None]:
    """Say what a run has to look at, "" for nothing, and return what is known of the files."""
    entry = entry_of(source)
    if is_remote(source):
        fresh = entry_in(reported) == entry and not wish
        return ("" if fresh else f"{entry}{wish}"), None
    try:
        files = {file.relative: (file.size, file.stamp) for file in list_files(source.uri)}
    except SourceFileError:
        return "", known  # looking says so again
    if _unread(files, known) <= TICK_BYTES:
        return "", known
    known = last_revision(source.name) if reported is not None else None
    if _unread(files, known) <= TICK_BYTES:
        return "", known
    return hash_text(canonical_json([entry, sorted(files.items())])), known


def _unread(files: Mapping[str, tuple[int, str]], known: Revision | None) -> int:
    """Return how many bytes would have to be read to know the revision."""
    before = {file.path: (file.size, file.stamp) for file in known.files} if known else {}
    return sum(size for path, (size, stamp) in files.items() if not stamp or before.get(path) != (size, stamp))
