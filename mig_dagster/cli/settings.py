"""What a user asks for on the command line, as the stages take it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from mig_dagster.sources import Source

if TYPE_CHECKING:
    from mig_dagster.stages.pool_options import PoolOptions


AcceptMixed = Annotated[
    bool,
    typer.Option(
        "--accept-mixed", help="Choose also where several annotators gave one signal; the result warns of it."
    ),
]


def pool_options(config: Path | None, accept_mixed: bool) -> "PoolOptions":
    """Return what the options file says, and a flag of the command line beside it.

    Raises:
        ValueError: the file is not there, or wrong.
    """
    from mig_dagster.stages.options_file import read_options

    options = read_options(config)
    return replace(options, accept_mixed_annotators=options.accept_mixed_annotators or accept_mixed)


def named_sources(uris: Sequence[str]) -> list[Source]:
    """Return a source for each URI, named after its last part, numbered where two would be called alike."""
    sources: dict[str, Source] = {}
    for uri in uris:
        last = uri.rstrip("/").rsplit("/", 1)[-1].lower()
        stem = re.sub(r"(\.(json|jsonl|ndjson|parquet|csv|tsv))?(\.(gz|zst))?$", "", last)
        slug = re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._") or "pool"
        name, number = slug, 1
        while name in sources:
            number += 1
            name = f"{slug}-{number}"
        sources[name] = Source(name, uri)
    return list(sources.values())


def method_name(text: str) -> str:
    """Return the name of a method as `METHODS` has it, from one with hyphens as from one with underscores."""
    return text.strip().replace("-", "_")


def method_settings(method: str, pairs: Sequence[str]) -> dict[str, Any]:
    """Return the options of a method from `name=value` pairs, each as its type.

    Raises:
        ValueError: there is no such method, it has no such option, or the value is of another type.
    """
    from mig_dagster.stages.options_file import validated
    from mig_dagster.stages.subset import method_options

    given: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not name or not value:
            raise ValueError(f"--option must be name=value, got {pair!r}")
        given[name.replace("-", "_")] = value
    known = method_options(method, given)
    return {name: validated(known[name][0], _plain(name, value), f"--option {name}") for name, value in given.items()}


def _plain(name: str, value: str) -> Any:
    """Return the text of an option as what it is validated as: nothing, names with values, or the text."""
    if value == "null":
        return None
    if not (value.startswith("{") and value.endswith("}")):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as problem:
        raise ValueError(
            f"--option {name}: expected names and values as {{a: 1, b: 2}}, got {value!r:.60}"
        ) from problem
