"""`mig-dagster vacuum`: drop old versions of assets, pools kept for files, and what killed writers left."""

from typing import Annotated

import typer

from mig_dagster.cli.console import DEFAULT_HOME, AsJson, Home, explain_errors, out, print_json
from mig_dagster.storage import Lake, Store
from mig_dagster.storage.lake import GRACE_SECONDS

_MIB = 2**20


@explain_errors
def vacuum(
    home: Home = DEFAULT_HOME,
    keep: Annotated[
        int, typer.Option("--keep", help="How many of the newest versions of each asset and source stay.")
    ] = 2,
    grace: Annotated[
        float, typer.Option("--grace", help="Hours: what is younger may belong to a run, and stays.")
    ] = GRACE_SECONDS / 3600,
    file_pools: Annotated[
        bool,
        typer.Option(
            "--file-pools",
            help="Remove also the pools that select and compare kept, all older than --grace: their subsets can then "
            "no longer be explained, compared or verified.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old versions of assets that nothing points to, and half-done files or uploads of killed runs.

    What a kept version of a subset was chosen from stays as long as the subset does.
    """
    from mig_dagster.stages.file_pool import file_lake  # loads the models' libraries

    removed = Lake(Store(home)).vacuum(keep, dry_run=dry_run, grace=grace * 3600)
    pools = file_lake(home)
    room = pools.room()
    gone = pools.vacuum(0, dry_run=dry_run, grace=grace * 3600) if file_pools else None
    leftovers = removed.leftovers + (gone.leftovers if gone else 0)
    if as_json:
        of_pools = {
            "bytes": room,
            "removed_bytes": gone.bytes if gone else 0,
            "paths": list(gone.paths) if gone else [],
        }
        found = {"dry_run": dry_run, "bytes": removed.bytes, "leftovers": leftovers, "paths": list(removed.paths)}
        print_json(found | {"file_pools": of_pools})
        return
    would = "would remove" if dry_run else "removed"
    _say(f"{would} {len(removed.paths):,} objects of {removed.bytes / _MIB:,.1f} MiB in {home}")
    if gone:
        _say(f"{would} {len(gone.paths):,} objects of {gone.bytes / _MIB:,.1f} MiB of pools kept for files")
    elif room:
        _say(f"pools kept for select and compare take {room / _MIB:,.1f} MiB and stay; --file-pools removes old ones")
    if leftovers:
        _say(f"{would} {leftovers:,} leftovers of killed writers")


def _say(text: str) -> None:
    out.print(text, highlight=False)
