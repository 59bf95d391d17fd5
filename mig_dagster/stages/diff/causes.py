"""Why a row is in one subset and not in the other: one cause each.

A row that only one of two subsets holds is looked at from the other one's side. The first of these that holds is its
cause:

source      the other pool does not read its source: it is new, or was removed
duplicate   in the other pool another row stands for it
row         its source is there and the row is not: it is new in it, or gone from it
excluded    it lacks a signal that the other method reads
method      another method chose
options     the same method with other options
budget      another number of rows or tokens was asked for, and its rank is beyond the rows of the other subset; of
            methods whose smaller choices are no starts of their larger ones (CaR, MIG under a budget in tokens), every
            row that is left
score       a number that the method reads of it is another
labels      it carries other labels
embedding   its embedding, which the method reads, is another
displaced   nothing about the row changed: others did, and with them what is known, covered or crowded
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from mig_dagster.stages.budget import TokenBudget, tokens_of
from mig_dagster.stages.diff.facts import Facts, facts
from mig_dagster.stages.stored_subset import StoredSubset

CAUSES = (
    "source",
    "duplicate",
    "row",
    "excluded",
    "method",
    "options",
    "budget",
    "score",
    "labels",
    "embedding",
    "displaced",
)
"""In the order in which they are looked for."""


@dataclass(frozen=True)
class Side:
    """A subset, and what its pool says of the rows that only one of the two holds."""

    subset: StoredSubset
    facts: Facts


def sides(before: StoredSubset, after: StoredSubset, row_ids: pl.Series) -> tuple[Side, Side]:
    """Return both subsets with what their pools say of some rows.

    Raises:
        LookupError: a version that one was chosen from is not there any more.
    """
    return Side(before, facts(before, row_ids)), Side(after, facts(after, row_ids))


def caused(rows: pl.DataFrame, has: Side, lacks: Side) -> pl.DataFrame:
    """Return rows that one subset has and the other lacks with `cause` and `detail`.

    Args:
        rows: `row_id`, and `rank` in the subset that has them.
        has: the side that has them.
        lacks: the side that has them not.
    """
    there = has.facts.rows.select(
        "row_id", has_source="source", has_values="values", has_labels="labels", has_embedding="embedding"
    )
    other = lacks.facts.rows.with_columns(known=True)
    joined = rows.join(there, on="row_id", how="left").join(other, on="row_id", how="left", maintain_order="left")
    rules = _rules(has.subset, lacks)
    causes = [pl.when(rule).then(pl.lit(name)) for name, (rule, _) in rules.items()]
    decided = joined.with_columns(cause=pl.coalesce(*causes, pl.lit("displaced")))
    details = [pl.when(pl.col("cause") == name).then(text) for name, (_, text) in rules.items()]
    return decided.select(*rows.columns, "cause", detail=pl.coalesce(*details))


def _rules(has: StoredSubset, lacks: Side) -> dict[str, tuple[pl.Expr, pl.Expr]]:
    """Return when a cause holds, and what is to be said of it, in the order of `CAUSES`."""
    other = lacks.subset
    options = _other_options(has.info["options"], other.info["options"])
    counts = pl.lit(
        f"{has.rows.height} rows for {has.info['budget']} here, {other.rows.height} for {other.info['budget']} there"
    )
    beyond = pl.lit(_asked(has) != _asked(other))
    if has.info["nested"] and other.info["nested"]:
        beyond &= pl.col("rank") > other.rows.height
    in_pool = pl.col("source").is_not_null()
    return {
        "source": (~in_pool & ~pl.col("has_source").is_in(sorted(lacks.facts.sources)), pl.col("has_source")),
        "duplicate": (~in_pool & pl.col("stands").is_not_null(), pl.format("{} stands for it", "stands")),
        "row": (~in_pool, pl.col("has_source")),
        "excluded": (pl.col("reason").is_not_null(), pl.col("reason")),
        "method": (pl.lit(has.method != other.method), pl.lit(f"{has.method} here, {other.method} there")),
        "options": (pl.lit(bool(options)), pl.lit(options)),
        "budget": (beyond, counts),
        "score": (
            pl.col("values").ne_missing(pl.col("has_values")),
            pl.format("{} here, {} there", "has_values", "values"),
        ),
        "labels": (
            pl.col("labels").ne_missing(pl.col("has_labels")),
            pl.format("{} here, {} there", _in_words("has_labels"), _in_words("labels")),
        ),
        "embedding": (pl.col("embedding").ne_missing(pl.col("has_embedding")), pl.lit(None, pl.String)),
    }


def _asked(subset: StoredSubset) -> TokenBudget | int:
    """Return the tokens or the rows that were asked for: a share of the pool is so many rows."""
    return tokens_of(subset.info["budget"]) or int(subset.info["k"])


def _other_options(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    return ", ".join(f"{name} {here.get(name)} here, {there.get(name)} there" for name in names)


def _in_words(labels: str) -> pl.Expr:
    named = pl.col(labels).list.join(", ")
    return pl.when(named == "").then(pl.lit("none")).otherwise(named)
