"""From the arguments of a selection method to the assets behind them, and from their tables to what the stage takes."""

from collections.abc import Iterable, Mapping
from typing import Any

from assets.label_space import VOCABULARY_TABLES
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.label_space import read_vocabulary

BEHIND: Mapping[str, tuple[str, ...]] = {
    "tags": ("tags", "label_vocabulary"),
    "indicators": ("indicators", "row_embeddings"),
    "serialized_rows": ("raw_pool",),
    "responses": ("raw_pool",),
    "row_ids": (),
    "sources": (),
    "lengths": (),
}
"""Assets behind an argument, beside the pool, where they are not the one of that name."""

TABLES = {"label_vocabulary": VOCABULARY_TABLES, "label_graph": ["rows", "labels"]}
"""Tables to load of the assets that have several."""


def inputs_for(arguments: Iterable[str]) -> list[str]:
    """Return the assets behind a method's arguments, the pool first."""
    return list(dict.fromkeys(["pool", *(name for each in arguments for name in BEHIND.get(each, (each,)))]))


def tables_of(inputs: Iterable[str]) -> dict[str, list[str]]:
    """Return the tables to load of those inputs that have several."""
    return {name: TABLES[name] for name in inputs if name in TABLES}


def pool_frames(inputs: Mapping[str, Any]) -> PoolFrames:
    """Return a step's inputs as the stage takes them; other inputs are left aside."""
    vocabulary, graph = inputs.get("label_vocabulary"), inputs.get("label_graph", {})
    signals = ("tags", "quality_scores", "row_embeddings", "ifd_scores", "indicators", "raw_pool")
    return PoolFrames(
        pool=inputs["pool"],
        vocabulary=None if vocabulary is None else read_vocabulary(vocabulary["rows"], vocabulary["rules"]),
        edges=graph.get("rows"),
        labels=graph.get("labels"),
        **{name: inputs.get(name) for name in signals},
    )
