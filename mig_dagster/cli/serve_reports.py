"""`mig-dagster serve-reports`: the pages in the home, for browsers that come from the Dagster UI."""

import os
import threading
import time
from typing import Annotated

import typer

from mig_dagster.cli.console import DEFAULT_HOME, Home, explain_errors, out

_LOOKS_EVERY = 1.0  # seconds


@explain_errors
def serve_reports(
    host: Annotated[str, typer.Option(help="Address to listen on; whoever reaches it can read the reports.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 3001,
    end_with_parent: Annotated[
        bool, typer.Option("--end-with-parent", help="End when the process that started this one ends.")
    ] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Serve the reports of the home, read-only, until it is stopped; MIG_REPORTS_URL tells the UI where."""
    from mig_dagster.stages.report.server import report_server
    from mig_dagster.storage import Store

    started_by = os.getppid()
    with report_server(Store(home), host, port) as server:
        if end_with_parent:
            threading.Thread(target=_end_with, args=(started_by,), daemon=True).start()
        out.print(f"reports on http://{host}:{server.server_address[1]}/selection_report/report.html")
        server.serve_forever()


def _end_with(parent: int) -> None:
    """End this process when it has another parent, as it has when its own ended."""
    while os.getppid() == parent:
        time.sleep(_LOOKS_EVERY)
    os._exit(0)
