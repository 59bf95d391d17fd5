"""What annotators say of rows, joined to the pool: the values of each signal, or why a row has none."""

from collections.abc import Mapping

import polars as pl

SIGNALS = ("tags", "quality_scores", "row_embeddings", "ifd_scores", "indicators")
"""Inputs of methods with one line a row, in the order in which a missing one is named."""

INDICATOR = "indicator "
"""Begins the joined column of an indicator, so that an indicator may be called as it likes."""

_NOT_VALUES = ("row_id", "source", "annotator", "provenance", "flag")


def join_signals(pool: pl.DataFrame, signals: Mapping[str, pl.LazyFrame], variant: str) -> pl.DataFrame:
    """Return the pool with the values of each signal and `reason`: why a row cannot be used, or null.

    Values are the columns `tags`, `score`, `ifd` and one for each indicator. Embeddings stay where they are: at
    1,536 bytes a row they are read straight into the matrix, and here only counted as there or not.

    Args:
        pool: `row_id`, `source` and more, in the order that selection sees.
        signals: by name of the signal, `row_id`, values, `flag`, and `source` where several sources are read.
        variant: which ratio of `ifd_scores`.

    Raises:
        ValueError: a signal speaks of a row twice, or lacks the column asked for.
    """
    joined, reasons = pool, [pl.lit(None, dtype=pl.String)]
    for name in [signal for signal in SIGNALS if signal in signals]:
        joined = _joined(joined, name, signals[name], variant)
        reasons.append(pl.col(f"{name} missing"))
    return joined.with_columns(reason=pl.coalesce(reasons)).drop([f"{name} missing" for name in signals])


def value_of(name: str, signal: pl.LazyFrame, variant: str) -> tuple[dict[str, pl.Expr], pl.Expr]:
    """Return a signal's values by joined column, and whether a row has all of them.

    Raises:
        ValueError: the signal lacks the column asked for.
    """
    columns = signal.collect_schema().names()
    if name == "row_embeddings":
        return {}, pl.col("embedding").is_not_null()
    if name == "ifd_scores" and f"ifd_{variant}" not in columns:
        raise ValueError(
            f"ifd_scores has no column 'ifd_{variant}', found {', '.join(columns)}: loss and perplexity ratios rank "
            "rows differently and are never mixed; score the rows with that variant, or choose the other"
        )
    single = {"tags": ("tags", "tags"), "quality_scores": ("score", "score"), "ifd_scores": ("ifd", f"ifd_{variant}")}
    if name in single:
        joined, column = single[name]
        values = {joined: pl.col(column)}
    else:
        values = {f"{INDICATOR}{column}": pl.col(column) for column in columns if column not in _NOT_VALUES}
    return values, pl.all_horizontal(value.is_not_null() for value in values.values())


def _joined(pool: pl.DataFrame, name: str, signal: pl.LazyFrame, variant: str) -> pl.DataFrame:
    """Return `pool` with the values of a signal, and `<signal> missing`: `<signal>: <flag>`, null where it is there."""
    values, there = value_of(name, signal, variant)
    keys = keys_of(signal)
    why = pl.format("{}: {}", pl.lit(name), pl.col("flag").fill_null("missing"))
    columns = signal.select(
        *keys, *(value.alias(column) for column, value in values.items()), why=pl.when(~there).then(why), known=True
    )
    joined = pool.join(columns.collect(engine="streaming"), on=keys, how="left", maintain_order="left")
    if joined.height != pool.height:
        extra = joined.height - pool.height
        raise ValueError(f"{name} has {extra} rows of the pool more than once: materialise {name} again")
    missing = pl.when(pl.col("known").is_null()).then(pl.lit(f"{name}: missing")).otherwise(pl.col("why"))
    return joined.with_columns(missing.alias(f"{name} missing")).drop("why", "known")


def keys_of(signal: pl.LazyFrame) -> list[str]:
    """Return the columns that name a row in a signal.

    The same conversation may stand in two sources and be annotated differently: the pool's own source counts.
    """
    return ["row_id", "source"] if "source" in signal.collect_schema() else ["row_id"]
