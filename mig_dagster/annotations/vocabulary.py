"""The labels that the nearest-label tagger chooses from, shipped in `data/vocabulary.json`."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from mig_dagster.conversation import canonical_json, hash_text


@dataclass(frozen=True, slots=True)
class TagVocabulary:
    """Labels and where they come from.

    Attributes:
        version: as the file states it.
        labels: sorted, distinct.
    """

    version: str
    labels: tuple[str, ...]

    @property
    def digest(self) -> str:
        """16 hex digits of a hash over the labels."""
        return hash_text(canonical_json(list(self.labels)))[:16]


def load_vocabulary(path: Path | None = None) -> TagVocabulary:
    """Read and check a vocabulary: `{"version": "1", "groups": {"mathematics": ["algebra", ...], ...}}`.

    Args:
        path: a JSON file; None reads the shipped one.

    Raises:
        ValueError: the file is not of that form, or a label is repeated, empty, not lower case, or has stray spaces.
    """
    where = "vocabulary.json" if path is None else str(path)
    shipped = files("mig_dagster.annotations") / "data" / "vocabulary.json"
    text = shipped.read_text("utf-8") if path is None else path.read_text("utf-8")
    document: Any = json.loads(text)
    match document:
        case {"version": str(version), "groups": dict(groups)}:
            return TagVocabulary(version, tuple(sorted(checked_labels(groups, where))))
    raise ValueError(f'{where}: expected {{"version": "...", "groups": {{"name": ["label", ...]}}}}')


def checked_labels(groups: dict[str, Any], where: str) -> list[str]:
    """Return the labels of all groups; ValueError names the first that breaks the rules."""
    group_of: dict[str, str] = {}
    for group, labels in groups.items():
        if not isinstance(labels, list):
            raise ValueError(f"{where}: group {group!r} must be a list of labels, got {type(labels).__name__}")
        for label in labels:
            if not isinstance(label, str) or not label or label != " ".join(label.lower().split()):
                raise ValueError(f"{where}: label {label!r} in group {group!r} must be lower case with single spaces")
            if label in group_of:
                raise ValueError(f"{where}: label {label!r} stands in {group_of[label]!r} and in {group!r}: keep one")
            group_of[label] = group
    if not group_of:
        raise ValueError(f"{where}: no labels")
    return list(group_of)
