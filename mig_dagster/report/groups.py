"""The three groups of rows that figures compare: the pool, what was chosen from it, and what was not."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mig_dagster.report.charts.colours import CHOSEN, POOL, REJECTED
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.selection.base import Rows

COLOURS: Mapping[str, str] = {"pool": POOL, "chosen": CHOSEN, "rejected": REJECTED}
"""Each group's colour; `rejected` is what the pool holds and the subset does not."""

COMPARED = ("pool", "chosen")
"""The groups of figures that say how the subset differs from what it was chosen from."""


def groups(given: ReportInputs) -> dict[str, Rows]:
    """Return the pool indices of each of the groups, ascending."""
    flags = given.is_chosen()
    return {"pool": np.arange(given.pool.n), "chosen": np.flatnonzero(flags), "rejected": np.flatnonzero(~flags)}


def group_colour(names: Sequence[str]) -> dict[str, Any]:
    """Return the Vega-Lite colour channel of a column `group`, with a legend above the plot."""
    scale = {"domain": list(names), "range": [COLOURS[name] for name in names]}
    legend = {"title": None, "orient": "top", "symbolType": "square", "symbolOpacity": 1, "symbolStrokeWidth": 0}
    return {"field": "group", "type": "nominal", "scale": scale, "legend": legend}
