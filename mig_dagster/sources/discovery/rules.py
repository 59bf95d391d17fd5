"""The rules of `discovery:` in sources.yaml: where to look for datasets, and what happens to those that are found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

from mig_dagster.sources.registry import (
    NO_PASSWORD,
    SOURCE_TYPES,
    Place,
    Types,
    check_hours,
    check_name,
    check_reading,
    constructed,
    entries,
    holds_password,
    nodes_by_key,
    read_registry,
    resolved,
)

HUB_PER_DAY = 5
SIZES = (
    "n<1K",
    "1K<n<10K",
    "10K<n<100K",
    "100K<n<1M",
    "1M<n<10M",
    "10M<n<100M",
    "100M<n<1B",
    "1B<n<10B",
    "10B<n<100B",
    "100B<n<1T",
    "n>1T",
)
"""The Hub's size categories, by rows."""


@dataclass(frozen=True, slots=True)
class HubSearch:
    """Datasets of the Hub for which all of this is so.

    Attributes:
        tags: each is a tag of the dataset, as the Hub shows it (`sft`, `language:en`).
        author: the user or organisation it belongs to.
        task: its task category, such as `text-generation`.
        search: words in its name.
        sizes: its size category is one of these.
        min_rows: at least so many rows, as its card states them.
        max_rows: at most so many.
        max_bytes: at most so many, as its card or the Hub states them.
        licences: its licence is one of these, as the Hub spells it; one that states none is never found then.
        min_likes: at least so many.
    """

    tags: tuple[str, ...] = ()
    author: str | None = None
    task: str | None = None
    search: str | None = None
    sizes: tuple[str, ...] = ()
    min_rows: int | None = None
    max_rows: int | None = None
    max_bytes: int | None = None
    licences: tuple[str, ...] = ()
    min_likes: int = 0

    @property
    def place(self) -> str:
        """Where the rule looks, in one line."""
        return "the Hub"


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched folder or bucket prefix: each readable file, and each folder with such files, directly in it."""

    uri: str

    @property
    def place(self) -> str:
        """Where the rule looks, in one line."""
        return self.uri


@dataclass(frozen=True, slots=True)
class ListFile:
    """A text file with one URI a line, or a YAML file with a list of them."""

    uri: str

    @property
    def place(self) -> str:
        """Where the rule looks, in one line."""
        return self.uri


Where: TypeAlias = HubSearch | Folder | ListFile


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: slug; what was found by the rule goes by it.
        where: where it looks.
        on_find: "add" registers what is found, "propose" waits for a person; the default is "propose" for the Hub,
            whose datasets nobody here has chosen, and "add" for a folder or a list, which somebody fills.
        max_per_day: finds of a UTC day; None is no limit. The rest waits for the next day.
        licence: of what is found, where the place does not say.
        format: as `Source.format`.
        columns: as `Source.columns`.
        priority: as `Source.priority`.
        max_gpu_hours: as `Source.max_gpu_hours`.
    """

    name: str
    where: Where
    on_find: Literal["add", "propose"]
    max_per_day: int | None = None
    licence: str | None = None
    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    max_gpu_hours: float | None = None


_EXAMPLE = "discovery:\n  - name: inbox\n    folder: data/inbox"
_HUB_EXAMPLE = "hub: {tags: [sft], licences: [mit, apache-2.0], min_likes: 20}"
_PLACES = ("hub", "folder", "list")
_SHARED = ("licence", "format", "columns", "priority", "max_gpu_hours")
_TYPES: Types = {
    "name": SOURCE_TYPES["name"],
    "hub": (dict, f"a mapping, for instance {_HUB_EXAMPLE}"),
    "folder": (str, "a folder or s3://bucket/prefix"),
    "list": (str, "the path or URI of a file"),
    "on_find": (str, "add or propose"),
    "max_per_day": (int, "a whole number of at least 1"),
    **{key: SOURCE_TYPES[key] for key in _SHARED},
}
_HUB_TYPES: Types = {
    "tags": (list, "a list of tags"),
    "author": (str, "text"),
    "task": (str, "text"),
    "search": (str, "text"),
    "sizes": (list, "a list of size categories"),
    "min_rows": (int, "a whole number of at least 0"),
    "max_rows": (int, "a whole number of at least 0"),
    "max_bytes": (int, "a whole number of at least 0"),
    "licences": (list, "a list of licences"),
    "min_likes": (int, "a whole number of at least 0"),
}


