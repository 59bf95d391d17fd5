"""What the rows look like: turns, lengths and scripts of the pool and of the subset."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.conversation import Conversation
from mig_dagster.report.charts.length_lines import cut_offs, length_chart, longer_rows
from mig_dagster.report.charts.share_bars import share_bars
from mig_dagster.report.figure import Figure, Listing, Part
from mig_dagster.report.groups import COMPARED, groups
from mig_dagster.report.inputs import ReportInputs, ReportPool
from mig_dagster.report.reading.scripts import NO_LETTERS, SCRIPTS, letters_by_script, main_script
from mig_dagster.selection.base import Rows

SAMPLE = 2_000
"""Rows of the pool, and as many of the subset, whose texts are read."""

SEED = 0
READ_CHARS = 20_000
"""Characters of a row that are read."""

MOST_TURNS = 10
"""Rows of this many turns or more are one bar."""

ABOUT = (
    "Turns (user messages of a row) and lengths are of all rows of the pool and of the subset. A line says how many "
    "rows are at least so long: what lies to the right of a trainer's cut-off is cut. Scripts are read from {sample}, "
    "their first {chars:,} characters: a row counts for the script that most of its letters are of."
)


def shape(given: ReportInputs) -> Figure:
    """Draw turns, lengths and scripts."""
    pool = given.pool
    if not pool.n:
        return Figure("shape", "Turns, lengths and scripts", "", missing="the pool has no row")
    members = {group: rows for group, rows in groups(given).items() if group in COMPARED}
    sampled = {group: sample(rows) for group, rows in members.items()}
    turns, scripts = _turns(pool, members), _scripts(pool, sampled)
    lengths = {"characters": pool.rows["n_chars"].to_numpy()}
    lengths |= {} if pool.tokens is None else {"tokens": pool.tokens}
    longer = {unit: longer_rows(values, members) for unit, values in lengths.items()}
    main = scripts.filter(pl.col("rows").sum().over("script") > 0).drop("contain")
    unit = list(lengths)[-1]
    parts: list[Part] = [
        share_bars("Turns", turns, "turns", "rows", _alt("turns", turns)),
        *(length_chart(unit, table) for unit, table in longer.items()),
        share_bars("Scripts, of the sample", main, "script", "rows", _alt("script", main)),
        cut_offs(unit, lengths[unit], members),
        _listed_scripts(scripts, sampled),
    ]
    tables = {
        "shape_turns": turns,
        "shape_lengths": pl.concat([table.with_columns(unit=pl.lit(unit)) for unit, table in longer.items()]),
        "shape_scripts": scripts,
    }
    said = " and ".join(_sampled(group, sampled[group], members[group]) for group in COMPARED)
    about = ABOUT.format(sample=said, chars=READ_CHARS)
    return Figure("shape", "Turns, lengths and scripts", about, parts, tables)


def sample(rows: Rows) -> Rows:
    """Return up to `SAMPLE` of some rows, the same ones whenever it is asked, ascending."""
    if len(rows) <= SAMPLE:
        return rows
    return np.sort(np.random.default_rng(SEED).choice(rows, SAMPLE, replace=False))


def _sampled(group: str, sampled: Rows, members: Rows) -> str:
    of = {"pool": "of the pool", "chosen": "chosen"}[group]
    if len(sampled) == len(members):
        return f"all {len(members):,} rows {of}"
    return f"a sample of {len(sampled):,} of the {len(members):,} rows {of} (seed {SEED})"


def _turns(pool: ReportPool, members: Mapping[str, Rows]) -> pl.DataFrame:
    """Return the rows of each number of turns, `MOST_TURNS` and more as one, 0 only where there are such rows."""
    turns = np.minimum(pool.rows["n_turns"].to_numpy().astype(np.int64), MOST_TURNS)
    counts = {group: np.bincount(turns[rows], minlength=MOST_TURNS + 1).tolist() for group, rows in members.items()}
    shown = range(0 if counts["pool"][0] else 1, int(turns.max()) + 1)
    names = {n: f"{n} and more" if n == MOST_TURNS else str(n) for n in shown}
    return _pairs("turns", names, {group: dict(enumerate(count)) for group, count in counts.items()}, members)


def _scripts(pool: ReportPool, sampled: Mapping[str, Rows]) -> pl.DataFrame:
    """Return how many rows are mainly in each script, and how many `contain` letters of it; scripts without are out."""
    distinct = np.unique(np.concatenate([*sampled.values()]))
    said = pool.texts(pool.rows[distinct].select("source", "origin", "row_id"))
    letters = dict(zip(distinct.tolist(), (letters_by_script(_text(each)) for each in said), strict=True))
    main = {group: Counter(main_script(letters[row]) for row in rows.tolist()) for group, rows in sampled.items()}
    contain = {group: Counter(s for row in rows.tolist() for s in letters[row]) for group, rows in sampled.items()}
    there = [name for name in (*SCRIPTS, NO_LETTERS) if any(main[each][name] or contain[each][name] for each in main)]
    order = sorted(there, key=lambda name: (-main["pool"][name], -main["chosen"][name], -contain["pool"][name]))
    table = _pairs("script", {name: name for name in order}, main, sampled)
    return table.with_columns(contain=pl.Series([contain[g][s] for s in order for g in COMPARED], dtype=pl.Int64))


def _text(conversation: Conversation) -> str:
    """Return the beginning of what a conversation says."""
    return "\n".join(message.content[:READ_CHARS] for message in conversation.messages)[:READ_CHARS]


def _pairs(
    category: str, names: Mapping[Any, str], counts: Mapping[str, Mapping[Any, int]], members: Mapping[str, Rows]
) -> pl.DataFrame:
    """Return a line for each category and group, as `share_bars` takes them."""
    lines = [
        (name, group, counts[group].get(key, 0) / max(len(members[group]), 1), counts[group].get(key, 0))
        for key, name in names.items()
        for group in COMPARED
    ]
    schema = {category: pl.String, "group": pl.String, "share": pl.Float64, "rows": pl.Int64}
    return pl.DataFrame(lines, schema, orient="row")


def _alt(category: str, table: pl.DataFrame) -> str:
    """Return the most frequent category of both groups in words."""
    most = table.sort("share", descending=True, maintain_order=True).group_by("group", maintain_order=True).first()
    told = [f"{line['share']:.1%} of {line['group']} rows: {line[category]}" for line in most.iter_rows(named=True)]
    return f"Share of rows by {category}, pool and chosen. Most frequent: {'; '.join(told)}."


def _listed_scripts(scripts: pl.DataFrame, sampled: Mapping[str, Rows]) -> Listing:
    sizes = {"pool": f"{len(sampled['pool']):,} of the pool", "chosen": f"{len(sampled['chosen']):,} chosen"}
    columns = ["script", *(f"{what}, {sizes[group]}" for group in COMPARED for what in ("rows in it", "%", "contain"))]
    numbers = [
        (line["script"], line["rows"], round(100 * line["share"], 2), line["contain"])
        for line in scripts.iter_rows(named=True)
    ]
    lines = [(*pool, *chosen[1:]) for pool, chosen in zip(numbers[::2], numbers[1::2], strict=True)]
    return Listing("Scripts of the rows read", columns, lines)
