"""What changed in sources.yaml and in its files since the sensor looked last."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mig_dagster.conversation import canonical_json, hash_text
from mig_dagster.sources import Revision, Source, SourceFileError, resolve
from mig_dagster.sources.revisions import FileVersion

SECONDS = 20.0
"""Hashing stops after this long and goes on at the next tick: a tick that takes a minute is killed."""


@dataclass(frozen=True)
class Seen:
    """What is known of a source.

    Attributes:
        version: data version of `source_revisions`: the bytes of its files, and how they are to be read.
        priority: as registered.
        revision: with the files' sizes and times, so that unchanged files are not hashed again; None when they could
            not be read.
    """

    version: str
    priority: int
    revision: Revision | None


@dataclass(frozen=True)
class Changes:
    """The difference between the registry now and what was seen before.

    Attributes:
        changed: data version of every source, new or not, whose version changed.
        problems: what is wrong with sources that cannot be read, by name; these are in `changed` too, so that their run
            fails with the same message where people look.
        priorities_changed: a source that stays has another priority.
        seen: what to remember.
    """

    changed: dict[str, str]
    problems: dict[str, str]
    priorities_changed: bool
    seen: dict[str, Seen] = field(repr=False)


def find_changes(
    registry: Mapping[str, Source], before: Mapping[str, Seen], clock: Callable[[], float] = time.monotonic
) -> Changes:
    """Compare the registry and its files with what was seen before.

    Args:
        registry: the sources now.
        before: what was seen.
        clock: seconds; for tests.
    """
    started = clock()
    seen: dict[str, Seen] = {}
    problems: dict[str, str] = {}
    for name, source in registry.items():
        known = before.get(name)
        if clock() - started > SECONDS:
            if known is not None:
                seen[name] = known
            continue
        seen[name], problem = _look(source, known)
        if problem:
            problems[name] = problem
    stay = seen.keys() & before.keys()
    return Changes(
        changed={
            name: now.version for name, now in seen.items() if name not in before or now.version != before[name].version
        },
        problems=problems,
        priorities_changed=any(seen[name].priority != before[name].priority for name in stay),
        seen=seen,
    )


def dump_seen(seen: Mapping[str, Seen]) -> str:
    """Return what was seen as JSON text, for the sensor's cursor."""
    return json.dumps({name: asdict(source) for name, source in seen.items()}, sort_keys=True)


def load_seen(text: str | None) -> dict[str, Seen]:
    """Return what `dump_seen` wrote; nothing for None."""
    document: dict[str, dict[str, Any]] = json.loads(text) if text else {}
    return {
        name: Seen(line["version"], line["priority"], _revision(line["revision"])) for name, line in document.items()
    }


def _look(source: Source, known: Seen | None) -> tuple[Seen, str]:
    """Return what a source is like now, and what is wrong with it ("" when nothing is)."""
    reading = {"uri": source.uri, "format": source.format, "columns": dict(source.columns)}
    try:
        revision = resolve(source, known.revision if known else None)
    except SourceFileError as error:
        version = f"unreadable-{hash_text(str(error))}"
        return Seen(version, source.priority, known.revision if known else None), str(error)
    version = hash_text(canonical_json([revision.id, reading]))
    return Seen(version, source.priority, revision), ""


def _revision(document: Mapping[str, Any] | None) -> Revision | None:
    if document is None:
        return None
    return Revision(document["id"], tuple(FileVersion(**file) for file in document["files"]))
