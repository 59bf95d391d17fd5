"""What follows from a look at a rule's place: which sources are new, which came back and which went."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mig_dagster.sources.discovery.events import OPEN, Discovered, Entry, Event, Kind, first_event
from mig_dagster.sources.discovery.found import Findings, Found
from mig_dagster.sources.discovery.rules import Rule
from mig_dagster.sources.discovery.slugs import unused_slug
from mig_dagster.sources.registry import Source


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen on account of one rule.

    Attributes:
        events: in the order of the finds, then what went.
        new: the finds behind those events that are about sources never seen before, by URI.
        tomorrow: how many new finds wait for another day, by the rule's `max_per_day`.
        next_look: how many wait for the next look, since there was no time to ask the Hub about them.
        notes: what a person should know.
    """

    events: Sequence[Event]
    new: Mapping[str, Found]
    tomorrow: int
    next_look: int
    notes: Sequence[str]


def decide(
    rule: Rule,
    findings: Findings,
    state: Discovered,
    declared: Mapping[str, Source],
    now: datetime,
    describe: Callable[[Found], Found | None],
) -> Decision:
    """Decide what happens to what a rule found.

    A source that was ever found stays as it is: one that a person rejected or removed is never found again. One that
    vanished by itself comes back when its file or line does.

    Args:
        rule: the rule.
        findings: what a look at its place gave.
        state: what was ever discovered.
        declared: the sources of sources.yaml, which are never discovered.
        now: whose UTC day counts for the rule's `max_per_day`.
        describe: adds to a new find what only its owner says; None where there is no time left for that.
    """
    taken = set(declared) | state.names
    known = {source.uri for source in declared.values()} | set(state.entries)
    fresh = [found for found in findings.found if not _is_known(found.uri, known)]
    room = len(fresh) if rule.max_per_day is None else max(0, rule.max_per_day - state.found_on(rule.name, now))
    new: dict[str, Found] = {}
    events: list[Event] = []
    for found in fresh[:room]:
        if (described := describe(found)) is None:
            break
        event = _found(rule, described, taken)
        taken.add(event.name)
        new[found.uri] = described
        events.append(event)
    events += _returned(rule, findings, state)
    gone, notes = _vanished(rule, findings.present, state)
    waiting = len(fresh[:room]) - len(new)
    return Decision((*events, *gone), new, len(fresh[room:]), waiting, (*findings.notes, *notes))


def _is_known(uri: str, known: Collection[str]) -> bool:
    """Return whether a URI is known; of a dataset on the Hub, also at a revision or for one of its folders."""
    if uri in known:
        return True
    return uri.startswith("hf://") and any(other.startswith((f"{uri}@", f"{uri}/")) for other in known)


def _found(rule: Rule, found: Found, taken: Collection[str]) -> Event:
    name = unused_slug(found.name, found.uri, taken)
    licence = found.licence or rule.licence
    columns, hours = dict(rule.columns), rule.max_gpu_hours
    source = Source(name, found.uri, rule.format, licence, rule.priority, columns, max_gpu_hours=hours)
    # A gated dataset is read by nobody before a person has asked for access.
    kind: Kind = "added" if rule.on_find == "add" and not found.details.get("gated") else "proposed"
    return first_event(kind, source, rule=rule.name, place=rule.where.place, details=_kept(found))


def _kept(found: Found) -> dict[str, object]:
    """Return what the log keeps of a find; the whole card is in the ledger."""
    return {key: value for key, value in found.details.items() if key != "card" and value is not None}


def _returned(rule: Rule, findings: Findings, state: Discovered) -> Iterator[Event]:
    for found in findings.found:
        entry = state.entries.get(found.uri)
        if entry is not None and entry.rule == rule.name and entry.returns_to:
            kind: Kind = "proposed" if entry.returns_to == "proposed" else "added"
            yield Event(kind, found.uri, entry.source.name, rule.name, reason=f"is in {rule.where.place} again")


def _vanished(rule: Rule, present: frozenset[str] | None, state: Discovered) -> tuple[list[Event], list[str]]:
    """Return the removal of what is no longer at the rule's place, unless nothing at all is there any more."""
    if present is None:
        return [], []
    gone = [entry for uri, entry in state.entries.items() if uri not in present and _is_of(entry, rule)]
    if gone and not present:
        kept = ", ".join(sorted(entry.source.name for entry in gone))
        # This is what a mount point without its disk, or a list in the middle of being written, looks like.
        return [], [f"{rule.where.place} is empty, and {kept} stay: `mig-dagster sources remove` them if that is meant"]
    reason = f"is no longer in {rule.where.place}"
    return [
        Event("removed", entry.source.uri, entry.source.name, rule.name, reason=reason, vanished=True) for entry in gone
    ], []


def _is_of(entry: Entry, rule: Rule) -> bool:
    """Return whether a rule found a source where it looks now; one whose place was edited says nothing of old finds."""
    return entry.state in OPEN and entry.rule == rule.name and entry.place == rule.where.place
