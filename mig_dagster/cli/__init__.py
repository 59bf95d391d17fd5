"""The command line: `mig-dagster`. One file per command; exit codes 0, 1 (a check failed), 2 (usage)."""

import os

import typer

from mig_dagster.cli.backfill import backfill
from mig_dagster.cli.check_export import check_export
from mig_dagster.cli.compare import compare
from mig_dagster.cli.demo import demo
from mig_dagster.cli.diff import diff
from mig_dagster.cli.explain import explain
from mig_dagster.cli.export import export
from mig_dagster.cli.methods import ListsMethods, methods
from mig_dagster.cli.plan import plan
from mig_dagster.cli.report import report
from mig_dagster.cli.sample import sample
from mig_dagster.cli.select import select
from mig_dagster.cli.serve_reports import serve_reports
from mig_dagster.cli.sources import sources
from mig_dagster.cli.trace import trace
from mig_dagster.cli.vacuum import vacuum
from mig_dagster.cli.verify import verify

# Read by OpenMP when torch loads. Threads that wait give their core back: by default they wait in a loop, which costs
# several times the processor time wherever another process wants the same cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

app = typer.Typer(
    name="mig-dagster",
    help="Choose instruction-tuning data: MIG and its peers over open datasets, as a Dagster project.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(demo)
app.command()(plan)
app.command()(backfill)
app.add_typer(sources, name="sources")
app.command(cls=ListsMethods)(select)
app.command(cls=ListsMethods)(compare)
app.command()(report)
app.command()(serve_reports)
app.command()(check_export)
app.command()(methods)
app.command()(sample)
app.command()(export)
app.command()(explain)
app.command()(trace)
app.command()(diff)
app.command()(verify)
app.command()(vacuum)
