"""What stands above the figures: which subset of what, its options, what it was made from, and what to know of it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

import mig_dagster
from mig_dagster.conversation import canonical_json, hash_text
from mig_dagster.report.figure import Value
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.report.page import Head


def head_of(given: ReportInputs, made_from: Mapping[str, str]) -> Head:
    """Return the head of a report.

    Args:
        given: what it is made from.
        made_from: data versions, by asset or asset/source.
    """
    chosen, others = given.chosen, len(given.subsets) - 1
    beside = "" if not others else f" It stands beside {others} other {'choice' if others == 1 else 'choices'}."
    lead = f"{len(chosen.rows):,} of {given.pool.n:,} rows, chosen by {chosen.method}.{beside}"
    return Head(chosen.name, lead, _facts(given), _warnings(given), _origin(given, made_from))


def _facts(given: ReportInputs) -> dict[str, Value]:
    pool, chosen = given.pool, given.chosen
    facts: dict[str, Value] = {
        "Rows chosen": len(chosen.rows),
        "Rows of the pool": pool.n,
        "Share": f"{len(chosen.rows) / max(pool.n, 1):.2%}",
        "Method": chosen.method,
        "Budget": str(chosen.info.get("budget", len(chosen.rows))),
        "Sources": pool.rows["source"].n_unique(),
    }
    if pool.tags is not None:
        covered = len(np.unique(pool.tags[chosen.rows].indices))
        facts["Labels covered"] = f"{covered:,} of {len(np.unique(pool.tags.indices)):,}"
    if pool.tokens is not None:
        facts["Tokens"] = f"{int(pool.tokens[chosen.rows].sum()):,}"
    return facts


def _warnings(given: ReportInputs) -> list[str]:
    info = given.chosen.info
    found = [str(warning) for warning in info.get("warnings", ())]
    if info.get("shortfall"):
        found.append(f"Fewer rows than asked for: {info['shortfall']}")
    if info.get("excluded"):
        found.append(f"{info['excluded']:,} rows could not be chosen, for lack of a signal that the method reads")
    return found


def _origin(given: ReportInputs, made_from: Mapping[str, str]) -> dict[str, str]:
    """Return when, with what and from which versions; of an asset with many sources, a hash of all their versions."""
    by_asset: dict[str, dict[str, str]] = {}
    for name, version in sorted(made_from.items()):
        asset, _, source = name.partition("/")
        by_asset.setdefault(asset, {})[source] = version
    versions = {
        asset: found[""] if set(found) == {""} else f"{len(found)} sources, {hash_text(canonical_json(found))[:16]}"
        for asset, found in by_asset.items()
    }
    return {
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "mig-dagster": mig_dagster.__version__,
        "options": json.dumps(given.chosen.info.get("options", {}), sort_keys=True, ensure_ascii=False),
        "quality scores": given.pool.scale or "unknown",
        "tokens": (given.pool.tokenizer or "unknown") if given.pool.tokens is not None else "not counted",
        **versions,
    }
