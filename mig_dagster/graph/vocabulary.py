"""InsTag's tag normalisation: what each tag of the pool becomes, or why it is dropped.

Paper: #InsTag (Lu et al.), as MIG uses it (A.1). No reference code exists; its parameters were read in reviews of it.
The steps keep the paper's order: the frequency cut sees raw tags, so two spellings that only together reach `min_count`
are both dropped. Without association merging the result depends on the counts of tags alone, never on row order.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from mig_dagster.graph.association import Association, Rule, apply_rules, association_rules
from mig_dagster.graph.folding import fold_groups
from mig_dagster.graph.frequency import count_tags, frequent, without_blanks
from mig_dagster.graph.merging import MERGE_DISTANCE, Encode, merge_by_meaning

Step = Literal["kept", "merged_by_rule", "merged_by_meaning", "dropped_rare", "not_in_list"]
Tags = Mapping[str, int] | Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one tag became.

    Attributes:
        tag: as it stands in the rows.
        count: rows that carry it.
        label: what it becomes; None where it is dropped.
        step: what decided that.
    """

    tag: str
    count: int
    label: str | None
    step: Step


@dataclass(frozen=True)
class Vocabulary:
    """A map from tags to labels.

    Attributes:
        entries: one per tag, by falling count, ties by tag.
        rules: association rules in the order of application; empty where that step was not asked for.
    """

    entries: tuple[Entry, ...]
    rules: tuple[Rule, ...] = ()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels, sorted: position = label index."""
        return tuple(sorted(set(self.mapping.values())))

    @cached_property
    def mapping(self) -> dict[str, str]:
        """Tag to label, without the dropped tags."""
        return {entry.tag: entry.label for entry in self.entries if entry.label is not None}

    @cached_property
    def version(self) -> str:
        """16 hex digits of what the vocabulary does to rows: the map and the rules, not the counts."""
        rules = [[*rule.antecedent, rule.consequent] for rule in self.rules]
        content = json.dumps([sorted(self.mapping.items()), rules], ensure_ascii=False)
        return blake2b(content.encode(), digest_size=8).hexdigest()

    @cached_property
    def _rules_by_label(self) -> dict[str, list[int]]:
        """Positions of the rules whose antecedent starts with the label."""
        found: dict[str, list[int]] = {}
        for position, rule in enumerate(self.rules):
            found.setdefault(rule.antecedent[0], []).append(position)
        return found

    def apply(self, tags: Sequence[str]) -> list[str]:
        """Return the labels of a row with these tags: each once, in the order in which they first appear."""
        labels = list(dict.fromkeys(self.mapping[tag] for tag in tags if tag in self.mapping))
        if len(labels) < 2 or not self.rules:
            return labels
        concerned = sorted(position for label in labels for position in self._rules_by_label.get(label, ()))
        return apply_rules(labels, (self.rules[position] for position in concerned))


@dataclass(frozen=True, slots=True)
class Unmapped:
    """What a frozen vocabulary has no label for.

    Attributes:
        share: of all tag occurrences, in [0, 1]; 0 where there is no tag at all.
        tags: the tags and the rows that carry them, by falling count, ties by tag.
    """

    share: float
    tags: tuple[tuple[str, int], ...]


def vocabulary(
    tags: Tags,
    *,
    min_count: int = 2,
    encode: Encode | None = None,
    merge_distance: float = MERGE_DISTANCE,
    association: Association | None = None,
) -> Vocabulary:
    """Build a vocabulary from the pool's tags.

    Args:
        tags: the tags of each row, or rows per tag as `count_tags` gives them.
        min_count: tags that fewer rows carry are dropped (paper: 20 for InsTag, 2 for MIG).
        encode: gives float32 unit vectors (m, d) for m label names; None skips semantic merging.
        merge_distance: largest cosine distance of two names that are joined, in [0, 1).
        association: limits of the rules of association merging, which needs the rows; None skips it (as MIG does).

    Raises:
        ValueError: an option is out of range, or association merging was asked for on counts alone.
        TypeError: tags are not strings.
    """
    counts = _counts(tags)
    common = frequent(counts, min_count)
    groups = fold_groups(common)
    meaning = {name: name for name in groups}
    if encode is not None:
        group_counts = {name: sum(common[tag] for tag in members) for name, members in groups.items()}
        meaning = merge_by_meaning(group_counts, encode, merge_distance)
    entries = [Entry(tag, count, None, "dropped_rare") for tag, count in counts.items() if tag not in common]
    for name, members in groups.items():
        entries += [_merged(tag, counts[tag], name, meaning[name]) for tag in members]
    built = Vocabulary(_ordered(entries))
    if association is None:
        return built
    if isinstance(tags, Mapping):
        raise ValueError("association merging needs the tags of each row; got counts per tag: pass the rows")
    return Vocabulary(built.entries, association_rules((built.apply(row) for row in tags), association))


def closed_vocabulary(tags: Tags, path: str | Path) -> Vocabulary:
    """Build a vocabulary that keeps the tags of a list and drops all others, as MIG's valid-tag file does.

    Tags are compared exactly. Labels are the listed tags that occur.

    Args:
        tags: the tags of each row, or rows per tag.
        path: JSON file with a list of strings, as MIG's `valid_tag_path.json`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file holds something else; the message names file and position.
    """
    listed = _read_list(Path(path))
    return Vocabulary(
        _ordered(
            Entry(tag, count, tag, "kept") if tag in listed else Entry(tag, count, None, "not_in_list")
            for tag, count in _counts(tags).items()
        )
    )


def frozen(previous: Vocabulary, tags: Tags) -> tuple[Vocabulary, Unmapped]:
    """Map the present tags with an earlier vocabulary, and say how much of them it does not cover.

    Every tag that `previous` knows becomes what it was; a tag that it does not know is `not_in_list`. Labels, rules and
    `version` stay as they were, also where a label no longer occurs, so nothing behind the vocabulary has to be
    computed again.

    Args:
        previous: the vocabulary to keep.
        tags: the tags of each row now, or rows per tag.

    Returns:
        The vocabulary with the present counts, and the unmapped mass.
    """
    counts = _counts(tags)
    entries = [Entry(old.tag, counts.get(old.tag, 0), old.label, old.step) for old in previous.entries]
    known = {old.tag for old in previous.entries}
    entries += [Entry(tag, count, None, "not_in_list") for tag, count in counts.items() if tag not in known]
    kept = Vocabulary(_ordered(entries), previous.rules)
    unmapped = tuple((entry.tag, entry.count) for entry in kept.entries if entry.label is None and entry.count)
    total = sum(counts.values())
    return kept, Unmapped(sum(count for _, count in unmapped) / total if total else 0.0, unmapped)


def _counts(tags: Tags) -> dict[str, int]:
    return without_blanks(tags) if isinstance(tags, Mapping) else count_tags(tags)


def _merged(tag: str, count: int, name: str, label: str) -> Entry:
    if tag == label:
        return Entry(tag, count, label, "kept")
    return Entry(tag, count, label, "merged_by_rule" if name == label else "merged_by_meaning")


def _ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: (-entry.count, entry.tag)))


def _read_list(path: Path) -> set[str]:
    remedy = 'expected a JSON list of strings, as ["mathematics", "logic"]'
    try:
        listed: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise ValueError(f"{path}: {error}; {remedy}") from error
    if not isinstance(listed, list):
        raise ValueError(f"{path}: holds a JSON {type(listed).__name__}; {remedy}")
    for position, tag in enumerate(listed):
        if not isinstance(tag, str):
            raise ValueError(f"{path}: element {position} is {tag!r}; {remedy}")
    return set(listed)
