"""`mig-dagster select`: files in, a subset's folder out, without a Dagster instance."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    AsJson,
    Config,
    Home,
    explain_errors,
    out,
    print_json,
    print_warning,
    progress_bar,
)
from mig_dagster.cli.settings import AcceptMixed, method_name, method_settings, named_sources, pool_options
from mig_dagster.stages.budget import WORDS


@explain_errors
def select(
    pool: Annotated[list[str], typer.Argument(help="Files, folders, globs or demo://name, in any known format.")],
    output: Annotated[Path, typer.Option(help="Folder for the subset; made when missing.")],
    budget: Annotated[str, typer.Option(help=WORDS)] = "5%",
    method: Annotated[str, typer.Option(help="Selection method.")] = "mig",
    option: Annotated[list[str] | None, typer.Option(help="Option of the method, name=value; repeatable.")] = None,
    config: Config = None,
    accept_mixed: AcceptMixed = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Choose rows from files: reads, deduplicates, tags and scores what is not annotated yet, and selects."""
    # Imported here, so that `--help` does not load the models' libraries.
    from mig_dagster.annotations.cache import FragmentCache
    from mig_dagster.stages.file_pool import file_lake
    from mig_dagster.stages.pool_language_model import local_models
    from mig_dagster.stages.select_files import select_files
    from mig_dagster.storage import Store

    method = method_name(method)
    with progress_bar("reading") as report:
        done = select_files(
            named_sources(pool),
            output,
            method=method,
            budget=budget,
            settings=method_settings(method, option or []),
            options=pool_options(config, accept_mixed),
            cache=FragmentCache(Store(home)),
            lake=file_lake(home),
            models=local_models(Store(home)),
            on_progress=report,
        )
    if as_json:
        info = dict(done.info) | {"sources": done.records, "duplicates": done.duplicates, "output": str(output)}
        print_json(info)
        return
    for warning in done.info["warnings"]:
        print_warning(warning)
    if done.info["shortfall"]:
        print_warning(done.info["shortfall"])
    if done.info["excluded"]:
        print_warning(
            f"rows that could not be chosen, for lack of a signal that {method} reads: "
            f"{done.info['excluded']:,} of {done.info['pool_rows']:,}"
        )
    if spent := done.info["tokens"]:
        kind = "trained tokens" if spent["counted"] == "trained_tokens" else "tokens"
        out.print(
            f"[bold]{spent['used'][spent['counted']]:,}[/] {kind} of {spent['asked']:,} asked for, "
            f"{spent['pool'][spent['counted']]:,} in the pool"
        )
    rejected = sum(sum(counts["rejected"].values()) for counts in done.records.values())
    out.print(
        f"[bold]{done.files.rows:,}[/] of {done.info['pool_rows']:,} rows chosen by {method} "
        f"({rejected:,} records rejected, {done.duplicates:,} duplicates left out) -> {escape(str(output))}"
    )
