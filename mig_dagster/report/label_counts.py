"""How many rows of the pool and of a subset carry each label, and which labels a subset has too little of."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mig_dagster.report.inputs import ReportInputs, ReportPool
from mig_dagster.selection.base import Rows

LABEL_COUNTS = {
    "index": pl.Int64,  # of the label
    "label": pl.String,
    "pool_rows": pl.Int64,  # that carry it
    "chosen_rows": pl.Int64,  # of the subset that carry it
    "pool_share": pl.Float64,  # of the pool's rows
    "chosen_share": pl.Float64,  # of the subset's rows
    "coverage": pl.Float64,  # chosen_share / pool_share: 1 where the subset has as much of it as the pool
}


def label_counts(given: ReportInputs, tags: csr_array) -> pl.DataFrame:
    """Return `LABEL_COUNTS` of the labels that the pool has, by index.

    Args:
        given: the pool and its subsets, of which the first counts.
        tags: (n, m) the pool's, canonical.
    """
    pool, chosen = given.pool, given.chosen.rows
    in_pool = _carried(tags)
    in_subset = _carried(tags[chosen])
    frame = pl.DataFrame({"label": pl.Series(pool.labels, dtype=pl.String), "pool_rows": in_pool})
    counted = frame.with_row_index("index").with_columns(chosen_rows=in_subset).filter(pl.col("pool_rows") > 0)
    shares = counted.with_columns(
        pool_share=pl.col("pool_rows") / max(pool.n, 1),
        chosen_share=pl.col("chosen_rows") / max(len(chosen), 1),
        # In this order equal shares of rows give equal coverages, to the last bit.
        coverage=pl.col("chosen_rows") / pl.col("pool_rows") * (pool.n / max(len(chosen), 1)),
    )
    return shares.select(pl.col(name).cast(kind) for name, kind in LABEL_COUNTS.items())


def _carried(tags: csr_array) -> Rows:
    return np.bincount(tags.indices, minlength=tags.shape[1]).astype(np.int64)


def lacking_labels(given: ReportInputs) -> str:
    """Return why there is nothing to say of labels; "" where there is."""
    if given.pool.tags is None:
        return "the pool has no tags: nothing here reads them, choose with a method that does or materialise tags"
    if not given.pool.tags.nnz:
        return "no row of the pool carries a label"
    if not len(given.chosen.rows):
        return f"{given.chosen.name} holds no row"
    return ""


def example_row(pool: ReportPool, carriers: Rows, taken: NDArray[np.bool_]) -> int:
    """Return the row to show for a label: the highest score among those not taken, else among all; ties the lowest.

    Args:
        pool: its scores count where it has some, else the first row is returned.
        carriers: the rows that carry the label, rising, at least one.
        taken: (n,) which rows are chosen.
    """
    left = carriers[~taken[carriers]]
    among = left if len(left) else carriers
    scores = pool.scores.get("score")
    if scores is None:
        return int(among[0])
    return int(among[np.argmax(np.nan_to_num(scores[among], nan=-np.inf))])


def joined_labels(pool: ReportPool, rows: Rows) -> pl.Series:
    """Return the labels of some rows as one text each, nulls where the pool has no tags."""
    if pool.tags is None:
        return pl.Series("labels", [None] * len(rows), dtype=pl.String)
    part = pool.tags[rows]
    names = np.array(pool.labels, dtype=object)[part.indices]
    return pl.Series("labels", [", ".join(each) for each in np.split(names, part.indptr[1:-1])], dtype=pl.String)
