"""From stored rows to the records of a format and back: what a format can say, and what it must refuse."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import polars as pl

from mig_dagster.conversation import Conversation, Message, embedded_json, from_dicts

BATCH = 1000
"""Rows that are Python objects at a time."""

Record = dict[str, Any]


class NotExpressibleError(ValueError):
    """A format cannot say what a row says.

    Attributes:
        reason: a code of the format's own list.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Codec:
    """How a format writes a conversation.

    Attributes:
        encode: the record of a conversation; raises `NotExpressibleError`.
        decode: the conversation in a record, by the rules of the format's readers.
        expected: what `decode` shall return: the conversation itself, or the one form that its readers see.
    """

    encode: Callable[[Conversation], Record]
    decode: Callable[[Mapping[str, Any]], Conversation]
    expected: Callable[[Conversation], Conversation] = field(default=lambda conversation: conversation)


@dataclass
class LeftOut:
    """Rows that a file does not hold, each with the reason."""

    rows: list[Record] = field(default_factory=list)

    def add(self, row: Mapping[str, Any], reason: str) -> None:
        """Note a row that was not written."""
        self.rows.append({name: row[name] for name in ("rank", "row_id", "source")} | {"reason": reason})

    @property
    def counts(self) -> dict[str, int]:
        """Rows by reason, most first."""
        reasons = [row["reason"] for row in self.rows]
        return {reason: reasons.count(reason) for reason in sorted(set(reasons), key=lambda each: -reasons.count(each))}


def named_rows(rows: pl.DataFrame) -> Iterator[tuple[Record, Conversation]]:
    """Yield each row with its conversation, in the order of the frame."""
    for part in rows.iter_slices(BATCH):
        for row in part.iter_rows(named=True):
            yield row, from_dicts(row["messages"], row["tools"])


def encoded(rows: pl.DataFrame, codec: Codec, left_out: LeftOut) -> Iterator[tuple[Record, Record]]:
    """Yield each row with its record; those that the format cannot say go to `left_out`."""
    for row, conversation in named_rows(rows):
        try:
            yield row, codec.encode(conversation)
        except NotExpressibleError as refused:
            left_out.add(row, refused.reason)


def count_equal(records: Iterable[Mapping[str, Any]], rows: pl.DataFrame, codec: Codec, left_out: LeftOut) -> int:
    """Return how many records, read back, are the conversation of the row in their place."""
    without = {row["rank"] for row in left_out.rows}
    wanted = (conversation for row, conversation in named_rows(rows) if row["rank"] not in without)
    return sum(
        record is not None and conversation is not None and same(codec.decode(record), codec.expected(conversation))
        for record, conversation in zip_longest(records, wanted)
    )


def same(one: Conversation, other: Conversation) -> bool:
    """Return whether two conversations are equal, whatever the spacing of the JSON in them."""
    return one == other or one.canonical_json() == other.canonical_json()


def trainable(conversation: Conversation) -> Record:
    """Return a conversation as trainers read it: unset fields left out, tool calls and tools as JSON values."""
    turns = [
        {key: embedded_json(value) if key == "tool_calls" else value for key, value in message.as_dict().items()}
        for message in conversation.messages
    ]
    tools = conversation.tools
    return {"messages": turns} | ({} if tools is None else {"tools": embedded_json(tools)})


def read_trainable(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation that `trainable` wrote."""
    return Conversation(tuple(map(read_turn, record["messages"])), json_text(record.get("tools")))


def read_turn(turn: Mapping[str, Any]) -> Message:
    """Return the message in a turn with `role`, `content` and what else is set."""
    calls = json_text(turn.get("tool_calls"))
    return Message(turn["role"], turn["content"], calls, turn.get("reasoning_content"))


def json_text(value: Any) -> str | None:
    """Return the text of which `embedded_json` is the value; None of None."""
    if value is None or (isinstance(value, str) and embedded_json(value) == value):
        return value
    return json.dumps(value, ensure_ascii=False)


PLAIN = Codec(trainable, read_trainable)
"""The conversation as it is: `{"messages": [...], "tools": [...]}`."""
