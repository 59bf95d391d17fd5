"""Collect conversations and rejections column by column, and turn them into frames."""

import polars as pl
import pyarrow as pa

from mig_dagster.conversation import canonical_json
from mig_dagster.pool.schema import RAW_POOL, REJECTED
from mig_dagster.sources.records import Accepted, Rejected

_MESSAGE_FIELDS = ("role", "content", "tool_calls", "reasoning_content")


class Batch:
    """Rows of `raw_pool` and its rejected records of one source.

    Columns are Python lists that become Arrow arrays at once: a frame made from one dict a row costs several times as
    much.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._rows: dict[str, list[object]] = {name: [] for name in RAW_POOL if name not in ("source", "messages")}
        self._messages: dict[str, list[str | None]] = {name: [] for name in _MESSAGE_FIELDS}
        self._ends = [0]
        self._rejected: list[tuple[str, str, str, str, str]] = []

    def __len__(self) -> int:
        """Return how many records are in it."""
        return len(self._ends) - 1 + len(self._rejected)

    def accept(self, record: Accepted) -> None:
        """Add an accepted record as a row."""
        conversation, columns, messages = record.conversation, self._rows, self._messages
        columns["row_id"].append(conversation.row_id)
        columns["origin"].append(record.origin)
        columns["tools"].append(conversation.tools)
        columns["n_turns"].append(conversation.n_turns)
        columns["n_chars"].append(conversation.n_chars)
        columns["meta"].append(canonical_json(record.meta) if record.meta else "{}")
        for message in conversation.messages:
            messages["role"].append(message.role)
            messages["content"].append(message.content)
            messages["tool_calls"].append(message.tool_calls)
            messages["reasoning_content"].append(message.reasoning_content)
        self._ends.append(len(messages["role"]))

    def reject(self, record: Rejected) -> None:
        """Add a rejected record."""
        self._rejected.append((self._source, record.origin, record.reason, record.detail, record.raw))

    def rows(self) -> pl.DataFrame:
        """Return the accepted rows in `RAW_POOL`'s columns."""
        fields = [pa.array(self._messages[name], type=pa.large_string()) for name in _MESSAGE_FIELDS]
        turns = pa.StructArray.from_arrays(fields, names=list(_MESSAGE_FIELDS))
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
