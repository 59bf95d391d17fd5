"""What can happen to a discovered source, and where that leaves it: the state is the fold of the events."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from mig_dagster.sources.registry import Source

Kind = Literal[
    "proposed", "added", "approved", "rejected", "removed", "refresh", "held", "released", "withheld", "fits"
]
REGISTERED = ("added", "approved")
"""The states in which a source is part of the pool."""
OPEN = ("proposed", *REGISTERED)
"""The states that end when the file or the line that a rule found is gone."""
HOLDS = ("held", "released", "withheld", "fits")
"""What happens to the annotation of a registered source, beside its state."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one source.

    Attributes:
        kind: what happened. `refresh` asks for a look at the source's revision, whoever declared it. `held`: annotating
            it would take more hours than it may; `released` and `withheld`: a person let it go on or not; `fits`: it
            would take no more than it may.
        uri: the source's URI, which is what events of one source have in common; "" for `refresh` and `HOLDS`.
        name: its slug.
        rule: the rule that found it; "" where a person did something.
        place: where that rule looked.
        source: the whole source, for those that are new.
        details: what its place says of it; of `HOLDS`, fields of `Hold`.
        reason: why.
        vanished: of `removed`: it went by itself, and comes back by itself.
    """

    kind: Kind
    uri: str
    name: str
    rule: str = ""
    place: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    vanished: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A discovered source and its state.

    Attributes:
        source: as it is registered, or would be.
        state: the last event's kind: proposed, added, approved, rejected or removed.
        rule: which rule found it.
        place: where the rule looked.
        details: what the place said of it.
        reason: of the last event.
        found_at: when it was found first.
        changed_at: when the last event was.
        returns_to: the state that it has again when it is found again; "" where it stays as it is.
    """

    source: Source
    state: str
    rule: str
    place: str
    details: Mapping[str, Any]
    reason: str
    found_at: datetime
    changed_at: datetime
    returns_to: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Automation does not annotate a source, or did not until a person said so.

    Attributes:
        state: held, until a person decides; released, to be annotated; withheld, not to be.
        rows_version: data version of the rows that it is about.
        hours: that annotating them, or the rows before them, would take on a GPU; None where that cannot be said.
        limit: how many it may.
        plan: how the hours come about, JSON-ready.
        number: of the batch that changed the state last.
        changed_at: when that was.
    """

    state: str
    rows_version: str
    hours: float | None
    limit: float
    plan: Mapping[str, Any]
    number: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Discovered:
    """Everything that was ever discovered, after a number of batches of events.

    Attributes:
        number: of the last batch; 0 where nothing has happened yet.
        entries: by URI.
        refreshes: by source, the number of the batch that asked last for a look at its revision.
        holds: by source, discovered or declared.
    """

    number: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)
    refreshes: Mapping[str, int] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The slugs that are taken; one that was removed keeps its own, since its rows are in the lake."""
        return {entry.source.name for entry in self.entries.values()}

    def found_on(self, rule: str, day: datetime) -> int:
        """Return how many sources a rule found first on the UTC day of a time, whatever became of them."""
        finds = (entry for entry in self.entries.values() if entry.rule == rule)
        return sum(entry.found_at.date() == day.date() for entry in finds)

    def named(self, name: str) -> Entry | None:
        """Return the entry with a slug, None where there is none."""
        return next((entry for entry in self.entries.values() if entry.source.name == name), None)

    def registered(self, declared: Mapping[str, Source]) -> dict[str, Source]:
        """Return the sources that are part of the pool: of two with one name or one URI, the declared one."""
        uris = {source.uri for source in declared.values()}
        found = (entry.source for entry in self.entries.values() if entry.state in REGISTERED)
        discovered = {source.name: source for source in found if source.uri not in uris}
        return dict(sorted({**discovered, **declared}.items()))


def first_event(kind: Kind, source: Source, **about: Any) -> Event:
    """Return the event of a source that is not known yet."""
    return Event(kind, source.uri, source.name, source=asdict(source), **about)


def fold(before: Discovered, at: datetime, events: Iterable[Event]) -> Discovered:
    """Return what is so after one batch more."""
    number = before.number + 1
    entries, refreshes, holds = dict(before.entries), dict(before.refreshes), dict(before.holds)
    for event in events:
        if event.kind == "refresh":
            refreshes[event.name] = number
        elif event.kind == "fits":
            holds.pop(event.name, None)
        elif event.kind in HOLDS:
            holds[event.name] = _hold(holds.get(event.name), at, event, number)
        else:
            entries[event.uri] = _after(entries.get(event.uri), at, event)
    return Discovered(number, entries, refreshes, holds)


def _hold(hold: Hold | None, at: datetime, event: Event, number: int) -> Hold:
    if hold is not None:
        return replace(hold, state=event.kind, **event.details, number=number, changed_at=at)
    return Hold(event.kind, **event.details, number=number, changed_at=at)


def _after(entry: Entry | None, at: datetime, event: Event) -> Entry:
    if entry is None:
        source = Source(**event.source)
        return Entry(source, event.kind, event.rule, event.place, event.details, event.reason, at, at)
    returns_to = ("proposed" if entry.state == "proposed" else "added") if event.vanished else ""
    return replace(entry, state=event.kind, reason=event.reason, changed_at=at, returns_to=returns_to)
