"""A file's own columns under the names that a format has for them: whole columns, or values deeper in one."""

from collections.abc import Mapping, Sequence
from typing import Any

from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect

_ABSENT: Any = object()


def renamed(record: Record, columns: Mapping[str, str]) -> tuple[Record, Record]:
    """Return the record under the format's own field names, and the columns that had to make room for them.

    A column is a name of the record or, where it has none of that name, a path: `data.prompt.text` descends into
    objects, `choices.0.message.content` into lists too. What else stands around a value that a path leads to makes room
    as well; the place of a value within a list is left null.
    """
    taken = {column for column in columns.values() if column in record}
    moved = {field: record[column] for field, column in columns.items() if column in taken}
    rest = {name: value for name, value in record.items() if name not in taken and name not in columns}
    displaced = {name: record[name] for name in columns if name in record and name not in taken}
    around: Record = {}
    for field, column in columns.items():
        top, *path = column.split(".")
        value = _at(record.get(top), path) if path and column not in taken else _ABSENT
        if value is not _ABSENT:
            moved[field] = value
            around[top] = _without(around.get(top, record[top]), path)
    for top, left in around.items():
        rest.pop(top, None)
        displaced.pop(top, None)
        if top not in taken and not _is_void(left):
            displaced[top] = left
    return moved | rest, displaced


def parse_renamed(form: Format, record: Record, columns: Mapping[str, str]) -> Parsed:
    """Return what a format makes of a record whose columns have other names.

    Raises:
        Defect: as the format does; a missing field also says which column stands for it.
    """
    named, displaced = renamed(record, columns)
    try:
        parsed = form.parse(named)
    except Defect as defect:
        lost = [f"{field}: {column}" for field, column in columns.items() if field not in named]
        if defect.reason != "missing_field" or not lost:
            raise
        raise Defect("missing_field", f"{defect.detail}; it lacks what `columns` names as {', '.join(lost)}") from None
    parsed.meta |= displaced
    return parsed


def _at(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _ABSENT
    return value


def _without(value: Any, path: Sequence[str]) -> Any:
    """Return a copy of a value without what the path leads to, if that is still there."""
    step, *deeper = path
    if isinstance(value, dict) and step in value:
        inner = _without(value[step], deeper) if deeper else None
        others = {key: item for key, item in value.items() if key != step}
        return others if _is_void(inner) else {k: inner if k == step else item for k, item in value.items()}
    if isinstance(value, list):
        index = int(step)
        inner = _without(value[index], deeper) if deeper else None
        return [*value[:index], inner, *value[index + 1 :]]
    return value


def _is_void(value: Any) -> bool:
    """Return whether nothing is left in a value."""
    if isinstance(value, list):
        return all(map(_is_void, value))
    return value is None or value == {}
