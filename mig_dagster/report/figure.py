"""What a figure of the report consists of: charts, tables and conversations to read, and the data behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

Value = str | int | float | None


@dataclass(frozen=True, eq=False)
class Chart:
    """A picture.

    Attributes:
        spec: Vega-Lite 6 without data, width, theme or schema; its layers name the tables of `data`.
        data: what is drawn, by name: a few thousand lines at most, aggregates or a sample of what the figure's tables
            hold.
        height: of the plot, pixels at desktop width.
        alt: what a person who does not see it has to know.
    """

    spec: Mapping[str, Any]
    data: Mapping[str, pl.DataFrame]
    alt: str
    height: int = 320


@dataclass(frozen=True, eq=False)
class Listing:
    """A table that readers sort by any column.

    Attributes:
        heading: above it; "" where the figure's title says it.
        columns: headings.
        lines: as long as `columns` each. Numbers stay numbers: the page formats and sorts them; text is escaped there.
    """

    heading: str
    columns: Sequence[str]
    lines: Sequence[Sequence[Value]]


@dataclass(frozen=True, eq=False)
class Reading:
    """A conversation to read.

    Attributes:
        heading: which row it is and why it is shown.
        turns: (role, text), long texts cut by whoever made the figure.
        facts: name -> value, shown beside it.
    """

    heading: str
    turns: Sequence[tuple[str, str]]
    facts: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Readings:
    """Conversations to read, folded under one heading."""

    heading: str
    items: Sequence[Reading]


Part = Chart | Listing | Readings


@dataclass(frozen=True, eq=False)
class Figure:
    """One section of the report. Text in it is plain text: the page escapes it.

    Attributes:
        name: of the section and its files: a-z and _.
        title: its heading.
        about: how to read it, and what of the data is drawn: everything, aggregates, or a sample of how many.
        parts: in the order in which they are shown; none where `missing` says why.
        tables: all the data behind it, each written as `<name>.parquet`; names begin with the figure's.
        missing: why there is nothing to show, as the end of a sentence; "" where there is.
        command: that opens its table in another program; "" where there is none.
    """

    name: str
    title: str
    about: str
    parts: Sequence[Part] = ()
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    missing: str = ""
    command: str = ""
