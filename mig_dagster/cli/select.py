"""`mig-dagster select`: files in, a subset's folder out, without a Dagster instance."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from mig_dagster.cli.console import DEFAULT_HOME, AsJson, Home, err, explain_errors, out, print_json, progress_bar
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
    from mig_dagster.stages.budget import rows_of
    from mig_dagster.stages.select_files import SelectOptions, select_files
    from mig_dagster.storage import Store

    rows_of(budget, 1)  # a budget that cannot be read is said before an hour of annotation
    with progress_bar("reading") as report:
        done = select_files(
            named_sources(pool),
            output,
            method=method,
            budget=budget,
            settings=parse_options(option or []),
            options=_read_config(config, SelectOptions),
            cache=FragmentCache(Store(home)),
            on_progress=report,
        )
    if as_json:
        info = dict(done.info) | {"sources": done.records, "duplicates": done.duplicates, "output": str(output)}
        print_json(info)
        return
    for warning in done.info["warnings"]:
        err.print(f"[yellow]warning:[/] {warning}", highlight=False)
    rejected = sum(sum(counts["rejected"].values()) for counts in done.records.values())
    out.print(
        f"[bold]{done.files.rows:,}[/] of {done.info['pool_rows']:,} rows chosen by {method} "
        f"({rejected:,} records rejected, {done.duplicates:,} duplicates left out) -> {output}"
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


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Return `name=value` pairs with the values read as YAML: numbers, true, null or text.

    Raises:
        ValueError: a pair has no name or no value.
    """
    parsed = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not name or not value:
            raise ValueError(f"--option must be name=value, got {pair!r}")
        # YAML 1.1 reads 1e-6 as text; Python's own reading comes first.
        try:
            parsed[name.replace("-", "_")] = float(value) if re.search(r"[.eE]", value) else int(value)
        except ValueError:
            parsed[name.replace("-", "_")] = yaml.safe_load(value)
    return parsed


def _read_config(path: Path | None, options: type) -> Any:
    document = yaml.safe_load(path.read_text()) if path else None
    try:
        return TypeAdapter(options).validate_python(document or {})
    except ValidationError as problem:
        first = problem.errors()[0]
        raise ValueError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from problem
