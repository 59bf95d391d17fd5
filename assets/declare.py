"""How assets are declared: one decorator for those with a partition a source, one for those that read every source."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dagster as dg

from assets.automation import Condition, on_input_change, on_pool_change
from assets.checks import specs
from assets.held import WITHIN_BUDGET, unless_held
from assets.partitions import source_partitions
from assets.recorded import NotMade, Outcome, recorded

Body = Callable[..., Outcome | NotMade]
Declare = Callable[[Body], dg.AssetsDefinition]

# Dagster announces that the parameter is in beta once for every asset, at every start of a code server.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)


def source_asset(
    group: str,
    *,
    kinds: set[str],
    code_version: str,
    blocking: Mapping[str, str],
    warning: Mapping[str, str] | None = None,
    pool: str | None = None,
    deps: Iterable[dg.AssetSpec] = (),
    may_be_held: bool = False,
) -> Declare:
    """Declare an asset with one partition a source; its name is that of the body.

    Args:
        group: where the UI shows it.
        kinds: its icons.
        code_version: changed when the same input shall give another output; every partition is then made again.
        blocking: its checks, name to what must hold.
        warning: checks that never block.
        pool: what it needs one at a time.
        deps: upstream assets that are not loaded.
        may_be_held: automation makes it only of sources that are not held (`held.unless_held`).
    """
    never_blocking = {**(warning or {}), **(WITHIN_BUDGET if may_be_held else {})}

    def declare(body: Body) -> dg.AssetsDefinition:
        return dg.asset(
            name=body.__name__,
            group_name=group,
            kinds=kinds,
            code_version=code_version,
            pool=pool,
            deps=list(deps),
            check_specs=specs(body.__name__, blocking, never_blocking),
            partitions_def=source_partitions,
            # One partition a run everywhere: a source that fails is retried alone. Mixed policies split backfills.
            backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
            automation_condition=on_input_change(),
            output_required=not may_be_held,
        )(recorded(unless_held(body) if may_be_held else body))

    return declare


def pool_asset(
    group: str,
    *,
    kinds: set[str],
    code_version: str,
    blocking: Mapping[str, str],
    warning: Mapping[str, str] | None = None,
    pool: str | None = None,
    deps: Iterable[dg.AssetsDefinition] = (),
    tables: Mapping[str, list[str]] | None = None,
    name: str | None = None,
    description: str | None = None,
    inputs: Iterable[str] = (),
    condition: Condition | None = None,
) -> Declare:
    """Declare an asset that reads every source.

    Args:
        group: where the UI shows it.
        kinds: its icons.
        code_version: changed when the same input shall give another output.
        blocking: its checks, name to what must hold.
        warning: checks that never block.
        pool: what it needs one at a time.
        deps: upstream assets that are not loaded.
        tables: inputs of which other tables than "rows" are loaded, as a dict of frames.
        name: default: that of the body.
        description: default: the body's docstring.
        inputs: names of inputs that are no parameters of the body.
        condition: when it runs by itself; default: `on_pool_change()`.
    """
    asked: dict[str, dict[str, Any]] = {key: {} for key in [*(tables or {}), *inputs]}
    for key, loaded in (tables or {}).items():
        asked[key]["tables"] = loaded

    def declare(body: Body) -> dg.AssetsDefinition:
        asset = name or body.__name__
        return dg.asset(
            name=asset,
            description=description,
            group_name=group,
            kinds=kinds,
            code_version=code_version,
            pool=pool,
            deps=list(deps),
            ins={key: dg.AssetIn(metadata=metadata or None) for key, metadata in asked.items()},
            check_specs=specs(asset, blocking, warning),
            automation_condition=condition or on_pool_change(),
        )(recorded(body))

    return declare
