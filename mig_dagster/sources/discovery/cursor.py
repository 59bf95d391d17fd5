"""What is remembered between two looks: nothing that would be missed, only what spares work."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from mig_dagster.conversation import hash_text
from mig_dagster.sources.discovery.found import Findings, Look
from mig_dagster.sources.discovery.rules import HubSearch, Rule

HUB_SECONDS = 6 * 3600
"""How often a rule searches the Hub."""
RETRY_SECONDS = 600
"""How soon it does so again after a search that failed."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What earlier looks left.

    Attributes:
        marks: `Findings.marks`, by rule.
        next_look: when a rule is to search the Hub again, in seconds since the epoch, by rule and what it says.
        batches: how many the log had.
    """

    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    next_look: Mapping[str, float] = field(default_factory=dict)
    batches: int = 0

    def dump(self) -> str:
        """Return the cursor as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def load(cls, text: str | None) -> "Cursor":
        """Return what `dump` wrote; an empty one for None."""
        return cls(**json.loads(text)) if text else cls()

    def due(self, rules: Iterable[Rule], now: float) -> list[Rule]:
        """Return the rules whose places are to be looked at now: all but searches that were made a short while ago."""
        return [rule for rule in rules if not isinstance(rule.where, HubSearch) or self._waits(rule, now) <= 0]

    def look(self, rule: Rule, now: float) -> Look:
        """Return how to look at the place of a rule."""
        return Look(now, self.marks.get(rule.name, {}))

    def after(
        self, rules: Iterable[Rule], found: Mapping[str, Findings], again: Iterable[str], now: float, batches: int
    ) -> "Cursor":
        """Return what to remember after looks.

        Args:
            rules: the rules whose places were looked at.
            found: by rule; those that are missing failed.
            again: rules that are to look again at once, because they were not done.
            now: when.
            batches: how many the log has.
        """
        rules, again = list(rules), set(again)
        marks = {rule.name: found[rule.name].marks for rule in rules if rule.name in found}
        searches = {rule.name: rule for rule in rules if isinstance(rule.where, HubSearch) and rule.name not in again}
        waits = {_key(rule): now + (HUB_SECONDS if name in found else RETRY_SECONDS) for name, rule in searches.items()}
        still = {key: when for key, when in self.next_look.items() if when > now}
        return Cursor({**self.marks, **marks}, {**still, **waits}, batches)

    def _waits(self, rule: Rule, now: float) -> float:
        """Return for how many seconds more a search waits; one that seems to wait too long saw the clock go back."""
        left = self.next_look.get(_key(rule), now) - now
        return left if left <= HUB_SECONDS else 0.0


def _key(rule: Rule) -> str:
    """Return a rule's name with a hash of what it says, so that an edited rule looks at once."""
    return f"{rule.name}-{hash_text(repr(rule))[:12]}"
