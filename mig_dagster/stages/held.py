"""Sources whose annotation automation holds: how many GPU hours one may take, and who waits for a person."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from mig_dagster.sources import Source
from mig_dagster.sources.discovery import Discovered, Event, Hold, read_log, record
from mig_dagster.storage import Lake, Store

NEEDED = ("tags", "quality_scores")
"""What a row needs to be chosen by MIG."""


@dataclass(frozen=True, slots=True)
class Planned:
    """How long annotating a source would take.

    Attributes:
        gpu_hours: on a GPU; infinite where it cannot be said.
        plan: how they come about, JSON-ready.
    """

    gpu_hours: float
    plan: Mapping[str, Any]


def hours_allowed(source: Source, discovered: Discovered, declared: bool, default: float | None) -> float | None:
    """Return how many GPU hours automation may spend on a source; None is no limit.

    Its own limit goes first. Without one, `default` holds for a source that was discovered, until a person has once let
    it be annotated; one that somebody declared has no limit.

    Args:
        source: as it is registered.
        discovered: the log.
        declared: whether sources.yaml names it.
        default: `max_gpu_hours` of the options file.
    """
    if source.max_gpu_hours is not None:
        return source.max_gpu_hours
    hold = discovered.holds.get(source.name)
    chosen = hold is not None and hold.state == "released"
    return None if declared or chosen else default


def review(store: Store, name: str, rows_version: str, limit: float | None, plan: Callable[[], Planned]) -> Hold | None:
    """Decide whether automation may annotate a version of a source's rows, and write down what changed.

    The same rows again change nothing. A source that a person withheld stays so; one that was held and now fits, or has
    no limit any more, is free.

    Args:
        store: of the home; has the log.
        name: the source.
        rows_version: data version of its rows.
        limit: GPU hours, None for no limit.
        plan: says how long it would take; asked only where that matters.

    Returns:
        What keeps automation from it; None where nothing does.

    Raises:
        RegistryError: the log cannot be used.
    """
    hold = read_log(store).holds.get(name)
    if hold is not None and hold.rows_version == rows_version:
        return None if hold.state == "released" else hold
    if hold is not None and hold.state == "withheld":
        again = Event("withheld", "", name, details={"rows_version": rows_version}, reason="has other rows")
        return _write(store, name, hold, again)
    found = Planned(0.0, {}) if limit is None else plan()
    if limit is None or found.gpu_hours <= limit:
        if hold is not None and hold.state == "held":
            _write(
                store, name, hold, Event("fits", "", name, reason=f"{found.gpu_hours:.3g} GPU hours are within limits")
            )
        return None
    hours = found.gpu_hours if math.isfinite(found.gpu_hours) else None
    details = {"rows_version": rows_version, "hours": hours, "limit": limit, "plan": dict(found.plan)}
    reason = f"annotating it would take more than {limit:g} GPU hours"
    return _write(store, name, hold, Event("held", "", name, details=details, reason=reason))


def waiting(discovered: Discovered, lake: Lake, names: Sequence[str]) -> list[str]:
    """Return which of some sources have rows that automation was kept from annotating, and that nobody else annotated.

    The pool has of these only the rows that are annotated: none of a new source, the known ones of a new revision.

    Args:
        discovered: the log.
        lake: of the home.
        names: sources.
    """
    return sorted(name for name in names if name in discovered.holds and _waits(discovered.holds[name], lake, name))


def _waits(hold: Hold, lake: Lake, name: str) -> bool:
    rows, *made = lake.current_versions([("raw_pool", name), *((asset, name) for asset in NEEDED)])
    if rows is None or (hold.state == "released" and hold.rows_version != rows.data_version):
        return False
    return any(found is None or found.inputs.get(f"raw_pool/{name}") != rows.data_version for found in made)


def known_rows(signatures: pl.DataFrame, discovered: Discovered, lake: Lake) -> tuple[pl.DataFrame, dict[str, int]]:
    """Leave out the rows of waiting sources that nobody annotated.

    Args:
        signatures: `source`, `row_id` and more, of all sources.
        discovered: the log.
        lake: of the home.

    Returns:
        The other rows, and how many were left out of each waiting source.
    """
    left_out: dict[str, int] = {}
    for name in waiting(discovered, lake, signatures["source"].unique().to_list()):
        theirs = pl.col("source") == name
        unknown = signatures.filter(theirs, ~pl.col("row_id").is_in(_annotated_ids(lake, name).implode()))
        left_out[name] = unknown.height
        signatures = signatures.join(unknown.select("source", "row_id").unique(), on=["source", "row_id"], how="anti")
    return signatures, left_out


def is_in_pool(lake: Lake, name: str) -> bool:
    """Return whether every row of a source is in the pool or a duplicate there; so it is while there is no pool."""
    if lake.current("pool") is None:
        return True
    tables = (lake.scan("pool", table=table) for table in ("rows", "duplicates"))
    inside = sum(table.filter(source=name).select(pl.len()).collect().item() for table in tables)
    signatures = lake.current("row_signatures", name)
    return signatures is None or inside == signatures.rows


def _annotated_ids(lake: Lake, name: str) -> pl.Series:
    """Return the rows of a source that have what MIG needs."""
    made = lake.current_versions([(asset, name) for asset in NEEDED])
    known = [lake.scan_versions([found]).select("row_id") for found in made if found is not None]
    if len(known) < len(NEEDED):
        return pl.Series("row_id", [], dtype=pl.String)
    ids = functools.reduce(lambda one, other: one.join(other, on="row_id", how="semi"), known)
    return ids.collect()["row_id"]


def explained(name: str, hold: Hold) -> str:
    """Return why a source is not annotated, and what to do."""
    if hold.state == "withheld":
        return f"annotating {name} was turned down; `mig-dagster sources approve {name}` lets it go on"
    hours = "an unknown number of" if hold.hours is None else f"{hold.hours:.3g}"
    problem = f" ({hold.plan['problem']})" if "problem" in hold.plan else ""
    return (
        f"annotating {name} would take {hours} GPU hours{problem}, and {hold.limit:g} are allowed without asking: "
        f"`mig-dagster sources approve {name}` lets it go on, `mig-dagster sources reject {name}` leaves its rows out; "
        "`mig-dagster plan` says how the hours come about"
    )


def _write(store: Store, name: str, before: Hold | None, event: Event) -> Hold | None:
    """Add an event unless somebody else changed the source's hold meanwhile; return what it is then."""

    def decide(state: Discovered) -> list[Event]:
        return [event] if state.holds.get(name) == before else []

    state, _ = record(store, decide)
    hold = state.holds.get(name)
    return hold if hold is not None and hold.state != "released" else None
