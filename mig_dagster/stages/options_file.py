"""The options file: YAML sections, checked name by name, over the defaults of a profile."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from mig_dagster.stages.pool_options import PoolOptions, with_profile


def read_options(path: Path | None) -> PoolOptions:
    """Return the options that a YAML file holds, those left out at the defaults of its profile.

    Args:
        path: None is an empty file.

    Raises:
        ValueError: the file is not there or no YAML, has an unknown section or name, or a value is of another type.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) if path else None
    except yaml.YAMLError as problem:
        raise ValueError(f"{path}: is not valid YAML: {' '.join(str(problem).split())}") from problem
    except OSError as problem:
        raise ValueError(f"{path}: the options file cannot be read ({problem.strerror or problem})") from problem
    if document is not None and not isinstance(document, dict):
        raise ValueError(f"{path}: expected sections such as `label_graph: {{threshold: 0.9}}`, found {document!r:.60}")
    try:
        merged = with_profile(document or {})
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from problem
    options: PoolOptions = validated(PoolOptions, merged, str(path))
    return options


def validated(kind: Any, value: Any, place: str) -> Any:
    """Return a value as what it is to be.

    Args:
        kind: a type.
        value: from YAML.
        place: where it stands, for the message.

    Raises:
        ValueError: it is something else; the message says where and what.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ": ".join([place, ".".join(map(str, first["loc"]))] if first["loc"] else [place])
        raise ValueError(f"{where}: {first['msg']}, got {first['input']!r:.60}") from problem
