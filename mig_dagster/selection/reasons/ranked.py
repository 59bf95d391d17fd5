"""Reasons of methods that rank every row by one number: IFD, InstructMining, longest."""

import numpy as np

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.instruct_mining import expected_loss, linear_rule
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason, places
from mig_dagster.selection.top_k import top_k

TOP = 3
"""Indicators that the sentence names, those that move the loss most."""


def explain_ifd(choice: Choice, rows: Rows) -> list[Reason]:
    """Return each row's ratio, the bound, and its rank among the rows within it; null beyond."""
    scores = np.asarray(choice.arguments["ifd_scores"], np.float64)
    upper, variant = float(choice.options["upper"]), choice.options["variant"]
    kept = np.flatnonzero(scores < upper) if variant == "ppl" else np.flatnonzero(scores <= upper)[::-1]
    place = np.zeros(len(scores), np.int64)
    place[kept[top_k(len(kept), scores[kept])]] = np.arange(1, len(kept) + 1)
    reasons = []
    for row in rows.tolist():
        rank = int(place[row])
        details = {"value": float(scores[row]), "variant": variant, "upper": upper, "rank": rank or None}
        value = f"IFD ratio {scores[row]:.4g}"
        if rank:
            text = f"{value}: {_ordinal(rank)} of the {len(kept):,} rows {_within(variant)} {upper:g}."
        else:
            why = ": its instruction does not help to predict its answer" if scores[row] >= 1 else ""
            text = f"{value}, not {_within(variant)} {upper:g}{why}."
        reasons.append(Reason(text, details | {"rows_within": len(kept)}))
    return reasons


def explain_longest(choice: Choice, rows: Rows) -> list[Reason]:
    """Return each row's length and its rank."""
    lengths = np.asarray(choice.arguments["lengths"])
    ranking = np.unique(lengths, return_inverse=True)[1].astype(np.float64)
    place, n = _places(ranking), len(lengths)
    return [
        Reason(
            f"{int(lengths[row]):,} characters: the {_ordinal(int(place[row]))} longest of {n:,} rows.",
            {"length": int(lengths[row]), "rank": int(place[row])},
        )
        for row in rows.tolist()
    ]


def explain_instruct_mining(choice: Choice, rows: Rows) -> list[Reason]:
    """Return each row's expected loss, its rank, and what each indicator adds to it, the largest first."""
    settings = choice.options
    loss = expected_loss(choice.arguments["indicators"], **settings)
    weights, columns = linear_rule(choice.arguments["indicators"], settings["rule"], settings["coefficients"])
    place = _places(-loss)
    reasons = []
    for row in rows.tolist():
        terms = {name: weights[name] * float(columns[name][row]) for name in columns}
        ordered = dict(sorted(terms.items(), key=lambda term: -abs(term[1])))
        most = ", ".join(f"{name} {value:+.3g}" for name, value in list(ordered.items())[:TOP])
        text = f"Expected loss {loss[row]:.4g}, the {_ordinal(int(place[row]))} smallest of {len(loss):,}: {most}."
        values = {name: float(columns[name][row]) for name in ordered}
        details = {"expected_loss": float(loss[row]), "rank": int(place[row]), "terms": ordered, "indicators": values}
        reasons.append(Reason(text, details | {"rule": settings["rule"]}))
    return reasons


IFD, LONGEST, INSTRUCT_MINING = map(Explainer.of, (explain_ifd, explain_longest, explain_instruct_mining))


def _places(values: Vector) -> Rows:
    return places(top_k(len(values), values))


def _within(variant: str) -> str:
    return "below" if variant == "ppl" else "of at most"


def _ordinal(rank: int) -> str:
    return "1st" if rank == 1 else f"{rank:,}{'th' if 10 < rank % 100 < 14 else ORDINALS.get(rank % 10, 'th')}"


ORDINALS = {1: "st", 2: "nd", 3: "rd"}
