"""What annotators say of rows, joined to the pool: the values of each signal, or why a row has none."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from mig_dagster.selection.indicator_names import CONSTANT
from mig_dagster.selection.instruct_mining import RULES

SIGNALS = ("tags", "quality_scores", "row_embeddings", "ifd_scores", "indicators", "token_counts")
"""What annotators say of rows, one line a row: in the order in which it is made and a missing one named."""

BY_LANGUAGE_MODEL = ("ifd_scores", "indicators")
"""Signals that need the language model, which is the pool's own where the options name none."""

DEFAULT_VARIANT = "ppl"
"""The ratio of `ifd_scores` that a method without such an option reads: IterIT's is one of perplexities."""

INDICATOR = "indicator "
"""Begins the joined column of an indicator, so that an indicator may be called as it likes."""

_EMBEDDED = "embedding"
"""The joined column that is never made."""

TOKEN_COLUMNS = ("tokens", "trained_tokens")
"""The values of `token_counts`: all tokens of a row, and those that a trainer computes its loss on."""

NEIGHBOUR = re.compile(r"knn_([1-9]\d*)")
"""An indicator that is measured in the pool, from embeddings."""

_NOT_VALUES = ("row_id", "source", "annotator", "provenance", "flag")


def join_signals(pool: pl.DataFrame, signals: Mapping[str, pl.LazyFrame], settings: Mapping[str, Any]) -> pl.DataFrame:
    """Return the pool with the values of each signal and `reason`: why a row cannot be used, or null.

    Values are the columns `tags`, `score`, `ifd`, `TOKEN_COLUMNS` and one for each indicator. Embeddings stay where
    they are: at 1,536 bytes a row they are read straight into the matrix, and here only counted as there or not.

    Args:
        pool: `row_id`, `source` and more, in the order that selection sees.
        signals: by name of the signal, `row_id`, values, `flag`, and `source` where several sources are read.
        settings: options of the method: `variant` says which ratio of `ifd_scores` is meant, `rule` and
            `coefficients` which indicators; without them every indicator is.

    Raises:
        ValueError: a signal speaks of a row twice, or lacks the column asked for.
    """
    joined, reasons = pool, [pl.lit(None, dtype=pl.String)]
    for name in [signal for signal in SIGNALS if signal in signals]:
        joined = _joined(joined, name, signals[name], _values(name, signals[name], settings))
        reasons.append(pl.col(f"{name} missing"))
    return joined.with_columns(reason=pl.coalesce(reasons)).drop([f"{name} missing" for name in signals])


def _values(name: str, signal: pl.LazyFrame, settings: Mapping[str, Any]) -> dict[str, pl.Expr]:
    """Return the columns of a signal that hold its values, by the column they become in the joined pool."""
    columns = signal.collect_schema().names()
    if name == "indicators":
        wanted = indicators_read(settings)
        values = [column for column in columns if column not in _NOT_VALUES]
        return {INDICATOR + name: pl.col(name) for name in values if wanted is None or name.lower() in wanted}
    if name == "token_counts":
        return {column: pl.col(column) for column in TOKEN_COLUMNS}
    variant = settings.get("variant", DEFAULT_VARIANT)
    if name == "ifd_scores" and f"ifd_{variant}" not in columns:
        raise ValueError(
            f"ifd_scores has no column 'ifd_{variant}', found {', '.join(columns)}: loss and perplexity ratios rank "
            "rows differently and are never mixed; score the rows with that variant, or choose the other"
        )
    single = {
        "tags": ("tags", "tags"),
        "quality_scores": ("score", "score"),
        "ifd_scores": ("ifd", f"ifd_{variant}"),
        "row_embeddings": (_EMBEDDED, "embedding"),
    }
    joined, column = single[name]
    return {joined: pl.col(column)}


def neighbours_read(settings: Mapping[str, Any]) -> list[int]:
    """Return the i of each indicator `knn_i` that a rule asks for.

    These are measured in the pool as it is, not annotated: a source more changes every row's.

    Args:
        settings: options of the method: `rule`, `coefficients`.
    """
    found = (NEIGHBOUR.fullmatch(name) for name in indicators_read(settings) or ())
    return sorted(int(match[1]) for match in found if match)


def indicators_read(settings: Mapping[str, Any]) -> Collection[str] | None:
    """Return the indicators that a rule asks for, in lower case; None where no rule is named.

    Args:
        settings: options of the method: `rule`, `coefficients`.
    """
    if settings.get("coefficients") is not None:
        return {name.lower() for name in settings["coefficients"]} - {CONSTANT}
    rule = RULES.get(settings.get("rule", ""))
    return None if rule is None else set(rule.coefficients) - {CONSTANT}


def _joined(pool: pl.DataFrame, name: str, signal: pl.LazyFrame, values: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return `pool` with the values of a signal, and `<signal> missing`: `<signal>: <flag>`, null where it is there."""
    there = pl.all_horizontal(pl.lit(True), *(value.is_not_null() for value in values.values()))
    keys = keys_of(signal)
    why = pl.format("{}: {}", pl.lit(name), pl.col("flag").fill_null("missing"))
    columns = signal.select(
        *keys,
        *(value.alias(column) for column, value in values.items() if column != _EMBEDDED),
        why=pl.when(~there).then(why),
        known=True,
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
