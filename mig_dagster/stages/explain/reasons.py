"""Why each row of a subset was chosen, as tables that are stored with it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.selection import Selection
from mig_dagster.selection.reasons import EXPLAINERS, PLAIN, Choice, LabelGains, label_gains
from mig_dagster.stages.align import Aligned
from mig_dagster.stages.label_space import Schema

REASONS_SCHEMA: Schema = {
    "rank": pl.Int64,
    "row_id": pl.String,
    "reason": pl.String,  # one sentence
    "details": pl.String,  # the numbers behind it: a JSON object, of the same keys for all rows of a method
}

LABEL_GAINS_SCHEMA: Schema = {
    "rank": pl.Int64,
    "row_id": pl.String,
    "label": pl.String,  # null: all other labels of the row together
    "labels": pl.Int64,  # how many labels the line stands for: 1, but for the others
    "direct": pl.Float64,  # information told by the row's own label; its sum where the line stands for several
    "propagated": pl.Float64,  # information told through the graph by the row's other labels; likewise
    "before": pl.Float64,  # information the label had before; null where the line stands for several
    "gain": pl.Float64,  # phi(before + direct + propagated) - phi(before); over all lines the sum is the objective
}
"""Of MIG: the labels each chosen row raised most, by rank and gain, and one line for all the others together."""

NAMED = 3
"""Labels that a sentence names."""


def choice_of(aligned: Aligned, selection: Selection, options: Mapping[str, Any]) -> Choice:
    """Return what a method chose as its explainer takes it."""
    return Choice(
        rows=selection.rows,
        gains=selection.gains,
        arguments=aligned.arguments,
        options=options,
        ids=aligned.rows["row_id"].to_list(),
        labels=aligned.labels,
        clusters=selection.clusters,
    )


def reason_tables(method: str, choice: Choice) -> dict[str, pl.DataFrame]:
    """Return `reasons` (`REASONS_SCHEMA`) of every chosen row, and of MIG `label_gains` (`LABEL_GAINS_SCHEMA`).

    Args:
        method: that chose.
        choice: what it chose.
    """
    if method != "mig":
        return {"reasons": _as_table(method, choice)}
    settings = {name: value for name, value in choice.options.items() if name != "gain"}
    told = label_gains(choice.rows, **choice.arguments, **settings)
    lines = _label_lines(told, choice.labels, chosen_rows(choice))
    return {"reasons": _sentences(lines, chosen_rows(choice)), "label_gains": lines}


def chosen_rows(choice: Choice) -> pl.DataFrame:
    """Return `rank` and `row_id` of the chosen rows."""
    ids = [choice.ids[row] for row in choice.rows.tolist()]
    return pl.DataFrame({"rank": range(1, len(ids) + 1), "row_id": ids}, {"rank": pl.Int64, "row_id": pl.String})


def _as_table(method: str, choice: Choice) -> pl.DataFrame:
    found = EXPLAINERS.get(method, PLAIN).chosen(choice)
    texts = {
        "reason": [reason.text for reason in found],
        "details": [json.dumps(reason.details, ensure_ascii=False) for reason in found],
    }
    return chosen_rows(choice).with_columns(pl.Series(name, column, pl.String) for name, column in texts.items())


def _label_lines(told: LabelGains, labels: Sequence[str], rows: pl.DataFrame) -> pl.DataFrame:
    """Return the highest gains of each row by label, and the others of each row together."""
    top = told.top()
    entries = pl.DataFrame(
        {
            "rank": told.owners + 1,
            "label": told.labels,
            "direct": told.direct,
            "propagated": told.propagated,
            "before": told.before,
            "gain": told.gain,
        }
    )
    named = entries[top].with_columns(
        label=pl.Series(labels, dtype=pl.String).gather(entries["label"][top]), labels=pl.lit(1, pl.Int64)
    )
    sums = (pl.col("direct", "propagated", "gain").sum(), pl.len().cast(pl.Int64).alias("labels"))
    unnamed = np.ones(entries.height, np.bool_)
    unnamed[top] = False
    others = entries.filter(unnamed).group_by("rank", maintain_order=True).agg(*sums)
    lines = pl.concat([named, others], how="diagonal_relaxed").sort("rank", maintain_order=True)
    return lines.join(rows, on="rank", maintain_order="left").select(
        pl.col(name).cast(kind) for name, kind in LABEL_GAINS_SCHEMA.items()
    )


def _sentences(lines: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the reason of every row, from the labels it raised: whole columns at a time."""
    more = pl.when(pl.col("labels") > NAMED).then(pl.lit(" and others.")).otherwise(pl.lit("."))
    number = pl.col("gain").round_sig_figs(4).cast(pl.String)
    named = lines.filter(pl.col("label").is_not_null()).group_by("rank", maintain_order=True)
    shown = named.agg(named=pl.format("{} (+{})", "label", number).head(NAMED).str.join(", "))
    totals = lines.group_by("rank", maintain_order=True).agg(pl.col("gain", "direct", "propagated", "labels").sum())
    told = rows.join(totals, on="rank", how="left", maintain_order="left").join(
        shown, on="rank", how="left", maintain_order="left"
    )
    told = told.with_columns(pl.col("gain", "direct", "propagated", "labels").fill_null(0))
    labels = pl.format("{} label{}", "labels", pl.when(pl.col("labels") == 1).then(pl.lit("")).otherwise(pl.lit("s")))
    sentence = pl.format("Raised the information of {} by {}: {}{}", labels, number, "named", more)
    return told.select(
        "rank",
        "row_id",
        reason=sentence.fill_null("Raised the information of no label: it carries none, or its score is 0."),
        details=pl.struct("gain", "labels", "direct", "propagated").struct.json_encode(),
    )