def load_rules(path: str | Path) -> list[Rule]:
    """Read the rules of a registry; there are none where it has no key `discovery`.

    Args:
        path: sources.yaml. Relative folders and lists start from its folder.

    Returns:
        The rules in the order of the file.

    Raises:
        RegistryError: the file or a rule is not as described; the message names file and line.
    """
    path = Path(path)
    rules: dict[str, Rule] = {}
    for node in entries(read_registry(path), path, "discovery", _EXAMPLE):
        rule = _rule(Place(path, node))
        if rule.name in rules:
            raise Place(path, node).error(f"name {rule.name!r} is used twice; give each rule a name of its own")
        rules[rule.name] = rule
    return list(rules.values())


def _rule(place: Place) -> Rule:
    if not isinstance(place.node, yaml.MappingNode):
        raise place.error(f"each rule is a mapping, for instance:\n{_EXAMPLE}")
    nodes = nodes_by_key(place, tuple(_TYPES))
    values = constructed(place.path, nodes, _TYPES)
    if not values.get("name"):
        raise place.error(f"a rule needs a `name`; this one has {', '.join(nodes) or 'no key'}")
    check_name(Place(place.path, nodes["name"]), values["name"])
    check_reading(place.path, nodes, values)
    check_hours(place.path, nodes, values)
    kind = _kind(place, values)
    shared = {key: values[key] for key in _SHARED if key in values}
    return Rule(
        values["name"],
        _where(kind, values[kind], Place(place.path, nodes[kind])),
        _on_find(values, nodes, place.path, default="propose" if kind == "hub" else "add"),
        _at_least(1, values.get("max_per_day"), "max_per_day", Place(place.path, nodes.get("max_per_day", place.node)))
        or (HUB_PER_DAY if kind == "hub" else None),
        **shared,
    )


def _kind(place: Place, values: Mapping[str, Any]) -> str:
    named = [kind for kind in _PLACES if kind in values]
    if len(named) != 1:
        found = " and ".join(f"`{kind}`" for kind in named) or "none"
        raise place.error(f"a rule looks in exactly one place, `hub`, `folder` or `list`; this one names {found}")
    return named[0]


def _where(kind: str, value: Any, place: Place) -> Where:
    if kind == "hub":
        return _search(place)
    if not value.strip():
        raise place.error(f"`{kind}` is empty; write {_TYPES[kind][1]}")
    if value.startswith("hf://"):
        raise place.error(f"`{kind}` is {value!r}, and the Hub is searched by a rule with `{_HUB_EXAMPLE}`")
    if holds_password(value):
        raise place.error(f"`{kind}` {NO_PASSWORD}")
    uri = resolved(value, place.path)
    return Folder(uri.rstrip("/") or "/") if kind == "folder" else ListFile(uri)


def _search(place: Place) -> HubSearch:
    nodes = nodes_by_key(place, tuple(_HUB_TYPES))
    values = constructed(place.path, nodes, _HUB_TYPES)
    if not set(values) & {"tags", "author", "task", "search"}:
        needed = "`tags`, `author`, `task` or `search`"
        raise place.error(f"`hub` names none of {needed}; the whole Hub is no search, for instance {_HUB_EXAMPLE}")
    for key, value in values.items():
        at = Place(place.path, nodes[key])
        if isinstance(value, list):
            values[key] = _texts(at, key, value)
        elif isinstance(value, int):
            _at_least(0, value, key, at)
    if unknown := [size for size in values.get("sizes", ()) if size not in SIZES]:
        raise Place(place.path, nodes["sizes"]).error(f"unknown size {unknown[0]!r}; Known are: {', '.join(SIZES)}")
    if values.get("min_rows", 0) > values.get("max_rows", float("inf")):
        raise place.error(f"`min_rows` {values['min_rows']} is above `max_rows` {values['max_rows']}; swap them")
    return HubSearch(**values)


def _texts(place: Place, key: str, values: list[Any]) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise place.error(f"`{key}` holds {value!r}, expected text (put quotes around a number)")
    if not values:
        raise place.error(f"`{key}` is an empty list; name one, or leave the key out")
    return tuple(values)


def _on_find(values: Mapping[str, Any], nodes: Mapping[str, yaml.Node], path: Path, default: Any) -> Any:
    found = values.get("on_find", default)
    if found not in ("add", "propose"):
        raise Place(path, nodes["on_find"]).error(f"`on_find` is {found!r}, expected {_TYPES['on_find'][1]}")
    return found


def _at_least(least: int, value: int | None, key: str, place: Place) -> int | None:
    if value is not None and value < least:
        raise place.error(f"`{key}` is {value}, expected a whole number of at least {least}")
    return value
