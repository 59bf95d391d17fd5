"""Reasons of InsTag's choice: the pass that took a row, and the labels it added to those of its pass."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows
from mig_dagster.selection.instag import NO_PASS, sweep
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason, counted
from mig_dagster.selection.tag_matrix import check_tags

NAMED = 5
"""Labels that the sentence names."""


def explain_chosen(choice: Choice) -> list[Reason]:
    """Return of each chosen row its pass, its number of labels, and those that were new in its pass.

    The rows chosen suffice: no row of a later pass changes an earlier one.
    """
    tags = check_tags(choice.arguments["tags"])[0][choice.rows]
    order = np.argsort(-np.diff(tags.indptr), kind="stable")
    passes = np.empty(len(order), np.int64)
    passes[order], _ = sweep(tags, order)
    new = _new_in_pass(tags, passes)
    return [
        _reason(choice, tags, at, int(passes[at]), new[tags.indptr[at] : tags.indptr[at + 1]], at + 1)
        for at in range(len(passes))
    ]


def explain_row(choice: Choice, row: int) -> Reason:
    """Return the same of any row, and the rank it has in the ranking of the whole pool."""
    tags, _ = check_tags(choice.arguments["tags"])
    order = np.argsort(-np.diff(tags.indptr), kind="stable")
    passes, _ = sweep(tags, order)
    turns = np.argsort(passes, kind="stable")
    ranking = order[turns]
    rank = int(np.flatnonzero(ranking == row)[0]) + 1
    mine = passes[turns[rank - 1]]
    before = ranking[:rank][passes[turns[:rank]] == mine]
    new = _new_in_pass(tags[before], np.zeros(len(before), np.int64))
    count = int(tags.indptr[row + 1] - tags.indptr[row])
    return _reason(choice, tags, row, int(mine), new[len(new) - count :], rank)


INSTAG = Explainer(explain_chosen, explain_row)


def _new_in_pass(tags: csr_array, passes: Rows) -> Any:
    """Return (entries,) whether no row above has the label in the same pass."""
    number = np.unique(passes, return_inverse=True)[1]
    keys = np.repeat(number, np.diff(tags.indptr)).astype(np.int64) * tags.shape[1] + tags.indices
    new = np.zeros(len(keys), np.bool_)
    new[np.unique(keys, return_index=True)[1]] = True
    return new


def _reason(choice: Choice, tags: csr_array, at: int, number: int, new: Any, rank: int) -> Reason:
    labels = tags.indices[tags.indptr[at] : tags.indptr[at + 1]]
    added = [choice.labels[label] for label in labels[new].tolist()]
    details = {"rank": rank, "pass": None if number == NO_PASS else number, "labels": len(labels), "new_labels": added}
    if number == NO_PASS:
        return Reason(f"It has no labels, so it comes after every row that has: rank {rank:,}.", details)
    shown = ", ".join(added[:NAMED]) + (f" and {len(added) - NAMED:,} more" if len(added) > NAMED else "")
    text = f"In pass {number:,}, {counted(len(added), 'label')} of its {len(labels)} were new: {shown}"
    late = "" if rank <= len(choice.rows) else f"; its rank, {rank:,}, is beyond the {len(choice.rows):,} chosen"
    return Reason(f"{text}{late}.", details)
