"""What the UI shows of a subset."""

from collections.abc import Mapping
from typing import Any

from assets import metadata as shown
from assets.plots import curve
from mig_dagster.stages.subset import Subset


def subset_metadata(chosen: Subset, scale: str | None) -> dict[str, Any]:
    """Return what the UI shows of a subset.

    Args:
        chosen: the subset.
        scale: of the scores that were read; None where the method reads none.
    """
    info = chosen.info
    reasons = chosen.excluded["reason"].value_counts().sort("reason")
    return {
        "pool_rows": info["pool_rows"],
        "budget": info["budget"],
        "tokens": _tokens(info["tokens"]),
        "seconds": chosen.seconds,
        "objective": info["objective"] if info["objective"] is not None else "none",
        "shortfall": info["shortfall"] or "none",
        "warnings": info["warnings"],
        "options": info["options"],
        "scores": scale or "not used",
        "labels_covered": _labels(info["labels"]),
        "source_mix": shown.source_mix(info["pool_mix"], info["source_mix"]),
        **_gain_curve(info["gain_curve"]),
        **_clusters(chosen),
        "excluded": shown.counts("reason", dict(reasons.iter_rows())),
        "preview": shown.preview(chosen.rows),
    }


def _tokens(spent: Mapping[str, Any] | None) -> str:
    if spent is None:
        return "not counted: the budget is in rows"
    used, counted = spent["used"], spent["counted"]
    return f"{used[counted]:,} of {spent['asked']:,} {counted} asked for, {spent['pool'][counted]:,} in the pool"


def _labels(labels: dict[str, int | None]) -> str:
    covered, known = labels["covered"], labels["in_graph"]
    return "the method reads no tags" if known is None else f"{covered} of {known}"


def _gain_curve(points: list[tuple[int, float]]) -> dict[str, Any]:
    """Return the picture, and none of a method that has no measure: all its gains are 0."""
    measured = any(gain for _, gain in points)
    return {"gain_curve": curve(points, what="gain so far")} if measured else {}


def _clusters(chosen: Subset) -> dict[str, Any]:
    if chosen.clusters is None:
        return {}
    sizes = sorted(chosen.clusters["cluster"].value_counts()["count"].to_list())
    return {"clusters": f"{len(sizes):,}, of {sizes[0]:,} to {sizes[-1]:,} rows" if sizes else "none"}
