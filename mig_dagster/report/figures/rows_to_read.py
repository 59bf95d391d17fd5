"""Thirty rows to read: the best, the last that came in, those that nearly did, and some by chance."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mig_dagster.conversation import Conversation
from mig_dagster.report.figure import Figure, Reading, Readings, Value
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.report.reading.excerpts import turns, visible
from mig_dagster.report.reading.near_misses import BY_GAIN, BY_SCORE, NearMisses, near_misses

TOP, LAST, NEAR, RANDOM = 8, 7, 8, 7
"""How many rows of each kind are shown."""

SEED = 0
LABELS_SHOWN = 12

ABOUT = (
    "What the numbers stand for: the {top} rows of highest gain, the {last} that were chosen last, the {near} that "
    "came closest without being chosen, and {random} of the other chosen rows by chance (seed {seed}); fewer where "
    "there are no more, and no row twice. Of a long conversation the beginning and the end are shown, and how much is "
    "left out between them; the Parquet file holds it whole."
)
BY = {
    BY_GAIN: "The near misses are the rows that would have gained most after the last one chosen, exactly; that "
    "one gained {last}.",
    BY_SCORE: "The near misses are the rows of highest quality score that were not chosen: {method} gives rows that it "
    "does not choose no gain.",
    "": "There are no near misses: without quality scores nothing says which rows came close.",
}


@dataclass(frozen=True)
class _Shown:
    """A row to read: its pool index, its place in the subset (-1 where it is not in it), why it is shown, its gain."""

    row: int
    place: int
    kind: str
    gain: float | None


def rows_to_read(given: ReportInputs) -> Figure:
    """Show conversations: top gain, last in, near misses and random ones of the report's subset."""
    near = near_misses(given, NEAR)
    shown = [*_chosen(given), *_near(near)]
    said = given.pool.texts(given.pool.rows[[each.row for each in shown]].select("source", "origin", "row_id"))
    facts = _facts(given, shown)
    table = facts.with_columns(conversation=pl.Series([each.canonical_json() for each in said], dtype=pl.String))
    parts = [
        Readings(title, items)
        for kind, title in TITLES.items()
        if (items := list(_readings(given, kind, shown, said, facts)))
    ]
    about = ABOUT.format(top=TOP, last=LAST, near=NEAR, random=RANDOM, seed=SEED)
    last = f"{given.chosen.gains[-1]:.4g}" if len(given.chosen.gains) else "nothing: there is none"
    return Figure(
        "rows_to_read",
        "Rows to read",
        f"{about} {BY[near.by].format(method=given.chosen.method, last=last)}",
        parts,
        {"rows_to_read": table},
        missing="" if shown else "the subset holds no row, and no row came close",
    )


TITLES: Mapping[str, str] = {
    "top gain": "Highest gain",
    "last in": "Chosen last",
    "near miss": "Near misses, not chosen",
    "random": "Chosen, picked by chance",
}
"""Each kind of row and the heading above its rows, in the order in which they are shown."""


def _chosen(given: ReportInputs) -> list[_Shown]:
    """Return the chosen rows to show: a row that is among the highest gains is not among the last again."""
    gains, k = given.chosen.gains, len(given.chosen.rows)
    top = np.argsort(-gains, kind="stable")[:TOP].tolist()
    last = [place for place in range(k - 1, -1, -1) if place not in top][:LAST]
    others = np.setdiff1d(np.arange(k), [*top, *last])
    random = np.sort(np.random.default_rng(SEED).permutation(others)[:RANDOM]).tolist()
    kinds = {"top gain": top, "last in": last, "random": random}
    rows = given.chosen.rows.tolist()
    return [_Shown(rows[at], at, kind, float(gains[at])) for kind, places in kinds.items() for at in places]


def _near(near: NearMisses) -> list[_Shown]:
    values: Iterable[float | None] = near.values.tolist() if near.by == BY_GAIN else [None] * len(near.rows)
    return [_Shown(row, -1, "near miss", gain) for row, gain in zip(near.rows.tolist(), values, strict=True)]


def _facts(given: ReportInputs, shown: Sequence[_Shown]) -> pl.DataFrame:
    """Return what is known of the rows shown, one line each; null where it is not."""
    pool, rows = given.pool, [each.row for each in shown]
    scores = pool.scores.get("score", np.full(pool.n, np.nan))[rows]
    tokens = [None] * len(rows) if pool.tokens is None else pool.tokens[rows].tolist()
    ranks = [each.place + 1 or None for each in shown]
    said = pool.rows[rows]
    columns = {
        "kind": pl.Series([each.kind for each in shown], dtype=pl.String),
        "rank": pl.Series(ranks, dtype=pl.Int64),
        "gain": pl.Series([each.gain for each in shown], dtype=pl.Float64),
        "score": pl.Series(scores, dtype=pl.Float64).fill_nan(None),
        "source": said["source"],
        "labels": pl.Series([_labels(given, row) for row in rows], dtype=pl.List(pl.String)),
        "tokens": pl.Series(tokens, dtype=pl.Int64),
        "characters": said["n_chars"],
        "origin": said["origin"],
        "row_id": said["row_id"],
    }
    return pl.DataFrame(columns)


def _labels(given: ReportInputs, row: int) -> list[str]:
    tags = given.pool.tags
    if tags is None:
        return []
    return sorted(given.pool.labels[label] for label in tags.indices[tags.indptr[row] : tags.indptr[row + 1]])


def _readings(
    given: ReportInputs, kind: str, shown: Sequence[_Shown], said: Sequence[Conversation], facts: pl.DataFrame
) -> Iterable[Reading]:
    k = len(given.chosen.rows)
    for each, conversation, known in zip(shown, said, facts.iter_rows(named=True), strict=True):
        if each.kind == kind:
            yield Reading(_heading(known, k), turns(conversation), _shown_facts(known))


def _heading(known: Mapping[str, Value], k: int) -> str:
    rank, gain, source = known["rank"], known["gain"], visible(str(known["source"]))
    would = "gain" if rank else "would have gained"
    told = "" if gain is None else f", {would} {gain:.4g}"
    return f"Rank {rank:,} of {k:,}{told}, {source}" if rank else f"Not chosen{told}, {source}"


def _shown_facts(known: Mapping[str, Value | list[str]]) -> dict[str, Value]:
    """Return the facts beside a row: those that are known, its labels in one line."""
    labels = known["labels"]
    assert isinstance(labels, list), "the column holds lists"
    more = f" and {len(labels) - LABELS_SHOWN} more" if len(labels) > LABELS_SHOWN else ""
    told = {name: visible(value) if isinstance(value, str) else value for name, value in known.items()}
    told["labels"] = visible(", ".join(labels[:LABELS_SHOWN])) + more if labels else None
    return {name: value for name, value in told.items() if name != "kind" and value is not None}  # type: ignore[misc]
