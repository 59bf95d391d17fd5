"""When an asset runs by itself that is made once and then kept: while it is missing, and never again."""

import dagster as dg

from assets.automation import on_pool_change


def when_missing(depth: int = 1) -> dg.AutomationCondition[dg.AssetKey]:
    """Return the condition of frozen assets that read every source.

    Until there is one, it is asked for as `on_pool_change` asks: once for each change of what it reads, when nothing
    upstream is at work, so that a first attempt that failed is repeated when there is more to read. Once it is there,
    neither new sources, nor new revisions, nor another code version ask for it: a person does.

    Args:
        depth: how many steps upstream work is looked for.
    """
    return (on_pool_change(depth=depth) & dg.AutomationCondition.missing()).with_label("when_missing")
