"""Association merging: a label that another one all but implies is deleted where both stand.

Rules are mined with mlxtend's FP-Growth. Its tree is fed directly, with distinct label sets and their counts: the
DataFrame front end builds a dense table of rows x labels, 4 GB for a million rows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_LARGEST_ITEMSET = 4  # rows carry about four labels; longer sets only repeat what their parts imply


@dataclass(frozen=True, slots=True)
class Association:
    """What a rule needs to count.

    Attributes:
        min_support: rows that hold antecedent and consequent; 40 is InsTag's value [2nd].
        min_confidence: share of the antecedent's rows that hold the consequent, in (0, 1]; 0.99 is InsTag's value.
    """

    min_support: int = 40
    min_confidence: float = 0.99

    def __post_init__(self) -> None:
        """Raise ValueError where a limit is out of range."""
        if self.min_support < 1:
            raise ValueError(f"min_support is {self.min_support}; expected a number of rows, at least 1")
        if not 0 < self.min_confidence <= 1:
            raise ValueError(f"min_confidence is {self.min_confidence}; expected a share in (0, 1], as 0.99")


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows with all labels of `antecedent` hold `consequent` in `confidence` of `support / confidence` rows."""

    antecedent: tuple[str, ...]
    consequent: str
    confidence: float
    support: int


def association_rules(rows: Iterable[Sequence[str]], limits: Association) -> tuple[Rule, ...]:
    """Mine the rules to apply, in the order of application.

    Order: falling confidence, falling support, antecedent, consequent. Where labels imply each other the rule that
    deletes the least frequent stays (ties: the lexicographically last is deleted). A rule whose antecedent contains
    that of another rule with the same consequent is left out.

    Args:
        rows: the labels of each row.
        limits: smallest support and confidence of a rule.

    Returns:
        The rules; empty where nothing reaches the limits.
    """
    supports = _frequent_itemsets(Counter(frozenset(row) for row in rows), limits.min_support)
    rules = [rule for itemset in supports if (rule := _rule_of(itemset, supports, limits.min_confidence))]
    smallest: dict[str, list[frozenset[str]]] = {}
    kept = []
    for rule in sorted(rules, key=lambda rule: len(rule.antecedent)):
        antecedent, known = frozenset(rule.antecedent), smallest.setdefault(rule.consequent, [])
        if not any(shorter <= antecedent for shorter in known):
            known.append(antecedent)
            kept.append(rule)
    return tuple(sorted(kept, key=lambda rule: (-rule.confidence, -rule.support, rule.antecedent, rule.consequent)))


def apply_rules(labels: Sequence[str], rules: Iterable[Rule]) -> list[str]:
    """Delete every label that a rule derives from the labels still there.

    One pass in the order of the rules is the fixed point: a label once deleted never comes back, so no earlier rule
    can begin to hold.
    """
    left = list(labels)
    for rule in rules:
        if rule.consequent in left and all(label in left for label in rule.antecedent):
            left.remove(rule.consequent)
    return left


def _rule_of(itemset: frozenset[str], supports: Mapping[frozenset[str], int], min_confidence: float) -> Rule | None:
    """Return the rule of this itemset that deletes its least frequent label, or None where none is confident."""
    if len(itemset) < 2:
        return None
    support = supports[itemset]
    implied = [label for label in itemset if support / supports[itemset - {label}] >= min_confidence]
    if not implied:
        return None
    fewest = min(supports[frozenset({label})] for label in implied)
    consequent = max(label for label in implied if supports[frozenset({label})] == fewest)
    antecedent = itemset - {consequent}
    return Rule(tuple(sorted(antecedent)), consequent, support / supports[antecedent], support)


def _frequent_itemsets(label_sets: Mapping[frozenset[str], int], min_support: int) -> dict[frozenset[str], int]:
    """Return the label sets of up to `_LARGEST_ITEMSET` labels that `min_support` rows hold, with their rows."""
    from mlxtend.frequent_patterns.fpcommon import FPTree
    from mlxtend.frequent_patterns.fpgrowth import fpg_step

    counts: Counter[str] = Counter()
    for labels, rows in label_sets.items():
        for label in labels:
            counts[label] += rows
    rank = {label: -i for i, label in enumerate(sorted(counts, key=lambda x: (-counts[x], x)))}
    tree = FPTree({label: place for label, place in rank.items() if counts[label] >= min_support})
    for labels, rows in label_sets.items():
        path = sorted((label for label in labels if label in tree.rank), key=rank.__getitem__, reverse=True)
        tree.insert_itemset(path, rows)
    found = fpg_step(tree, min_support, None, _LARGEST_ITEMSET, verbose=False)
    return {frozenset(items): int(rows) for rows, items in found if rows >= min_support}
