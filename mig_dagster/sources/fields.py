"""Fields of a record, checked for presence and type where a format reads them."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.decode import decode_text
from mig_dagster.sources.parsed import Record
from mig_dagster.sources.reasons import Defect


def text_field(record: Record, name: str) -> str:
    """Return a field that must be a string; it may be blank.

    Raises:
        Defect: `missing_field`, `null_field` or `wrong_type`.
    """
    value = record.get(name)
    if type(value) is str:
        return value
    raise _unfit(record, name, "a string")


def optional_text(record: Record, name: str) -> str:
    """Return a field that may be absent or null, both as "".

    Raises:
        Defect: `wrong_type`.
    """
    value = record.get(name)
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise _unfit(record, name, "a string")


def list_field(record: Record, name: str) -> list[Any]:
    """Return a field that must be a list, or the JSON text of one; it may be empty.

    Raises:
        Defect: `missing_field`, `null_field` or `wrong_type`.
    """
    value = listed(record.get(name))
    if type(value) is list:
        return value
    raise _unfit(record, name, "a list")


def listed(value: Any) -> Any:
    """Return the list that a text holds as JSON, as in columns that Parquet or CSV could not nest; else the value."""
    if type(value) is str and value.lstrip().startswith("["):
        unpacked = decode_text(value)
        return unpacked if type(unpacked) is list else value
    return value


def own_names(record: Record, aliases: Mapping[str, str]) -> Record:
    """Return the record with other common names of fields (alias -> field) replaced by the format's own.

    Of two aliases of one field the first in the table counts; beside the field itself, an alias is a column like any
    other.
    """
    if aliases.keys().isdisjoint(record):
        return record
    named = dict(record)
    for alias, field in aliases.items():
        if alias in named and field not in named:
            named[field] = named.pop(alias)
    return named


def system_messages(record: Record) -> list[Message]:
    """Return the system message of a record's field `system`, none where it is absent, null or empty.

    Raises:
        Defect: `wrong_type`.
    """
    system = optional_text(record, "system")
    return [Message("system", system)] if system else []


def object_items(items: list[Any], name: str) -> list[Record]:
    """Return a list whose items must all be objects.

    Raises:
        Defect: `wrong_type`.
    """
    for index, item in enumerate(items):
        if type(item) is not dict:
            raise Defect("wrong_type", f"{name}[{index}] is {kind_of(item)}, expected an object")
    return items


def tools_field(record: Record) -> str | None:
    """Return the tools on offer as JSON text, None where there are none.

    A string is kept as it stands. An empty list means the same as no tools at all.

    Raises:
        Defect: `wrong_type`, or `invalid_tools` where the string is not JSON.
    """
    tools = record.get("tools")
    if tools is None:
        return None
    if isinstance(tools, list | dict):
        return json.dumps(tools, ensure_ascii=False) if tools else None
    if isinstance(tools, str):
        value = decode_text(tools) if tools.strip() else None
        if isinstance(value, Defect):
            raise Defect("invalid_tools", str(value))
        return tools if value else None
    raise _unfit(record, "tools", "a list, or its JSON as a string")


def remaining(record: Record, used: Collection[str]) -> Record:
    """Return the columns that a format does not read; they become `meta`."""
    return {name: value for name, value in record.items() if name not in used}


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in JSON's words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _unfit(record: Record, name: str, expected: str) -> Defect:
    if name not in record:
        return Defect("missing_field", f"field {name!r}; the record has {sorted(record)[:12]}")
    if record[name] is None:
        return Defect("null_field", f"field {name!r} is null, expected {expected}")
    return Defect("wrong_type", f"field {name!r} is {kind_of(record[name])}, expected {expected}")
