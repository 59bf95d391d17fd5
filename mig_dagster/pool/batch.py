"""Collect conversations and rejections column by column, and turn them into frames."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from mig_dagster.pool.identity import meta_text, row_id
from mig_dagster.pool.plain_rows import plain_rows
from mig_dagster.pool.schema import RAW_POOL, REJECTED
from mig_dagster.sources.plain import PlainRows
from mig_dagster.sources.records import Accepted, Rejected


class Batch:
    """Rows of `raw_pool` and its rejected records of one source.

    Columns are Python lists that become Arrow arrays at once: a frame made from one dict a row costs several times as
    much.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._rows: dict[str, list[object]] = {name: [] for name in RAW_POOL if name not in ("source", "messages")}
        self._roles: list[str] = []
        self._contents: list[str] = []
        self._tool_calls: list[str | None] = []
        self._reasonings: list[str | None] = []
        self._ends = [0]
        self._rejected: list[tuple[str, str, str, str, str]] = []
        self._plain: list[pl.DataFrame] = []

    def accept(self, record: Accepted) -> None:
        """Add an accepted record as a row."""
        conversation = record.conversation
        messages = conversation.messages
        self._roles += [message.role for message in messages]
        self._contents += [message.content for message in messages]
        self._tool_calls += [message.tool_calls for message in messages]
        self._reasonings += [message.reasoning_content for message in messages]
        self._ends.append(len(self._roles))
        columns = self._rows
        columns["row_id"].append(row_id(conversation))
        columns["origin"].append(record.origin)
        columns["tools"].append(conversation.tools)
        columns["n_turns"].append(conversation.n_turns)
        columns["n_chars"].append(conversation.n_chars)
        columns["meta"].append(meta_text(record.meta))

    def accept_plain(self, file: str, plain: PlainRows) -> int:
        """Add plain records of a file as rows, which stand by position among those accepted one by one; count them."""
        if plain.positions:
            self._plain.append(plain_rows(self._source, file, plain))
        return len(plain.positions)

    def reject(self, record: Rejected) -> None:
        """Add a rejected record."""
        self._rejected.append((self._source, record.origin, record.reason, record.detail, record.raw))

    def rows(self) -> pl.DataFrame:
        """Return the accepted rows in `RAW_POOL`'s columns; where there are plain ones, all are of one file."""
        if not self._plain:
            return self._others()
        if len(self._ends) == 1 and len(self._plain) == 1:
            return self._plain[0]
        rows = pl.concat([*self._plain, self._others()])
        return rows[rows["origin"].str.split(":").list.last().cast(pl.Int64).arg_sort()]

    def _others(self) -> pl.DataFrame:
        fields: dict[str, Sequence[str | None]] = {
            "role": self._roles,
            "content": self._contents,
            "tool_calls": self._tool_calls,
            "reasoning_content": self._reasonings,
        }
        arrays = [pa.array(values, type=pa.large_string()) for values in fields.values()]
        turns = pa.StructArray.from_arrays(arrays, names=list(fields))
        offsets = pa.array(self._ends, type=pa.int64())
        columns = {
            **{name: pl.Series(values, dtype=RAW_POOL[name]) for name, values in self._rows.items()},
            "source": pl.repeat(self._source, len(self._ends) - 1, dtype=pl.String, eager=True),
            "messages": pl.Series(pa.LargeListArray.from_arrays(offsets, turns), dtype=RAW_POOL["messages"]),
        }
        return pl.DataFrame({name: columns[name] for name in RAW_POOL}, schema=RAW_POOL)

    def rejected(self) -> pl.DataFrame:
        """Return the rejected records in `REJECTED`'s columns."""
        return pl.DataFrame(self._rejected, schema=REJECTED, orient="row")
