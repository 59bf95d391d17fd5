"""What changed between two subsets before any row is looked at: inputs, options, annotators, budget, versions."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from mig_dagster.stages.scale import annotators_of
from mig_dagster.stages.stored_frames import stored_manifests
from mig_dagster.stages.stored_subset import StoredSubset

Changes = dict[str, dict[str, tuple[Any, Any]]]
"""By what changed, name -> (before, after); None where there is none. Only what changed is there."""


def changes(before: StoredSubset, after: StoredSubset) -> Changes:
    """Return what is not the same of two subsets.

    Returns:
        `choice` (method, budget, rows), `options` of the method, `inputs` by asset or asset/source, `annotators` by
        fingerprint, `environment`, and `pool_options`, everything set before the method, where both have a lock that
        says so.

    Raises:
        LookupError: a version that one was chosen from is not there any more.
    """
    found = {
        "choice": _changed(_choice(before), _choice(after)),
        "options": _changed(before.info["options"], after.info["options"]),
        "inputs": _changed(before.manifest.inputs, after.manifest.inputs),
        "annotators": _changed(_annotators(before), _annotators(after)),
        "environment": _changed(before.info.get("environment", {}), after.info.get("environment", {})),
    }
    if "pool_options" in before.lock and "pool_options" in after.lock:
        found["pool_options"] = _changed(_flat(before.lock["pool_options"]), _flat(after.lock["pool_options"]))
    return {name: different for name, different in found.items() if different}


def _choice(subset: StoredSubset) -> dict[str, Any]:
    return {name: subset.info.get(name) for name in ("method", "budget", "rows", "pool_rows")}


def _annotators(subset: StoredSubset) -> dict[str, str]:
    manifests = chain.from_iterable(stored_manifests(subset.lake, subset.manifest.inputs).values())
    return {
        fingerprint: " ".join(filter(None, (said["name"], said["model"], said["revision"])))
        for fingerprint, said in annotators_of(manifests).items()
    }


def _flat(options: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in options.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {above + name: value}
    return flat


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = sorted({*before, *after})
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
