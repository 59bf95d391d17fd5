"""How the library `datasets` takes types from JSON Lines, and at which rows that goes wrong.

Rules of `datasets` 4.0.0 (LLaMA-Factory's) and of 4.8.4 and 5.2.0, of their JSON builder. The file is read in blocks of
10 MiB. Within a block, a field must have one type in all rows; objects get the keys of all others, null where they had
none. What the first block shows are the types of the whole file: a key that comes up later, or was null so far, ends
the reading with an error. From 4.7 on, objects of unequal keys and fields of several types in the first block are kept
as they are, as JSON.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mig_dagster.export.consumers.findings import Finding

BLOCK = 10 << 20
"""Bytes read at once: `chunksize` of the JSON builder."""


@dataclass
class _Seen:
    """What a field has held so far.

    Attributes:
        kind: its JSON type; None while it was null.
        free: anything goes from here on, as it is kept as JSON.
        fields: of an object.
        item: of a list.
    """

    kind: str | None = None
    free: bool = False
    fields: dict[str, "_Seen"] = field(default_factory=dict)
    item: "_Seen | None" = None


class Inference:
    """Takes records in the order of a file.

    Args:
        json_fields: the version of `datasets` keeps what has no one type as JSON (4.7 and newer).
        typed: the file says its types itself; only its columns are noted.
    """

    def __init__(self, json_fields: bool, typed: bool = False) -> None:
        self.columns: set[str] = set()
        """The columns seen, with a value or null."""
        self._json_fields, self._typed = json_fields, typed
        self._root = _Seen("object")
        self._bytes = 0

    def add(self, record: Mapping[str, Any]) -> list[Finding]:
        """Take in the next record; returns what is wrong with it beside those before."""
        self.columns |= record.keys()
        if self._typed:
            return []
        found = [each for name, value in record.items() for each in self._child(self._root, name, value, "")]
        self._bytes += len(json.dumps(record, ensure_ascii=False).encode()) + 1
        return found

    @property
    def _late(self) -> bool:
        return self._bytes >= BLOCK

    def _value(self, seen: _Seen, value: Any, path: str) -> Iterator[Finding]:
        kind = _kind(value)
        if kind is None or seen.free:
            return
        if seen.kind is None:
            if self._late:
                yield Finding("late_field", "stops", f"{path} is {kind} and was null in the first {BLOCK >> 20} MiB")
            seen.kind = kind
        elif seen.kind != kind:
            yield from self._mixed(seen, kind, path)
            return
        if kind == "object":
            yield from self._object(seen, value, path)
        elif kind == "list":
            seen.item = seen.item or _Seen()
            for item in value:
                yield from self._value(seen.item, item, f"{path}[]")

    def _mixed(self, seen: _Seen, kind: str, path: str) -> Iterator[Finding]:
        if self._json_fields and not self._late:
            seen.free = True
            return
        yield Finding("mixed_types", "stops", f"{path} is {kind} and was {seen.kind} in an earlier row")

    def _object(self, seen: _Seen, value: Mapping[str, Any], path: str) -> Iterator[Finding]:
        unequal = bool(seen.fields) and seen.fields.keys() != value.keys()
        if unequal and self._json_fields and not self._late:
            seen.free = True
            return
        if unequal and "[]." in path and not self._late:
            keys = ", ".join(sorted(seen.fields.keys() ^ value.keys()))
            yield Finding(
                "null_filled", "altered", f"{path}: keys {keys} are in some rows only, and null in the others"
            )
        for name, each in value.items():
            yield from self._child(seen, name, each, f"{path}.")

    def _child(self, seen: _Seen, name: str, value: Any, path: str) -> Iterator[Finding]:
        if name not in seen.fields:
            if self._late:
                yield Finding("late_field", "stops", f"{path}{name} is in no row of the first {BLOCK >> 20} MiB")
            seen.fields[name] = _Seen(free=self._late)
        yield from self._value(seen.fields[name], value, f"{path}{name}")


def _kind(value: Any) -> str | None:
    """Return the JSON type of a value as PyArrow tells them apart; None for null."""
    if value is None:
        return None
    names = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object"}
    return names.get(type(value), "list")
