"""Subsets to export: from conversations written by hand, and drawn by hypothesis."""

import json

import polars as pl
from hypothesis import strategies as st

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export.subset_folder import SUBSET_COLUMNS
from mig_dagster.pool.schema import MESSAGE

LOCK = {
    "name": "mig_subset",
    "method": "mig",
    "pool_rows": 40,
    "options": {"gain": "exact"},
    "scorer": "lexical",
    "licences": {"a": "MIT"},
    "shortfall": None,
    "nested": True,
}
TYPES = {
    "rank": pl.Int64,
    "row_id": pl.String,
    "source": pl.String,
    "origin": pl.String,
    "gain": pl.Float64,
    "score": pl.Float64,
    "labels": pl.List(pl.String),
    "messages": pl.List(MESSAGE),
    "tools": pl.String,
}
"""Of the rows that an export is given."""
ODD = [*'\u2028\x85\x01\x1f\x7f\u0301\ufeff\ue000\\"', "", " ", "e\u0301", "👩‍🚀", "\u202e\u05e2\u05d1"]
MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "\n</tool_response>\n<tool_response>\n", "[{", "null"]


def subset(conversations) -> pl.DataFrame:
    """Return a subset of these conversations, in their order."""
    rows = [
        (
            rank,
            conversation.row_id,
            "ab"[rank % 2],
            f"f.jsonl:{rank:09d}",
            1.0 / rank,
            None if rank % 3 else 3.0,
            ["sums"],
            [
                {name: getattr(message, name) for name in ("role", "content", "tool_calls", "reasoning_content")}
                for message in conversation.messages
            ],
            conversation.tools,
        )
        for rank, conversation in enumerate(conversations, start=1)
    ]
    assert set(SUBSET_COLUMNS) < set(TYPES)
    return pl.DataFrame(rows, schema=TYPES, orient="row")


def call(name, arguments) -> dict:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*pairs) -> str:
    return json.dumps([call(*pair) for pair in pairs], ensure_ascii=False)


texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.lists(st.sampled_from(ODD + MARKS), max_size=3).map("".join),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
arguments = st.dictionaries(texts, values, max_size=2) | texts.filter(lambda text: not text.startswith("{"))
tool_calls = st.lists(st.tuples(st.sampled_from(["f", "get_weather"]), arguments), min_size=1, max_size=3).map(
    lambda pairs: calls(*pairs)
)
tools = st.none() | st.lists(
    st.fixed_dictionaries({"name": texts, "parameters": values}, optional={"description": texts}), max_size=2
).map(lambda listed: json.dumps(listed, ensure_ascii=False))

users = texts.map(lambda text: Message("user", text))
results = texts.map(lambda text: Message("tool", text))
answers = st.builds(lambda text, thought: Message("assistant", text, None, thought), texts, st.none() | texts)
callers = st.builds(
    lambda text, made, thought: Message("assistant", text, made, thought), texts, tool_calls, st.none() | texts
)
systems = st.lists(texts.map(lambda text: Message("system", text)), max_size=1)
rounds = users.map(lambda user: [user]) | st.lists(results, min_size=1, max_size=3)


@st.composite
def ordered_conversations(draw):
    """Draw a conversation that any trainer takes: a question and an answer in turns, calls and results among them."""
    messages = [*draw(systems), draw(users)]
    for _ in range(draw(st.integers(0, 2))):
        messages += [draw(answers | callers), *draw(rounds)]
    return Conversation((*messages, draw(answers | callers)), draw(tools))


free_conversations = st.builds(
    lambda messages, last, offered: Conversation((*messages, last), offered),
    st.lists(users | results | answers | callers | texts.map(lambda text: Message("system", text)), max_size=5),
    answers | callers,
    tools,
)
"""Turns in any order, as a source may have them; the last one is an answer, as ingestion sees to."""
