"""Why a row is in a subset, or why not: from exactly the pool and the signals that the subset was chosen from."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.selection import Selection
from mig_dagster.selection.reasons import EXPLAINERS, PLAIN, Choice, Reason, Tokens, explain_mig
from mig_dagster.selection.reasons.cosines import named, nearest
from mig_dagster.stages.align import Aligned, PoolFrames, align
from mig_dagster.stages.budget import tokens_of
from mig_dagster.stages.budgeted import TOKEN_COUNTS, inputs_within
from mig_dagster.stages.explain.reasons import choice_of
from mig_dagster.stages.explain.row import Asked, find_row
from mig_dagster.stages.row_signals import keys_of
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.wide_inputs import embedding_matrix

OnStep = Callable[[str, int, int | None], None]
Explanation = dict[str, Any]


def explain(name: str, subset: StoredSubset, on_step: OnStep = lambda what, done, total: None) -> Explanation:
    """Say why a row is in a subset, or why not.

    Args:
        name: a row id, enough of its first digits to be unique, or `source/origin`.
        subset: which choice is meant.
        on_step: told what is being done.

    Returns:
        JSON-ready: `subset`, `method`, `budget`, `row_id`, `source`, `origin`; `status`: chosen, not chosen, excluded,
        duplicate or rejected; `reason`, one sentence; `details`, the numbers behind it, as the method's explainer gives
        them, with `nearest_by_embedding` where rows have embeddings. Of a duplicate, `instead` explains the row of the
        pool that stands for it.

    Raises:
        LookupError: there is no such row, or an input of the subset is not there any more.
    """
    on_step("looking for the row", 0, None)
    asked = find_row(name, subset)
    about = {
        "subset": subset.name,
        "method": subset.method,
        "budget": subset.info["budget"],
        "row_id": asked.row_id,
        "source": asked.source,
        "origin": asked.origin,
    }
    if asked.rejected is not None:
        text = f"It never became a row: {asked.rejected['reason']} ({asked.rejected['detail']})."
        return about | {"status": "rejected", "reason": text, "details": asked.rejected}
    if asked.instead is not None:
        return about | _of_duplicate(asked.instead, subset, on_step)
    return about | _in_pool(asked, subset, on_step)


def _of_duplicate(instead: dict[str, str], subset: StoredSubset, on_step: OnStep) -> Explanation:
    kept = f"{instead['source']}/{instead['origin']}"
    text = f"The pool has row {instead['row_id']} ({kept}) instead, of which it is a duplicate ({instead['kind']})."
    return {"status": "duplicate", "reason": text, "details": instead, "instead": explain(kept, subset, on_step)}


def _in_pool(asked: Asked, subset: StoredSubset, on_step: OnStep) -> Explanation:
    excluded = subset.table("excluded")
    why = None if excluded is None else excluded.filter(pl.col("row_id") == asked.row_id)["reason"]
    if why is not None and len(why):
        text = f"It could not be considered: {why[0]}."
        return {"status": "excluded", "reason": text, "details": {"reason": why[0]}}
    on_step("reading what the subset was chosen from", 0, None)
    frames = subset.frames(beside=["row_embeddings"])
    choice, aligned = stored_choice(subset, frames)
    row = aligned.rows["row_id"].index_of(asked.row_id)
    assert row is not None, "a row of the pool is aligned or excluded"
    on_step("replaying the choice", 0, None)
    reason = reason_of(subset.method, choice, row)
    near = _nearest(row, choice, aligned, frames)
    return {
        "status": "chosen" if choice.ranks[row] else "not chosen",
        "reason": reason.text,
        "details": {**reason.details, **({} if near is None else {"nearest_by_embedding": near})},
    }


def reason_of(method: str, choice: Choice, row: int) -> Reason:
    """Return the reason of any row of the pool, chosen or not."""
    return explain_mig(choice, row) if method == "mig" else EXPLAINERS.get(method, PLAIN).row(choice, row)


def stored_choice(subset: StoredSubset, frames: PoolFrames) -> tuple[Choice, Aligned]:
    """Return what a stored subset's method chose, in terms of its inputs as they were.

    Args:
        subset: the subset.
        frames: what `subset.frames` gives.

    Raises:
        LookupError: the pool lacks rows of the subset.
    """
    options = dict(subset.info["options"])
    budget = tokens_of(subset.info["budget"])
    aligned = align(frames, inputs_within(subset.method, subset.info["budget"]), options)
    counts = aligned.arguments.pop(TOKEN_COUNTS, None)
    places = aligned.rows.select("row_id").with_row_index("place")
    chosen = subset.rows.select("rank", "row_id", "gain").join(places, on="row_id", maintain_order="left")
    if chosen.height != subset.rows.height:
        lost = subset.rows.height - chosen.height
        raise LookupError(f"{lost} rows of {subset.name} are not in the pool it was chosen from: choose it again")
    clusters = subset.table("clusters")
    if clusters is not None:
        clusters = places.join(clusters, on="row_id", maintain_order="left")
    selection = Selection(
        rows=chosen["place"].to_numpy().astype(np.int64),
        gains=chosen["gain"].to_numpy(),
        clusters=None if clusters is None else clusters["cluster"].to_numpy(),
    )
    tokens = None if budget is None else Tokens(np.maximum(counts[budget.counted], 1), budget.tokens)
    return replace(choice_of(aligned, selection, options), tokens=tokens), aligned


def _nearest(row: int, choice: Choice, aligned: Aligned, frames: PoolFrames) -> dict[str, Any] | None:
    """Return the nearest of the other chosen rows by embedding; None where there are no embeddings of them."""
    if frames.row_embeddings is None:
        return None
    signal = frames.row_embeddings.filter(pl.col("embedding").is_not_null())
    wanted = [row, *choice.rows[choice.rows != row].tolist()]
    rows = aligned.rows[wanted].select("row_id", "source").with_columns(row=pl.Series(wanted, dtype=pl.Int64))
    rows = (
        rows.lazy()
        .join(signal.select(keys_of(signal)), on=keys_of(signal), how="semi", maintain_order="left")
        .collect()
    )
    if rows.is_empty() or rows["row"][0] != row:
        return None
    found = nearest(embedding_matrix(rows, signal), 0, np.arange(rows.height))
    return named(found and (int(rows["row"][found[0]]), found[1]), choice.ids, choice.ranks)
