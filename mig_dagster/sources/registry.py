"""The registry of sources, `sources.yaml`: every mistake in it is reported with its line and the remedy."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from mig_dagster.sources.formats import FORMATS, fields_of

SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_EXAMPLE = "sources:\n  - name: my-data\n    uri: data/*.jsonl"
_KEYS = ("sources", "discovery")


@dataclass(frozen=True, slots=True)
class Source:
    """One open dataset.

    Attributes:
        name: slug and Dagster partition key: lower-case letters, digits, `.`, `_`, `-`.
        uri: a path, glob, folder or URI of its files.
        format: a name of `FORMATS`; None detects it for each file.
        licence: as its owner names it.
        priority: of two sources with the same conversation the higher one keeps it; ties by the name's order.
        columns: the file's own column for a field of the format.
        revision: Hub only: the branch, tag or commit to stay at; None follows the default branch.
        config: Hub only: which configuration of the dataset; None takes the default one.
        split: Hub only: which split; None takes "train", or the only one.
        max_gpu_hours: automation holds the source where annotating it would take longer on a GPU; None is the default
            of the options file for a source that was discovered, and no limit for one that was declared.
        scores: not on the Hub: path, glob, folder or URI of files whose columns belong to the records of the same `id`.
    """

    name: str
    uri: str
    format: str | None = None
    licence: str | None = None
    priority: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    revision: str | None = None
    config: str | None = None
    split: str | None = None
    max_gpu_hours: float | None = None
    scores: str | None = None


NO_PASSWORD = "holds a password, which would stand in the lineage and the UI; secrets come from the environment alone"


class RegistryError(ValueError):
    """A mistake in the registry; the message begins with file and line."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the YAML text and the file it stands in, for messages."""

    path: Path
    node: yaml.Node

    def error(self, problem: str) -> RegistryError:
        """Return the error that names this place."""
        return RegistryError(f"{self.path}:{self.node.start_mark.line + 1}: {problem}")


Types: TypeAlias = Mapping[str, tuple[type | tuple[type, ...], str]]
"""What the value of each key must be, as a type or one of several, and in words."""

SOURCE_TYPES: Types = {
    "name": (str, "text (put quotes around a number)"),
    "uri": (str, "text"),
    "format": (str, "text"),
    "licence": (str, "text"),
    "priority": (int, "a whole number"),
    "columns": (dict, "a mapping of a format's field to the file's column"),
    "revision": (str, "text (put quotes around a number)"),
    "config": (str, "text"),
    "split": (str, "text"),
    "max_gpu_hours": ((int, float), "a number of at least 0"),
    "scores": (str, "text"),
}


def load_registry(path: str | Path) -> dict[str, Source]:
    """Read the registry; URIs that are relative paths start from its folder.

    Args:
        path: a YAML file whose key `sources` is a list of mappings with the attributes of `Source`. Its key
            `discovery`, if there is one, is read by `mig_dagster.sources.discovery.load_rules`.

    Returns:
        The sources by name, sorted by name.

    Raises:
        RegistryError: the file is missing, empty or not as described; the message names file and line.
    """
    path = Path(path)
    return parse_registry(read_registry(path), path)


def parse_registry(text: str, path: Path) -> dict[str, Source]:
    """Return what `load_registry` returns of a text; `path` is for messages and relative URIs.

    Raises:
        RegistryError: the text is not as described.
    """
    sources: dict[str, Source] = {}
    for node in entries(text, path, "sources", _EXAMPLE):
        source = _source(Place(path, node))
        if source.name in sources:
            raise Place(path, node).error(f"name {source.name!r} is used twice; give each source a name of its own")
        sources[source.name] = source
    return dict(sorted(sources.items()))


