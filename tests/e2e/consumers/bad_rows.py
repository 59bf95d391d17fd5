"""Records that no exporter should write, each with what it is about; their first question says `[row N]`."""

from typing import Any

from tests.e2e.consumers.rows import SUM, WEATHER

Record = dict[str, Any]


def turns(rank: int, *given: tuple[str, str]) -> list[Record]:
    """Return turns of which the first says its rank."""
    return [
        {"role": role, "content": f"[row {rank}] {text}" if at == 0 else text} for at, (role, text) in enumerate(given)
    ]


def good(rank: int) -> Record:
    return {"messages": turns(rank, ("user", "hi"), ("assistant", "ho"))}


def calling(arguments: Any) -> list[Record]:
    made = [{"type": "function", "function": {"name": "f", "arguments": arguments}}]
    return [{"role": "assistant", "content": "", "tool_calls": made}]


BAD: dict[str, Record] = {
    "no_messages": {"messages": []},
    "null_messages": {"messages": None},
    "no_role": {"messages": [{"content": "[row 2] a"}, {"role": "assistant", "content": "b"}]},
    "ends_with_user": {"messages": turns(2, ("user", "a"), ("assistant", "b"), ("user", "c"))},
    "two_users": {"messages": turns(2, ("user", "a"), ("user", "c"), ("assistant", "b"))},
    "begins_with_assistant": {"messages": turns(2, ("assistant", "a"), ("user", "c"), ("assistant", "b"))},
    "unknown_role": {"messages": turns(2, ("user", "a"), ("narrator", "c"), ("assistant", "b"))},
    "late_system": {"messages": turns(2, ("user", "a"), ("system", "c"), ("user", "d"), ("assistant", "b"))},
    "only_system": {"messages": turns(2, ("system", "a"))},
    "no_answer": {"messages": turns(2, ("user", "a"), ("user", "b"))},
    "empty_answer": {"messages": turns(2, ("user", "a"), ("assistant", ""))},
    "empty_question": {"messages": turns(2, ("user", ""), ("assistant", "b"))},
    "call_without_result": {
        "messages": [*turns(2, ("user", "a")), *calling({"a": 1}), {"role": "assistant", "content": "b"}]
    },
    "arguments_of_two_types": {"messages": [*turns(2, ("user", "a")), *calling({"a": 1}), *calling("text")]},
    "arguments_no_json": {"messages": [*turns(2, ("user", "a")), *calling("{a")]},
    "tools_no_json": {"messages": turns(2, ("user", "a"), ("assistant", "b")), "tools": "[1"},
    "tools_an_object": {"messages": turns(2, ("user", "a"), ("assistant", "b")), "tools": '{"name": "f"}'},
    "tools_empty_text": {"messages": turns(2, ("user", "a"), ("assistant", "b")), "tools": ""},
    "tools_as_list": {"messages": turns(2, ("user", "a"), ("assistant", "b")), "tools": [WEATHER, SUM]},
    "tool_without_parameters": {"messages": turns(2, ("user", "a"), ("assistant", "b")), "tools": '[{"name": "f"}]'},
    "numeric_content": {"messages": [{"role": "user", "content": 5}, {"role": "assistant", "content": "[row 2]"}]},
    "function_call_no_json": {"messages": turns(2, ("user", "a"), ("function_call", "f(1)"))},
    "function_call_no_name": {"messages": turns(2, ("user", "a"), ("function_call", '{"arguments": {}}'))},
    "function_call": {"messages": turns(2, ("user", "a"), ("function_call", '{"name": "f", "arguments": {}}'))},
}
"""What may stand between two good rows."""


PADDING = "x" * (11 << 20)
"""More than the part of a file that types are taken from."""
LATE: dict[str, list[Record]] = {
    "late_column": [{**good(1), "pad": PADDING}, {**good(2), "pad": "", "late": "y"}],
    "late_text": [{**good(1), "pad": PADDING, "late": None}, {**good(2), "pad": "", "late": "y"}],
    "late_key": [
        {**good(1), "pad": PADDING},
        {"messages": [*turns(2, ("user", "a")), {"role": "assistant", "content": "b", "late": "y"}], "pad": ""},
    ],
    "late_null": [{**good(1), "pad": PADDING, "late": "y"}, {**good(2), "pad": "", "late": None}],
    "late_absence": [{**good(1), "pad": PADDING, "late": "y"}, {**good(2), "pad": ""}],
}
"""Files of which only a row behind the first part has something."""


def file_of(bad: Record) -> list[Record]:
    """Return a bad row between two good ones."""
    return [good(1), bad, good(3)]
