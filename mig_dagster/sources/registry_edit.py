"""Add and remove sources in the text of the registry: comments and other entries stay byte for byte."""

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from mig_dagster.sources.registry import (
    RegistryError,
    Source,
    load_registry,
    parse_registry,
    read_registry,
    registry_nodes,
)


def add_source(path: str | Path, source: Source) -> None:
    """Append a source to the registry, which is created when it does not exist.

    Args:
        path: the YAML file.
        source: its URI is written as it stands; a relative path starts from the registry's folder.

    Raises:
        RegistryError: the registry has a mistake, or would have one with this source.
    """
    path = Path(path)
    _replace(path, _with_source(path, source))


def check_addition(path: str | Path, source: Source) -> None:
    """Check that a source can be added, without touching the registry or the source's files.

    Raises:
        RegistryError: as `add_source`, where nothing but the writing is left to fail.
    """
    _with_source(Path(path), source)


def remove_source(path: str | Path, name: str) -> None:
    """Remove a source from the registry, with the comments inside its entry.

    Raises:
        KeyError: there is no source of that name.
        RegistryError: the registry has a mistake.
    """
    path = Path(path)
    known = load_registry(path)
    if name not in known:
        raise KeyError(f"no source is called {name!r} in {path}; there are: {', '.join(known) or 'none'}")
    text = read_registry(path)
    lines = text.splitlines(keepends=True)
    sequence = registry_nodes(text, path)["sources"]
    if not _is_block(sequence):
        raise _flow_error(path, sequence)
    entry = next(node for node in sequence.value if _value(node, "name") == name)
    # The dash may stand on a line of its own, above the entry.
    first = entry.start_mark.line
    while not lines[first].lstrip().startswith("-"):
        first -= 1
    del lines[first : _last_line(entry) + 1]
    if len(sequence.value) == 1:
        line = _key_line(text)
        lines[line] = lines[line].replace("sources:", "sources: []", 1)
    text = "".join(lines)
    parse_registry(text, path)
    _replace(path, text)


def _with_source(path: Path, source: Source) -> str:
    """Return the text of the registry with one source more; it has been read as a registry."""
    text = read_registry(path) if path.exists() else "sources: []\n"
    if not text.strip():
        text += "sources: []\n"
    text = _with_entry(text, source, path)
    parse_registry(text, path)
    return text


def _with_entry(text: str, source: Source, path: Path) -> str:
    sequence = registry_nodes(text, path)["sources"]
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if not sequence.value:
        line = _key_line(text)
        lines[line] = lines[line].replace("[]", "", 1).rstrip() + "\n"
        return "".join([*lines[: line + 1], *_rendered(source, indent=2), *lines[line + 1 :]])
    if not _is_block(sequence):
        raise _flow_error(path, sequence)
    last = _last_line(sequence.value[-1]) + 1
    return "".join([*lines[:last], *_rendered(source, sequence.start_mark.column), *lines[last:]])


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _key_line(text: str) -> int:
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # `registry_nodes` has seen it
    return next(int(key.start_mark.line) for key, _ in root.value if key.value == "sources")


def _rendered(source: Source, indent: int) -> list[str]:
    values: dict[str, Any] = {"name": source.name, "uri": source.uri}
    values |= {"format": source.format} if source.format is not None else {}
    values |= {"licence": source.licence} if source.licence is not None else {}
    values |= {"priority": source.priority} if source.priority else {}
    values |= {"columns": dict(source.columns)} if source.columns else {}
    rest = ("revision", "config", "split", "max_gpu_hours", "scores")
    values |= {key: value for key in rest if (value := getattr(source, key)) is not None}
    text: str = yaml.safe_dump([values], sort_keys=False, allow_unicode=True, width=10_000)
    return [" " * indent + line for line in text.splitlines(keepends=True)]


def _last_line(node: yaml.Node) -> int:
    """Return the last line of a node's own text; a block's end mark lies behind the comments that follow it."""
    if not _is_block(node):
        end = node.end_mark
        return int(end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line)
    children = [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
    return max(map(_last_line, children))


def _value(entry: yaml.Node, key: str) -> str:
    return next(str(value.value) for name, value in entry.value if name.value == key)


def _flow_error(path: Path, sequence: yaml.Node) -> RegistryError:
    line = sequence.start_mark.line + 1
    return RegistryError(
        f"{path}:{line}: the list is written in brackets; put each source on lines of its own (- name:)"
    )


def _replace(path: Path, text: str) -> None:
    """Write the new text beside the registry and put it in its place; a link goes on pointing to the file it names."""
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        beside = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            beside.chmod(target.stat().st_mode if target.exists() else 0o644)
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise RegistryError(
            f"{path}: cannot be written ({error.strerror}); check its folder and who may write it"
        ) from error
