"""Run the rules of `discovery:`: look, decide, keep what each place says of its finds, add it to the log."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mig_dagster.conversation import hash_text
from mig_dagster.lineage import Ledger
from mig_dagster.sources import Source, load_registry
from mig_dagster.sources.discovery import (
    Decision,
    Discovered,
    Event,
    Findings,
    Found,
    Rule,
    decide,
    load_rules,
    look_at_all,
    read_log,
    record,
)
from mig_dagster.sources.discovery.cursor import Cursor
from mig_dagster.sources.discovery.events import fold

LOOK_SECONDS = 20.0
"""How long the places have to answer; Dagster kills a tick after 60 s."""
DESCRIBE_SECONDS = 20.0
DESCRIBED = 20
"""One round asks the Hub for the cards of at most so many new finds, and for so long; the others wait for the next."""


@dataclass(frozen=True)
class RuleOutcome:
    """What came of one rule.

    Attributes:
        rule: its name.
        events: what happened on its account.
        tomorrow: new finds that wait for another day, by its `max_per_day`.
        next_look: new finds that wait for the next look.
        waiting: what is still being written.
        notes: what a person should know.
        problem: why its place could not be looked at; "" where it could.
    """

    rule: str
    events: Sequence[Event] = ()
    tomorrow: int = 0
    next_look: int = 0
    waiting: Sequence[str] = ()
    notes: Sequence[str] = ()
    problem: str = ""


@dataclass(frozen=True)
class Discovery:
    """What one round over the rules gave.

    Attributes:
        outcomes: one for each rule that was looked at.
        cursor: for the next round.
        resting: rules that searched the Hub a short while ago.
    """

    outcomes: Sequence[RuleOutcome]
    cursor: Cursor
    resting: Sequence[str]


def discover(
    ledger: Ledger, registry: Path, cursor: Cursor, *, now: datetime | None = None, dry_run: bool = False
) -> Discovery:
    """Look at the places of the rules and write down what follows; again at once, it finds nothing new.

    Args:
        ledger: gets the snapshots of the cards; its store holds the log of discovered sources.
        registry: sources.yaml with the rules.
        cursor: of the round before.
        now: for tests.
        dry_run: only say what would happen.

    Raises:
        RegistryError: sources.yaml or the log cannot be used.
    """
    at = now or datetime.now(UTC)
    rules, declared = load_rules(registry), load_registry(registry)
    due = cursor.due(rules, at.timestamp())
    looks = {rule.name: cursor.look(rule, at.timestamp()) for rule in due}
    found, problems = look_at_all(due, looks, LOOK_SECONDS)
    looked = [rule for rule in due if rule.name in found]
    describer = _Describer()
    decisions: dict[str, Decision] = {}

    def decided(state: Discovered) -> Sequence[Event]:
        decisions.clear()
        decisions.update(_decisions(looked, found, state, declared, at, describer))
        events = [event for decision in decisions.values() for event in decision.events]
        if not dry_run:  # before the log: what is in the log is never found again, and would have no snapshot
            _keep_snapshots(ledger, looked, decisions)
        return events

    if dry_run:
        state = read_log(ledger.store, cursor.batches)
        decided(state)
    else:
        state, _ = record(ledger.store, decided, at, seen=cursor.batches)
    again = [name for name, decision in decisions.items() if decision.next_look]
    return Discovery(
        [_outcome(rule, found.get(rule.name), decisions.get(rule.name), problems.get(rule.name, "")) for rule in due],
        cursor.after(due, found, again, at.timestamp(), state.number),
        [rule.name for rule in rules if rule not in due],
    )


@dataclass
class _Describer:
    """Asks the Hub about new finds, once each, as long as there is time."""

    known: dict[str, Found] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def __call__(self, found: Found) -> Found | None:
        if not found.uri.startswith("hf://"):
            return found
        if found.uri not in self.known:
            if len(self.known) >= DESCRIBED or time.monotonic() - self.started > DESCRIBE_SECONDS:
                return None
            from mig_dagster.sources.discovery.hub import described  # loads the Hub's client

            self.known[found.uri] = described(found)
        return self.known[found.uri]


def _decisions(
    rules: Sequence[Rule],
    found: Mapping[str, Findings],
    state: Discovered,
    declared: Mapping[str, Source],
    at: datetime,
    describer: _Describer,
) -> dict[str, Decision]:
    """Return what follows for each rule, the later ones knowing what the earlier ones found."""
    decisions = {}
    for rule in rules:
        decision = decide(rule, found[rule.name], state, declared, at, describer)
        state = fold(state, at, decision.events)
        decisions[rule.name] = decision
    return decisions


def _keep_snapshots(ledger: Ledger, rules: Sequence[Rule], decisions: Mapping[str, Decision]) -> None:
    lines = [
        _snapshot(event, found)
        for rule in rules
        for event in decisions[rule.name].events
        if (found := decisions[rule.name].new.get(event.uri)) is not None
    ]
    if lines:
        # The same finds give the same fragment, however often a round is broken off here.
        run = f"discovery-{hash_text(' '.join(line['uri'] for line in lines))[:12]}"
        ledger.record("discoveries", lines, asset="source_revisions", partition=None, run_id=run)


def _snapshot(event: Event, found: Found) -> dict[str, Any]:
    details = dict(found.details)
    return {
        "source": event.name,
        "uri": event.uri,
        "rule": event.rule,
        "event": event.kind,
        "licence": event.source["licence"],
        "revision": details.get("sha"),
        "likes": details.get("likes"),
        "gated": str(details["gated"]) if details.get("gated") else None,
        "last_modified": details.get("last_modified"),
        "card": found.card,
        "card_metadata": _json(details.pop("card", None)),
        "details": _json(details),
    }


def _json(value: Any) -> str | None:
    """Return JSON text in ASCII: what people wrote on the Hub need not be valid Unicode."""
    return None if value is None else json.dumps(value, sort_keys=True, default=str)


def _outcome(rule: Rule, findings: Findings | None, decision: Decision | None, problem: str) -> RuleOutcome:
    if findings is None or decision is None:
        return RuleOutcome(rule.name, problem=problem)
    return RuleOutcome(
        rule.name, decision.events, decision.tomorrow, decision.next_look, findings.waiting, decision.notes
    )
