"""What a format makes of a record before anyone judges it, and what a format is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.reasons import Defect

Record = dict[str, Any]


@dataclass(slots=True)
class Parsed:
    """Messages as the record has them, blank and trailing ones included.

    Attributes:
        messages: at least what the format asks for, in order.
        tools: JSON text of the tools on offer.
        meta: the record's remaining columns.
        extras: what single messages had beside role and content, by message index as a string.
        verdict: why the record is turned away although it can be read.
    """

    messages: list[Message]
    tools: str | None
    meta: dict[str, Any]
    extras: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdict: Defect | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One way of writing a conversation down.

    Attributes:
        name: what `format:` in the registry says.
        fields: the record's fields that `parse` reads; `columns:` maps these names to a file's own.
        matches: whether a record looks like this format; decides detection only.
        parse: makes `Parsed` of a record, or raises `Defect`.
    """

    name: str
    fields: tuple[str, ...]
    matches: Callable[[Record], bool]
    parse: Callable[[Record], Parsed]


def attach(meta: dict[str, Any], name: str, value: Any) -> None:
    """Put a note of the reader into `meta`; a column of the source with the same name moves to `source_<name>`."""
    if name in meta:
        attach(meta, f"source_{name}", meta.pop(name))
    meta[name] = value
