"""`mig-dagster report`: the page of one subset that was chosen before, beside others of the same pool."""

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
from mig_dagster.cli.settings import pool_options


@explain_errors
def report(
    subset: Annotated[
        list[str],
        typer.Argument(
            help="A folder that select wrote, or a subset by name (mig, mig_subset, mig~1, mig@<version>); the report "
            "is about the first, the others stand beside it."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder for report.html and its tables; made when missing.")],
    config: Config = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show what a subset is like, in figures and rows to read: one page that opens from disk."""
    # Imported here, so that `--help` does not load the models' libraries.
    from mig_dagster.annotations.models.shelf import ModelShelf
    from mig_dagster.annotations.token_counts import TokenCounter
    from mig_dagster.stages.devices import model_device
    from mig_dagster.stages.report.files import PAGE
    from mig_dagster.stages.report.subsets import report_subsets
    from mig_dagster.stages.stored_subset import find_subset

    options = pool_options(config, accept_mixed=False)
    encoder = ModelShelf().sentence_encoder(options.encoder.spec(model_device(options.device)))
    with progress_bar("reading") as on_progress:
        found = [find_subset(name, home) for name in subset]
        made = report_subsets(found, output, count_tokens=TokenCounter(encoder), on_progress=on_progress)
    page = output / PAGE
    if as_json:
        print_json({"page": str(page), "bytes": made.bytes, "missing": made.missing})
        return
    for title, why in made.missing.items():
        print_warning(f"{title}: {why}")
    out.print(f"{escape(str(page))} ({made.bytes[PAGE] / 1e6:.1f} MB) and {len(made.bytes) - 1} tables")
