"""Conversations as LLaMA-Factory 0.9.5 takes them: `formatting: sharegpt`, every role with a tag of its own.

Written so for every data set: `formatting: openai` adds "detailed thinking off" to the system prompt of rows without
tools, and throws away what an assistant says beside a tool call. In sharegpt nothing is added and nothing goes:

- a turn that calls tools has the role `function_call`; its content is the JSON list of `{"name", "arguments"}` that the
  trainer's templates render, in `<tool_call>` behind the text or reasoning beside it where there is any;
- reasoning that the source keeps apart stands before the answer in the `<think>` of the trainer's templates;
- results of several calls are one turn, joined as the trainer joins them in its own openai converter.

After a leading system turn the trainer wants user or tool and assistant in turns, and drops any other row with a line
in its log. Such rows are refused here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mig_dagster.conversation import Conversation, Message, embedded_json
from mig_dagster.export.conversations import Codec, NotExpressibleError, Record, json_text, same

ROLES = ("user", "assistant", "tool", "function_call", "system")
ASKING = ("user", "tool")
BETWEEN_RESULTS = "\n</tool_response>\n<tool_response>\n"
BEFORE_CALLS, AFTER_CALLS = "<tool_call>", "</tool_call>"
_CALLS = re.compile(f"(.*?){BEFORE_CALLS}(.*){AFTER_CALLS}", re.DOTALL)


def with_inline_reasoning(conversation: Conversation) -> Conversation:
    """Return a conversation whose reasoning stands in the contents, as templates without a field for it take it."""
    return Conversation(tuple(map(_inline, conversation.messages)), conversation.tools)


def encode(conversation: Conversation) -> Record:
    """Return the record of a conversation.

    Raises:
        NotExpressibleError: `turn_order`, `tools_not_a_list` or `text_like_markup`.
    """
    turns: list[Record] = []
    plain = with_inline_reasoning(conversation)
    for message in plain.messages:
        if message.role == "tool" and turns and turns[-1]["role"] == "tool":
            turns[-1]["content"] += BETWEEN_RESULTS + message.content
        else:
            turns.append(_turn(message))
    if not _in_order([turn["role"] for turn in turns]):
        raise NotExpressibleError("turn_order")
    if plain.tools is not None and not isinstance(embedded_json(plain.tools), list):
        raise NotExpressibleError("tools_not_a_list")
    record: Record = {"messages": turns, "tools": plain.tools or ""}
    if len(turns) != len(plain.messages) or any(turn["role"] in ("tool", "function_call") for turn in turns):
        _check_markup(record, plain)
    return record


def decode(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation in a record, reasoning inline."""
    messages: list[Message] = []
    for turn in record["messages"]:
        if turn["role"] == "tool":
            messages += [Message("tool", result) for result in turn["content"].split(BETWEEN_RESULTS)]
        elif turn["role"] == "function_call":
            messages.append(_called(turn["content"]))
        else:
            messages.append(Message(turn["role"], turn["content"]))
    return Conversation(tuple(messages), record.get("tools") or None)


def _inline(message: Message) -> Message:
    thought = message.reasoning_content
    content = message.content if thought is None else f"<think>\n{thought}\n</think>\n\n{message.content}"
    return Message(message.role, content, message.tool_calls)


def _turn(message: Message) -> Record:
    if message.tool_calls is None:
        return {"role": message.role, "content": message.content}
    calls = embedded_json(message.tool_calls)
    try:
        functions = [{key: call["function"][key] for key in ("name", "arguments")} for call in calls]
    except (KeyError, TypeError) as unlike:
        raise NotExpressibleError("calls_not_functions") from unlike
    # No mark of the trainer's own may stand in the arguments.
    text = json.dumps(functions, ensure_ascii=False).replace("<", "\\u003c")
    if message.content:
        text = f"{message.content}{BEFORE_CALLS}{text}{AFTER_CALLS}"
    return {"role": "function_call", "content": text}


def _called(content: str) -> Message:
    beside = _CALLS.fullmatch(content)
    text, calls = (beside[1], beside[2]) if beside else ("", content)
    whole = [{"type": "function", "function": function} for function in json.loads(calls)]
    return Message("assistant", text, json_text(whole))


def _in_order(roles: list[str]) -> bool:
    """Return whether the trainer takes turns of these roles: an optional system turn, then question and answer."""
    body = roles[1:] if roles[:1] == ["system"] else roles
    asking = [role in ASKING for role in body]
    return "system" not in body and bool(body) and asking == [True, False] * (len(body) // 2)


def _check_markup(record: Record, wanted: Conversation) -> None:
    """Refuse a text that reads as the trainer's own marks, which would split or join turns."""
    try:
        intact = same(decode(record), wanted)
    except (ValueError, TypeError):
        intact = False
    if not intact:
        raise NotExpressibleError("text_like_markup")


CODEC = Codec(encode, decode, with_inline_reasoning)
"""Of a file with tools: `tools` is "" where a row offers none, as a column must not begin somewhere in a file."""

WITHOUT_TOOLS = replace(CODEC, encode=lambda conversation: {"messages": encode(conversation)["messages"]})
"""Of a file in which no row offers any."""
