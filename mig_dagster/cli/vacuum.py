"""`mig-dagster vacuum`: drop old versions of assets, and what killed writers left."""

from typing import Annotated

import typer

from mig_dagster.cli.console import DEFAULT_HOME, AsJson, Home, explain_errors, out, print_json
from mig_dagster.storage import Lake, Store
from mig_dagster.storage.lake import GRACE_SECONDS


@explain_errors
def vacuum(
    home: Home = DEFAULT_HOME,
    keep: Annotated[
        int, typer.Option("--keep", help="How many of the newest versions of each asset and source stay.")
    ] = 2,
    grace: Annotated[
        float, typer.Option("--grace", help="Hours: what is younger may belong to a run, and stays.")
    ] = GRACE_SECONDS / 3600,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old versions of assets that nothing points to, and half-done files or uploads of killed runs."""
    removed = Lake(Store(home)).vacuum(keep, dry_run=dry_run, grace=grace * 3600)
    if as_json:
        print_json(
            {"dry_run": dry_run, "bytes": removed.bytes, "leftovers": removed.leftovers, "paths": list(removed.paths)}
        )
        return
    would = "would remove" if dry_run else "removed"
    out.print(f"{would} {len(removed.paths):,} objects of {removed.bytes / 2**20:,.1f} MiB in {home}", highlight=False)
    if removed.leftovers:
        out.print(f"{would} {removed.leftovers:,} leftovers of killed writers", highlight=False)
