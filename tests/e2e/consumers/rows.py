"""Rows that trainers stumble over, each known again in its text by `[row N]`."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.conversation import Conversation, Message
from mig_dagster.pool.schema import RAW_POOL

MARK = re.compile(r"\[row (\d+)\]")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Look up the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SUM = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add numbers.",
        "parameters": {"type": "object", "properties": {"numbers": {"type": "array"}, "exact": {"type": "boolean"}}},
    },
}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def hard() -> list[Conversation]:
    """Return rows that every trainer must take whole: tools, system, reasoning, several turns, scripts."""
    weather, both = json.dumps([WEATHER]), json.dumps([WEATHER, SUM])
    one = json.dumps([call("get_weather", city="Łódź")])
    two = json.dumps([call("get_weather", city="Oslo"), call("add", numbers=[1, 2.5], exact=True)])
    user, answer = Message("user", "What is 2 + 2?"), Message("assistant", "4, of course.")
    return [
        Conversation((user, answer)),
        Conversation((Message("system", "Be brief."), user, answer, Message("user", "Sure?"), answer)),
        Conversation((user, Message("assistant", "", one), Message("tool", '{"sky": "clear"}'), answer), weather),
        Conversation(
            (
                Message("system", "Use tools."),
                user,
                Message("assistant", "", two),
                Message("tool", '{"sky": "grey"}'),
                Message("tool", '{"sum": 3.5}'),
                answer,
            ),
            both,
        ),
        Conversation((user, Message("assistant", "It is 4.", None, "Two and two are four."))),
        Conversation(
            (Message("user", "为什么天空是蓝色的? 🌤\u2028 عربى"), Message("assistant", "散射 — ça va\u0085 ok"))
        ),
        Conversation((user, Message("assistant", "I need no tool.")), weather),
        Conversation((Message("user", "2020-01-01"), Message("assistant", "2020-01-02"))),
    ]


def frame(conversations: list[Conversation]) -> pl.DataFrame:
    """Return conversations as the rows of a subset, each marked with its rank in its first question."""
    rows = []
    for rank, given in enumerate(conversations, start=1):
        marked = with_mark(given, rank)
        messages = [
            {name: getattr(m, name) for name in ("role", "content", "tool_calls", "reasoning_content")}
            for m in marked.messages
        ]
        rows.append({"rank": rank, "row_id": marked.row_id, "source": "made", "origin": f"made:{rank}"})
        rows[-1] |= {"gain": 1.0, "score": 1.0, "labels": ["a"], "messages": messages, "tools": marked.tools}
    types = {name: RAW_POOL[name] for name in ("messages", "tools")} | {"rank": pl.Int64, "labels": pl.List(pl.String)}
    return pl.DataFrame(rows, schema_overrides=types)


def with_mark(conversation: Conversation, rank: int) -> Conversation:
    """Return a conversation that says its rank in the first thing a user asks."""
    asked = next(at for at, message in enumerate(conversation.messages) if message.role == "user")
    messages = list(conversation.messages)
    messages[asked] = Message("user", f"[row {rank}] {messages[asked].content}")
    return Conversation(tuple(messages), conversation.tools)


def ranks(texts: list[str]) -> list[int]:
    """Return the ranks of the rows that some texts are made from."""
    return [int(MARK.search(text)[1]) for text in texts]


def write_records(path: Path, records: list[dict[str, Any]]) -> Path:
    """Write JSON Lines."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return path
