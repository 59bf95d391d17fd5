"""Who annotated what, and on which scale the scores are: scales are never mixed."""

from collections.abc import Iterable
from typing import Any

from mig_dagster.storage import Manifest


def scale_of(manifests: Iterable[Manifest]) -> str:
    """Return the one scale of the scores of all sources, as `lexical, turn_mean`.

    Args:
        manifests: the versions of signals that are read together; those of quality_scores have `scale` in their info.

    Raises:
        ValueError: there are several scales, or none.
    """
    by_scale: dict[str, list[str]] = {}
    for manifest in (each for each in manifests if each.asset == "quality_scores"):
        by_scale.setdefault(str(manifest.info["scale"]), []).append(manifest.partition or manifest.asset)
    if len(by_scale) != 1:
        found = "; ".join(f"{scale} of {', '.join(sorted(names))}" for scale, names in sorted(by_scale.items()))
        raise ValueError(
            f"quality_scores must be on one scale, found {found or 'none'}: materialise quality_scores of every source "
            "with the same scorer and aggregation"
        )
    return next(iter(by_scale))


def annotators_of(manifests: Iterable[Manifest]) -> dict[str, dict[str, Any]]:
    """Return the annotators behind some versions, by fingerprint."""
    found: dict[str, dict[str, Any]] = {}
    for manifest in manifests:
        found |= manifest.info.get("annotators", {})
    return dict(sorted(found.items()))
