"""The invariants of every asset. A blocking check that fails keeps a version from being published."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

Result = dg.AssetCheckResult


def specs(asset: str, blocking: Mapping[str, str], warning: Mapping[str, str] | None = None) -> list[dg.AssetCheckSpec]:
    """Declare an asset's checks: name to what must hold."""
    must = [dg.AssetCheckSpec(name, asset=asset, description=text, blocking=True) for name, text in blocking.items()]
    should = [dg.AssetCheckSpec(name, asset=asset, description=text) for name, text in (warning or {}).items()]
    return must + should


def holds(
    name: str, passed: bool, found: str, *, partition: str | None = None, shown: Mapping[str, Any] | None = None
) -> Result:
    """Return a check's result with what was found, in words, and what else the UI shows of it."""
    metadata = dict(shown or {}) | ({} if partition is None else {"partition": partition})
    return dg.AssetCheckResult(check_name=name, passed=bool(passed), description=found, metadata=metadata)


def warns(name: str, passed: bool, found: str, *, partition: str | None = None) -> Result:
    """Return the result of a check that never blocks."""
    severity = dg.AssetCheckSeverity.WARN
    metadata = {} if partition is None else {"partition": partition}
    return dg.AssetCheckResult(
        check_name=name, passed=bool(passed), description=found, severity=severity, metadata=metadata
    )
