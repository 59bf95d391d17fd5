"""The signal `token_counts` where numbers of tokens are shown, so that a pool has one number everywhere."""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mig_dagster.stages.row_signals import join_signals
from mig_dagster.storage import Manifest


def tokens_by_row(rows: pl.DataFrame, signal: pl.LazyFrame) -> NDArray[np.int64]:
    """Return the tokens of each row, (n,); 0 of a row that has no count.

    Args:
        rows: (n,) `row_id`, `source`.
        signal: `token_counts`.
    """
    joined = join_signals(rows, {"token_counts": signal}, {})
    return joined["tokens"].fill_null(0).cast(pl.Int64).to_numpy()


def counted_by(manifests: Iterable[Manifest]) -> str | None:
    """Return whose tokens the versions of `token_counts` among some manifests count; None where there are none."""
    made = [manifest for manifest in manifests if manifest.asset == "token_counts"]
    known = {key: who for manifest in made for key, who in manifest.info["annotators"].items()}
    names = (f"{who['model']} @ {who['revision']}, template {who['prompt_version']}" for who in known.values())
    return "; ".join(sorted(names)) or None
