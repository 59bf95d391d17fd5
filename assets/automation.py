"""When assets run by themselves.

Dagster's `eager()` ignores data versions and lets one missing partition block every consumer of all partitions, so
these two conditions take its place: they look at data versions alone (an upstream rerun with the same output stops
there) and treat a source that failed as absent.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import dagster as dg

AC = dg.AutomationCondition
Condition: TypeAlias = dg.AutomationCondition[Any]
DEPTH = 4
"""How many steps upstream a consumer of all partitions looks for work: no asset before it is further away by the
shortest way (a test measures that). Every step multiplies the cost of a tick."""
DEPTH_OF_COLLECTORS = 2
"""The same for assets that read most of the graph directly."""


def on_input_change() -> dg.AutomationCondition[dg.AssetKey]:
    """Return the condition of assets with one partition a source: its inputs' data versions or its code changed."""
    changed: Condition = AC.any_deps_match(AC.data_version_changed()) | AC.newly_missing() | AC.code_version_changed()
    busy = AC.any_deps_match(AC.in_progress() | AC.will_be_requested())
    return (_handled_once(changed) & ~AC.any_deps_missing() & ~busy & ~AC.in_progress()).with_label("on_input_change")


def on_pool_change(
    can_do_without: Sequence[dg.AssetsDefinition] = (), depth: int = DEPTH
) -> dg.AutomationCondition[dg.AssetKey]:
    """Return the condition of assets that read every source: an input changed, and nothing upstream is at work.

    Waiting for all of the upstream graph, not for direct inputs alone, makes one change of a source one run:
    `mig_subset` reads `tags` directly and again through `label_graph`, and must not start between the two.

    Args:
        can_do_without: inputs that need not exist; when they do, a change of theirs counts as any other.
        depth: how many steps upstream work is looked for.
    """
    changed: Condition = AC.any_deps_match(AC.data_version_changed()) | AC.code_version_changed() | AC.newly_missing()
    # Partitioned assets never count as will_be_requested() for an unpartitioned one (they share no run), hence the last
    # two terms: an input of theirs or their code changed since the last tick, so they are requested in this one.
    at_work: Condition = (
        AC.in_progress()
        | AC.backfill_in_progress()
        | AC.will_be_requested()
        | AC.any_deps_match(AC.data_version_changed())
        | AC.code_version_changed()
    )
    upstream = at_work
    for _ in range(depth - 1):
        upstream = at_work | AC.any_deps_match(upstream)
    optional = dg.AssetSelection.assets(*can_do_without)
    ready = AC.all_deps_match(~AC.missing()).ignore(optional) & ~AC.any_deps_match(upstream) & ~AC.in_progress()
    return (_handled_once(changed) & ready).with_label("on_pool_change")


def _handled_once(changed: Condition) -> Condition:
    """Remember a change until a run answers it; on the first tick ever, what is missing counts as changed."""
    # since_last_handled() would forget a change that comes in the same tick as the request or the end of a run which is
    # too old to have read it: only what says when it happened survives there, and a change of data version does not.
    updated: Condition = AC.any_deps_match(AC.newly_updated())
    later = updated.since(AC.newly_requested()) & updated.since(AC.newly_updated())
    handled: Condition = AC.newly_requested() | AC.newly_updated() | AC.initial_evaluation()
    # The second half stands outside, or that first tick would reset it.
    return changed.since(handled & ~later) | (AC.initial_evaluation() & AC.missing())
