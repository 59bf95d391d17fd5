"""The report's main figures of one subset as small pictures, from what its method has read."""

from collections.abc import Callable
from dataclasses import replace

import dagster as dg
import polars as pl

from assets.plots import picture
from mig_dagster.conversation import Conversation, Message
from mig_dagster.report.figure import Chart, Figure
from mig_dagster.report.figures.information_curve import information_curve
from mig_dagster.report.figures.label_coverage import label_coverage
from mig_dagster.report.figures.score_histograms import score_histograms
from mig_dagster.report.figures.source_mix import source_mix
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.compare.comparison import Compared
from mig_dagster.stages.report.inputs import report_inputs
from mig_dagster.stages.report.pool import report_pool
from mig_dagster.stages.subset import Subset

_FIGURES: dict[str, Callable[[ReportInputs], Figure]] = {
    "information_picture": information_curve,
    "label_coverage_picture": label_coverage,
    "source_mix_picture": source_mix,
    "scores_picture": score_histograms,
}
"""The first chart of each is shown, where there is one; together they take less than 100 KB of the event log."""

_UNREAD = Conversation((Message("user", ""),))
"""Stands for conversations: pictures show none."""


def subset_pictures(frames: PoolFrames, chosen: Subset, scale: str | None) -> dict[str, dg.MarkdownMetadataValue]:
    """Return the pictures that can be drawn from a subset and what its method read.

    Args:
        frames: what the method read.
        chosen: the subset.
        scale: of the scores; None where the method reads none.
    """
    if not chosen.rows.height:
        return {}
    # Embeddings are large, and none of the pictures is made from them.
    pool = replace(report_pool(replace(frames, row_embeddings=None), scale=scale or ""), texts=_unread)
    given = report_inputs(pool, [Compared.of(chosen.info["method"], chosen.rows, chosen.info)])
    drawn = {name: _first_chart(draw(given)) for name, draw in _FIGURES.items()}
    return {name: found for name, found in drawn.items() if found is not None}


def _first_chart(figure: Figure) -> dg.MarkdownMetadataValue | None:
    """Return the first chart of a figure as a picture; None where the figure has none."""
    return next((picture(part) for part in figure.parts if isinstance(part, Chart)), None)


def _unread(rows: pl.DataFrame) -> list[Conversation]:
    return [_UNREAD] * rows.height
