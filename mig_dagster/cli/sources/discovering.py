"""`mig-dagster sources discover`: run the rules of `discovery:` now."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    DEFAULT_REGISTRY,
    AsJson,
    Home,
    Registry,
    err,
    explain_errors,
    out,
    print_json,
    print_table,
    print_warning,
)
from mig_dagster.cli.sources.options import DryRun, shown
from mig_dagster.lineage import Ledger
from mig_dagster.sources.discovery import HubSearch, Rule, load_rules, look_at_all
from mig_dagster.sources.discovery.cursor import Cursor
from mig_dagster.stages.discovery import LOOK_SECONDS, RuleOutcome, discover
from mig_dagster.storage import Store

SECOND_LOOK_SECONDS = 2.0
"""What is the same after so long is taken for written whole."""


@explain_errors
def discover_sources(
    registry: Registry = DEFAULT_REGISTRY,
    home: Home = DEFAULT_HOME,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Look for new datasets now, by the rules of `discovery:` in sources.yaml, the Hub included."""
    rules = load_rules(registry)
    if not rules:
        raise ValueError(f"{registry} has no rule under `discovery:`; add one, as `- name: inbox` with `folder: inbox`")
    outcomes = discover(Ledger(Store(home)), Path(registry), _first_look(rules), dry_run=dry_run).outcomes
    if as_json:
        print_json({"dry_run": dry_run, "rules": [_document(outcome) for outcome in outcomes]})
    else:
        _print(outcomes, dry_run)
    for outcome in outcomes:
        if outcome.problem:
            err.print(f"rule {outcome.rule}: {outcome.problem}", markup=False, style="red", highlight=False)
    if any(outcome.problem for outcome in outcomes):
        raise typer.Exit(1)


def _first_look(rules: Sequence[Rule]) -> Cursor:
    """Return what folders and lists are like; what is in the making gets a moment until it is looked at again."""
    near = [rule for rule in rules if not isinstance(rule.where, HubSearch)]
    now = datetime.now(UTC).timestamp()
    found, _ = look_at_all(near, {rule.name: Cursor().look(rule, now) for rule in near}, LOOK_SECONDS)
    if any(findings.waiting for findings in found.values()):
        time.sleep(SECOND_LOOK_SECONDS)
    return Cursor({name: findings.marks for name, findings in found.items()})


def _document(outcome: RuleOutcome) -> dict[str, Any]:
    return {
        "rule": outcome.rule,
        "events": [asdict(event) for event in outcome.events],
        "waiting": list(outcome.waiting),
        "tomorrow": outcome.tomorrow,
        "next_look": outcome.next_look,
        "notes": list(outcome.notes),
        "problem": outcome.problem or None,
    }


def _print(outcomes: Sequence[RuleOutcome], dry_run: bool) -> None:
    table = Table("rule", "would be" if dry_run else "was", "source", "uri", "licence", "likes")
    events = [event for outcome in outcomes for event in outcome.events]
    for event in events:
        values = (event.uri, event.source.get("licence"), event.details.get("likes"))
        table.add_row(event.rule, event.kind, event.name, *map(shown, values))
    if table.row_count:
        print_table(table)
    else:
        out.print("nothing new")
    for outcome in outcomes:
        for warning in _warnings(outcome):
            print_warning(f"rule {outcome.rule}: {warning}")
    if any(event.kind == "proposed" for event in events) and not dry_run:
        out.print("`mig-dagster sources proposals approve NAME` makes a proposal a source")


def _warnings(outcome: RuleOutcome) -> Iterator[str]:
    for name in outcome.waiting:
        yield f"{name!r} is being written; look again when it is whole"
    if outcome.tomorrow:
        yield f"{outcome.tomorrow} more wait for tomorrow, by its max_per_day"
    if outcome.next_look:
        yield f"{outcome.next_look} more wait for the next look"
    yield from outcome.notes
