"""A pool's frames become the arrays that measures and figures are made from, row by row in one order."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mig_dagster.annotations.token_counts import all_text
from mig_dagster.conversation import Conversation
from mig_dagster.report.inputs import ReadTexts, ReportPool
from mig_dagster.selection.base import Rows, Vector
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.label_space import graph_weights
from mig_dagster.stages.row_signals import INDICATOR, join_signals
from mig_dagster.stages.scale import scale_of
from mig_dagster.stages.tag_matrix import tag_matrix
from mig_dagster.stages.token_signal import tokens_by_row
from mig_dagster.stages.wide_inputs import CountTokens, conversations_of, embedding_matrix, numbers_of
from mig_dagster.storage import Manifest

COUNTED = 200_000
"""Rows of a pool up to which the tokens of every row are counted: about a minute of a processor."""

_VARIANTS = ("ppl", "loss")
"""Ratios that `ifd_scores` may hold."""


def report_pool(frames: PoolFrames, *, duplicates: pl.DataFrame | None = None, scale: str = "") -> ReportPool:
    """Bring what there is of a pool's signals into one order; a row that lacks a signal stays, without it.

    Args:
        frames: the pool with whatever signals there are.
        duplicates: `mig_dagster.pool.schema.DUPLICATES`.
        scale: of the quality scores, where it is known.

    Raises:
        ValueError: a signal speaks of a row twice.
    """
    rows = frames.pool.select("row_id", "source", "origin", "n_turns", "n_chars").collect()
    tags, graph, labels = _labelled(frames, rows)
    vectors, place = _embedded(frames, rows)
    return ReportPool(
        rows,
        _texts(frames),
        _scores(frames, rows),
        scale,
        labels,
        tags,
        graph,
        vectors,
        place,
        duplicates=duplicates,
    )


def with_tokens(pool: ReportPool, frames: PoolFrames, count: CountTokens, tokenizer: str | None = None) -> ReportPool:
    """Return a pool with the tokens of all its rows: those of the signal `token_counts` where it has one.

    As it is where they would have to be counted and it has more rows than `COUNTED`, or no texts.

    Args:
        pool: without them.
        frames: what the pool was made from.
        count: counts them where nobody has.
        tokenizer: who counted `token_counts`, as `token_signal.counted_by` says it.
    """
    if frames.token_counts is not None:
        return replace(pool, tokens=tokens_by_row(pool.rows, frames.token_counts), tokenizer=tokenizer or "")
    if frames.raw_pool is None or pool.n > COUNTED:
        return pool
    return replace(pool, tokens=numbers_of(pool.rows, frames.raw_pool, all_text, count), tokenizer=count.name)


def scale_or_none(manifests: Iterable[Manifest]) -> str:
    """Return the scale of the scores among some versions of signals; "" where there are none."""
    scored = [each for each in manifests if each.asset == "quality_scores"]
    return scale_of(scored) if scored else ""


def _scores(frames: PoolFrames, rows: pl.DataFrame) -> dict[str, Vector]:
    """Return every number that annotators give rows, by its name."""
    found: dict[str, Vector] = {}
    if frames.quality_scores is not None:
        found["score"] = _floats(join_signals(rows, {"quality_scores": frames.quality_scores}, {})["score"])
    if frames.ifd_scores is not None:
        columns = frames.ifd_scores.collect_schema().names()
        for variant in [variant for variant in _VARIANTS if f"ifd_{variant}" in columns]:
            joined = join_signals(rows, {"ifd_scores": frames.ifd_scores}, {"variant": variant})
            found[f"ifd_{variant}"] = _floats(joined["ifd"])
    if frames.indicators is not None:
        joined = join_signals(rows, {"indicators": frames.indicators}, {})
        measured = [name for name in joined.columns if name.startswith(INDICATOR)]
        found |= {name.removeprefix(INDICATOR): _floats(joined[name]) for name in measured}
    return found


def _floats(column: pl.Series) -> Vector:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _labelled(frames: PoolFrames, rows: pl.DataFrame) -> tuple[csr_array | None, csr_array | None, list[str]]:
    """Return the labels of every row, none for a row without tags, their graph, and what they are called."""
    if frames.tags is None or frames.vocabulary is None:
        return None, None, []
    tags = join_signals(rows, {"tags": frames.tags}, {})["tags"].fill_null([])
    labels = list(frames.vocabulary.labels) if frames.labels is None else frames.labels.collect()["label"].to_list()
    graph = None if frames.edges is None else graph_weights(frames.edges.collect(), len(labels))
    return tag_matrix(tags, frames.vocabulary, labels), graph, labels


def _embedded(frames: PoolFrames, rows: pl.DataFrame) -> tuple[NDArray[np.float32] | None, Rows | None]:
    """Return the embeddings of the rows that have one, and each row's place among them."""
    if frames.row_embeddings is None:
        return None, None
    joined = join_signals(rows, {"row_embeddings": frames.row_embeddings}, {})
    there = joined["reason"].is_null()
    place = np.where(there.to_numpy(), np.cumsum(there.to_numpy()) - 1, -1)
    return embedding_matrix(joined.filter(there), frames.row_embeddings), place


def _texts(frames: PoolFrames) -> ReadTexts:
    def read(rows: pl.DataFrame) -> list[Conversation]:
        if frames.raw_pool is None:
            raise LookupError("the pool's conversations are not there: materialise raw_pool")
        return conversations_of(rows, frames.raw_pool)

    return read