def read_registry(path: Path) -> str:
    """Return the text of the registry.

    Raises:
        RegistryError: there is no such file, or it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RegistryError(f"{path}: there is no registry; create it, for instance:\n{_EXAMPLE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path}: cannot be read: {error}") from error


def entries(text: str, path: Path, key: str, example: str) -> list[yaml.Node]:
    """Return the nodes of the list under a key of the registry.

    Raises:
        RegistryError: the text is not YAML, or not one mapping with `sources`, or there is no list under the key.
    """
    node = registry_nodes(text, path).get(key)
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise Place(path, node).error(f"`{key}` must be a list, for instance:\n{example}")
    return list(node.value)


def registry_nodes(text: str, path: Path) -> dict[str, yaml.Node]:
    """Return what stands under each key of the registry; `sources` is one of them.

    Raises:
        RegistryError: the text is not YAML, or has no such key.
    """
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RegistryError(f"{path}:{line}: is not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise RegistryError(f"{path}: is not valid YAML: {error}") from error
    if root is None:
        raise RegistryError(f"{path}:1: the registry is empty; name a source, for instance:\n{_EXAMPLE}")
    place = Place(path, root)
    if not isinstance(root, yaml.MappingNode):
        raise place.error(f"expected the key `sources`, for instance:\n{_EXAMPLE}")
    values = nodes_by_key(place, _KEYS)
    if "sources" not in values:
        raise place.error(f"the key `sources` is missing, for instance:\n{_EXAMPLE}")
    return values


def nodes_by_key(place: Place, known: tuple[str, ...]) -> dict[str, yaml.Node]:
    """Return the values of a mapping by key.

    Raises:
        RegistryError: a key is unknown, or stands there twice.
    """
    values: dict[str, yaml.Node] = {}
    for key, value in place.node.value:
        name = str(key.value)
        if name not in known:
            raise Place(place.path, key).error(f"unknown key {name!r}; {suggestion(name, known)}")
        if name in values:
            raise Place(place.path, key).error(f"key {name!r} stands here twice; keep one")
        values[name] = value
    return values


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """Return "did you mean ...?" where a known name is close, and all known names."""
    close = get_close_matches(name, known, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + f"Known are: {', '.join(known)}"


def _source(place: Place) -> Source:
    if not isinstance(place.node, yaml.MappingNode):
        raise place.error(f"each source is a mapping, for instance:\n{_EXAMPLE}")
    nodes = nodes_by_key(place, tuple(SOURCE_TYPES))
    values = constructed(place.path, nodes, SOURCE_TYPES)
    for name in ("name", "uri"):
        if name not in values or not values[name]:
            raise place.error(f"a source needs a `{name}`; this one has {', '.join(nodes) or 'no key'}")
    check_name(Place(place.path, nodes["name"]), values["name"])
    check_reading(place.path, nodes, values)
    check_hours(place.path, nodes, values)
    places = {key: values[key] for key in ("uri", "scores") if key in values}
    for key, uri in places.items():
        if holds_password(uri):
            raise Place(place.path, nodes[key]).error(f"`{key}` {NO_PASSWORD}")
    return Source(**(values | {key: resolved(uri, place.path) for key, uri in places.items()}))


def check_hours(path: Path, nodes: Mapping[str, yaml.Node], values: Mapping[str, Any]) -> None:
    """Check `max_gpu_hours`, where it is given.

    Raises:
        RegistryError: it is negative, or no number.
    """
    if not values.get("max_gpu_hours", 0) >= 0:  # NaN is not
        place = Place(path, nodes["max_gpu_hours"])
        raise place.error(f"`max_gpu_hours` is {values['max_gpu_hours']}, expected a number of at least 0")


def holds_password(uri: str) -> bool:
    """Return whether a URI signs in with a password between scheme and host."""
    return ":" in uri.partition("://")[2].partition("/")[0].rpartition("@")[0]


def check_name(place: Place, name: str) -> None:
    """Check that a name is a slug.

    Raises:
        RegistryError: it is none.
    """
    if not SLUG.fullmatch(name):
        problem = f"name {name!r} is no slug; use at most 100 lower-case letters, digits, '.', '_' and '-'"
        raise place.error(f"{problem}, a letter or digit first")


def check_reading(path: Path, nodes: Mapping[str, yaml.Node], values: Mapping[str, Any]) -> None:
    """Check `format` and `columns`, where they are given.

    Raises:
        RegistryError: there is no such format, or no such field.
    """
    if "format" in values and values["format"] not in FORMATS:
        problem = f"unknown format {values['format']!r}; {suggestion(values['format'], tuple(FORMATS))}"
        raise Place(path, nodes["format"]).error(problem)
    if "columns" in values:
        _check_columns(Place(path, nodes["columns"]), values["columns"], values.get("format"))


def constructed(path: Path, nodes: Mapping[str, yaml.Node], types: Types) -> dict[str, Any]:
    """Return the values of nodes, each of its type; those that are null are left out.

    Raises:
        RegistryError: a value cannot be read, or is of another type.
    """
    values = {name: _constructed(Place(path, node), name, *types[name]) for name, node in nodes.items()}
    return {name: value for name, value in values.items() if value is not None}


def _constructed(place: Place, name: str, kind: type | tuple[type, ...], expected: str) -> Any:
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(place.node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        raise place.error(f"`{name}` cannot be read: {error}") from error
    finally:
        loader.dispose()
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise place.error(f"`{name}` is {value!r}, expected {expected}")
    return value


def _check_columns(place: Place, columns: dict[Any, Any], format: str | None) -> None:
    known = fields_of(format)
    for name, column in columns.items():
        if name not in known:
            raise place.error(f"`columns` names {name!r}, no field of the format; {suggestion(str(name), known)}")
        if not isinstance(column, str):
            raise place.error(f"`columns` maps {name!r} to {column!r}, expected the name of a column")
    if len(set(columns.values())) < len(columns):
        raise place.error("`columns` uses one column of the file for two fields; keep one of them")


def resolved(uri: str, path: Path) -> str:
    """Return a URI as it stands, and a relative path as seen from the registry's folder."""
    if "://" in uri or os.path.isabs(uri):
        return uri
    return os.path.normpath(path.absolute().parent / os.path.expanduser(uri))
