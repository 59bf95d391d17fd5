"""Checks that warn where origins do not agree: imported values beside computed, one annotator after another."""

import polars as pl

from assets.checks import Result, warns
from mig_dagster.stages.drift import LEAST_ROWS, Drift, drift
from mig_dagster.stages.imported_values import origins
from mig_dagster.storage import Manifest, Store

MAX_DISTANCE = 0.3
"""Kolmogorov-Smirnov statistic above which imported and computed values are taken for different (our choice): two
samples of one distribution with 100 values each stay below 0.27 in 999 of 1,000 cases."""

LEAST_AGREEMENT = {"Spearman": 0.8, "Jaccard": 0.5, "cosine": 0.9}
"""Below these a new annotator says other things than the one before (our choice)."""


def imported(manifest: Manifest, rows: pl.LazyFrame, value: pl.Expr) -> Result:
    """Say how many values came with rows and, where others are computed, whether the two lie alike.

    Args:
        manifest: the version.
        rows: of it.
        value: a number of each row to compare by.
    """
    speakers = manifest.info["speakers"]
    given = {how: sum(speakers.get(how, {}).values()) for how in ("imported", "computed")}
    found = f"{given['imported']} values imported{_by(manifest, 'imported')}, "
    found += f"{given['computed']} computed{_by(manifest, 'computed')}"
    if not all(given.values()):
        return warns("imported", True, found, partition=manifest.partition)
    seen = origins(rows, value)
    passed = seen.distance is None or min(seen.imported, seen.computed) < LEAST_ROWS or seen.distance <= MAX_DISTANCE
    found += (
        f"; medians {_told(seen.medians[0])} and {_told(seen.medians[1])}, distributions {_told(seen.distance)} apart"
    )
    if not passed:
        found += f", more than {MAX_DISTANCE}: see that both are on one scale, or annotate these rows by one annotator"
    return warns("imported", passed, found, partition=manifest.partition)


def drifted(manifest: Manifest, rows: pl.LazyFrame, store: Store) -> Result:
    """Say how far the values are those of the annotator before, on the golden rows kept with it."""
    found = drift(store, manifest, rows)
    if found is None:
        return warns("drift", True, "no other annotator computed this source before", partition=manifest.partition)
    pair = f"{found.now} after {found.before}"
    if found.incomparable:
        return warns("drift", True, f"{pair}: not comparable ({found.incomparable})", partition=manifest.partition)
    least = LEAST_AGREEMENT[found.measure]
    passed = all(value is None or value >= least for value in found.agreement.values())
    told = f"{pair}, {found.measure} on {found.rows} golden rows: {_agreements(found)}"
    if not passed:
        told += (
            f"; below {least}: the annotators rank rows differently; give every source the same one "
            f"(`mig-dagster backfill --all --assets {manifest.asset}`) before subsets are compared with earlier ones"
        )
    return warns("drift", passed, told, partition=manifest.partition)


def _agreements(found: Drift) -> str:
    return ", ".join(
        f"{name} {'constant' if value is None else f'{value:.3f}'}" for name, value in found.agreement.items()
    )


def _by(manifest: Manifest, provenance: str) -> str:
    """Return " by" and who, or nothing where nobody did."""
    who = manifest.info["speakers"].get(provenance, {})
    names = [manifest.info["annotators"][fingerprint]["model"] for fingerprint in who]
    return f" by {', '.join(names)}" if names else ""


def _told(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
