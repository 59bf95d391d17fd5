"""`mig-dagster select`: files in, a subset's folder out, without a Dagster instance."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import TypeAdapter, ValidationError
from rich.markup import escape

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    AsJson,
    Home,
    explain_errors,
    out,
    print_json,
    print_warning,
    progress_bar,
)
from mig_dagster.sources import Source


@explain_errors
def select(
    pool: Annotated[list[str], typer.Argument(help="Files, folders, globs or demo://name, in any known format.")],
    output: Annotated[Path, typer.Option(help="Folder for the subset; made when missing.")],
    budget: Annotated[str, typer.Option(help="Rows (5000, 50k) or a share of the pool (5%).")] = "5%",
    method: Annotated[str, typer.Option(help="Selection method.")] = "mig",
    option: Annotated[list[str] | None, typer.Option(help="Option of the method, name=value; repeatable.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file for everything before the method.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Choose rows from files: reads, deduplicates, tags and scores what is not annotated yet, and selects."""
    # Imported here, so that `--help` does not load the models' libraries.
    from mig_dagster.annotations.cache import FragmentCache
    from mig_dagster.stages.pool_options import PoolOptions
    from mig_dagster.stages.select_files import select_files
    from mig_dagster.storage import Store

    with progress_bar("reading") as report:
        done = select_files(
            named_sources(pool),
            output,
            method=method,
            budget=budget,
            settings=method_settings(method, option or []),
            options=_read_config(config, PoolOptions),
            cache=FragmentCache(Store(home)),
            on_progress=report,
        )
    if as_json:
        info = dict(done.info) | {"sources": done.records, "duplicates": done.duplicates, "output": str(output)}
        print_json(info)
        return
    for warning in done.info["warnings"]:
        print_warning(warning)
    rejected = sum(sum(counts["rejected"].values()) for counts in done.records.values())
    out.print(
        f"[bold]{done.files.rows:,}[/] of {done.info['pool_rows']:,} rows chosen by {method} "
        f"({rejected:,} records rejected, {done.duplicates:,} duplicates left out) -> {escape(str(output))}"
    )


def named_sources(uris: Sequence[str]) -> list[Source]:
    """Return a source for each URI, named after its last part, numbered where two would be called alike."""
    sources: dict[str, Source] = {}
    for uri in uris:
        last = uri.rstrip("/").rsplit("/", 1)[-1].lower()
        stem = re.sub(r"(\.(json|jsonl|parquet))?(\.gz)?$", "", last)
        slug = re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._") or "pool"
        name, number = slug, 1
        while name in sources:
            number += 1
            name = f"{slug}-{number}"
        sources[name] = Source(name, uri)
    return list(sources.values())


def method_settings(method: str, pairs: Sequence[str]) -> dict[str, Any]:
    """Return the options of a method from `name=value` pairs, each as its type.

    Raises:
        ValueError: there is no such method, it has no such option, or the value is of another type.
    """
    from mig_dagster.stages.subset import method_options

    given: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not name or not value:
            raise ValueError(f"--option must be name=value, got {pair!r}")
        given[name.replace("-", "_")] = value
    known = method_options(method, given)
    return {
        name: _validated(known[name][0], None if value == "null" else value, f"--option {name}")
        for name, value in given.items()
    }


def _read_config(path: Path | None, options: type) -> Any:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) if path else None
    except yaml.YAMLError as problem:
        raise ValueError(f"{path}: is not valid YAML: {' '.join(str(problem).split())}") from problem
    if document is not None and not isinstance(document, dict):
        raise ValueError(f"{path}: expected sections such as `label_graph: {{threshold: 0.9}}`, found {document!r:.60}")
    return _validated(options, document or {}, str(path))


def _validated(kind: Any, value: Any, place: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ": ".join([place, ".".join(map(str, first["loc"]))] if first["loc"] else [place])
        raise ValueError(f"{where}: {first['msg']}, got {first['input']!r:.60}") from problem
