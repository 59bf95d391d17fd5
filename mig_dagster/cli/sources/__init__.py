"""`mig-dagster sources`: what is registered, what a file holds, what was discovered; one file per group of commands."""

import typer

from mig_dagster.cli.sources.checking import add, check_source
from mig_dagster.cli.sources.discovering import discover_sources
from mig_dagster.cli.sources.listing import list_sources
from mig_dagster.cli.sources.proposals import approve, proposals, reject
from mig_dagster.cli.sources.refreshing import refresh
from mig_dagster.cli.sources.removing import remove

sources = typer.Typer(help="List, check, add, remove, refresh and discover sources.", no_args_is_help=True)
sources.command("list")(list_sources)
sources.command("check")(check_source)
sources.command("add")(add)
sources.command("remove")(remove)
sources.command("refresh")(refresh)
sources.command("discover")(discover_sources)
sources.add_typer(proposals, name="proposals")
sources.command("approve")(approve)
sources.command("reject")(reject)
