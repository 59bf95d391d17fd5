"""`mig-dagster plan`: what annotating the sources would read and how long that takes, before anything is spent."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    DEFAULT_REGISTRY,
    AsJson,
    Config,
    Home,
    Registry,
    explain_errors,
    out,
    print_json,
    print_table,
    print_warning,
    progress_bar,
)


@explain_errors
def plan(
    sources: Annotated[list[str] | None, typer.Option(help="Sources, as a,b; repeatable. Default: all.")] = None,
    assets: Annotated[
        list[str] | None, typer.Option(help="Signals, as tags,quality_scores; repeatable. Default: all.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time a small sample of what was not measured on this device yet.")
    ] = False,
    config: Config = None,
    registry: Registry = DEFAULT_REGISTRY,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say per source and annotator how many items and tokens the cache lacks, and how long they would take here."""
    # Imported here, so that `--help` does not load the models' libraries.
    from mig_dagster.sources import load_registry
    from mig_dagster.sources.discovery import read_log
    from mig_dagster.stages.options_file import read_options
    from mig_dagster.stages.planning.home import plan_home
    from mig_dagster.storage import Lake, Store

    lake = Lake(Store(home))
    discovered = read_log(lake.store)
    declared = load_registry(registry) if registry.exists() else {}
    known = [*discovered.registered(declared)] if registry.exists() else sorted(lake.partitions("raw_pool"))
    chosen = _chosen(_names(sources), known)
    with progress_bar("planning") as report:
        document = plan_home(
            lake,
            read_options(config),
            chosen,
            discovered,
            declared,
            signals=_names(assets) or None,
            measure=measure,
            on_progress=report,
        )
    if as_json:
        print_json(document)
    else:
        _print(document)


def _names(given: Sequence[str] | None) -> list[str]:
    return [name.strip() for part in given or [] for name in part.split(",") if name.strip()]


def _chosen(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    for name in asked:
        if name not in known:
            raise LookupError(f"no source is called {name!r}; there are: {', '.join(known) or 'none'}")
    return list(dict.fromkeys(asked)) or list(known)


def _print(document: Mapping[str, Any]) -> None:
    table = Table("source", "signal", "annotator", "rows", "items", "missing", "tokens", "tokens/s", "hours")
    for column in table.columns[3:]:
        column.justify = "right"
    for plan in document["sources"]:
        for line in plan["annotators"]:
            model = line["model"].rpartition("/")[2]
            who = line["name"] if line["name"] == model else f"{line['name']} {model}"
            counts = (plan["rows"], line["items"], line["items_missing"], line["tokens_missing"])
            table.add_row(
                plan["source"], line["signal"], who, *(f"{n:,}" for n in counts), _rate(line), f"{line['hours']:.4f}"
            )
    total = document["total"]
    counts = (total["rows"], total["items"], total["items_missing"], total["tokens_missing"])
    table.add_row("total", "", "", *(f"{n:,}" for n in counts), "", f"{total['hours']:.4f}")
    print_table(table)
    out.print(f"hours on {document['device']}", markup=False, highlight=False)
    for note in _notes(document):
        print_warning(note)


def _rate(line: Mapping[str, Any]) -> str:
    mark = {"measured": "", "same model": " ~", "assumed": " ?", "a server": ""}[line["basis"]]
    return "a server" if line["tokens_per_second"] is None else f"{line['tokens_per_second']:,.0f}{mark}"


def _notes(document: Mapping[str, Any]) -> list[str]:
    bases = {line["basis"] for plan in document["sources"] for line in plan["annotators"] if line["items_missing"]}
    notes = list(document["notes"])
    if "assumed" in bases:
        notes.append("? not measured yet on this device: the rate is an assumption; --measure times a small sample")
    if "same model" in bases:
        notes.append("~ measured with other settings of this model")
    for plan in document["sources"]:
        if plan["held"]:
            notes.append(
                f"{plan['source']}: {plan['gpu_hours']:.3g} GPU hours are more than the {plan['max_gpu_hours']:g} that "
                "automation may spend on it without asking"
            )
    if not document["sources"] and not document["not_read"]:
        notes.append(
            "there is no source: `mig-dagster sources add NAME FILE` registers one, a running `make dev` reads it"
        )
    if document["not_read"]:
        notes.append(f"not read yet, so not planned: {', '.join(document['not_read'])}")
    return notes
