"""What LLaMA-Factory makes of rows under an entry of `dataset_info.json`, by the rules of llamafactory 0.9.5.

Rules of `data/parser.py`, `data/converter.py`, `data/formatter.py`, `data/processor/supervised.py` and
`processor_utils.py`. Where the entry has `columns` or `tags`, each one that it leaves out is None. After an optional
system turn, user and tool results alternate with answers and calls, in pairs; any other row is left out with a line in
the log. `formatting: openai` first joins tool results that follow each other, writes `tool_calls` in the place of the
text beside them, and adds "detailed thinking off" to system prompts. Tools, and the turns that call them, must be JSON
text; anything else ends the preparation. Templates whose tool format is "default" want a name and properties of every
tool as well: `tool_format: default` in the entry, which LLaMA-Factory does not read there, asks for that. A row above
`cutoff_len` is cut pair by pair, each pair in proportion to its prompt and its answer, and what comes after the limit
is gone. Counted are tokens of the tokenizer's chat template, which LLaMA-Factory reads where no `template` is named; a
named one may add a few. Alpaca's formatting is not covered.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mig_dagster.conversation import Conversation
from mig_dagster.export.consumers.chat_tokens import ChatTokens
from mig_dagster.export.consumers.consumer import Consumer, Fit, Record, Registration
from mig_dagster.export.consumers.findings import Finding
from mig_dagster.export.consumers.llama_factory_entry import SAFE_ENTRY, Entry, entry_of
from mig_dagster.export.consumers.turns import Turns, as_conversation, calls_of, messages_of

_OBJECTS = "expected an object with 'name' and 'arguments', or a list of such"


def _columns(told: Registration) -> list[str]:
    entry = entry_of(told)
    return [name for name in (entry.messages, entry.system, entry.tools) if name]


def _faults(record: Record, told: Registration) -> Iterator[Finding]:
    entry = entry_of(told)
    messages = messages_of(record, entry.messages)
    if isinstance(messages, Finding):
        empty = record.get(entry.messages) == []
        yield Finding("no_messages", "dropped" if empty else "stops", messages.detail)
        return
    yield from _lost_fields(messages, entry)
    rest, system = _without_system(record, messages, entry)
    tools = record.get(entry.tools) if entry.tools else None
    if entry.formatting == "openai":
        yield from _unmapped(rest, entry)
        rest = list(_openai_turns(rest, entry))
        if not tools and "detailed thinking" not in (system or ""):
            yield Finding(
                "system_extended", "altered", "the line 'detailed thinking off' is added to the system prompt"
            )
    broken = next(_broken(rest, entry), None)
    if broken is not None:
        yield broken
        return
    yield from _bad_texts(rest, entry)
    yield from _bad_tools(tools, entry)


def _without_system(record: Record, messages: Turns, entry: Entry) -> tuple[Turns, str | None]:
    """Return the turns after the system turn, and the system prompt."""
    if entry.system_tag and messages[0].get(entry.role_tag) == entry.system_tag:
        return messages[1:], messages[0].get(entry.content_tag)
    return messages, record.get(entry.system) if entry.system else None


def _openai_turns(messages: Turns, entry: Entry) -> Iterator[dict[str, Any]]:
    """Yield turns as `formatting: openai` makes them: calls as a turn of their own kind, results joined.

    Results at the very end are lost, as it only writes them before the turn that follows them.
    """
    results: list[str] = []
    for message in messages:
        role, content = message.get(entry.role_tag), message.get(entry.content_tag)
        if role in (entry.assistant_tag, entry.function_tag) and message.get("tool_calls"):
            role = entry.function_tag
            content = json.dumps([call.get("function") for call in calls_of(message)], ensure_ascii=False)
        if role == entry.observation_tag:
            results.append(str(content))
            continue
        if results:
            joined = "\n</tool_response>\n<tool_response>\n".join(results)
            yield {entry.role_tag: entry.observation_tag, entry.content_tag: joined}
            results = []
        yield {entry.role_tag: role, entry.content_tag: content}


def _unmapped(messages: Turns, entry: Entry) -> Iterator[Finding]:
    for at, message in enumerate(messages, start=1):
        if message.get(entry.role_tag) not in entry.roles:
            yield Finding("unknown_role", "stops", f"turn {at} has the role {message.get(entry.role_tag)!r}")
            return


def _broken(messages: Turns, entry: Entry) -> Iterator[Finding]:
    """Yield why the turns are no pairs of prompt and answer."""
    accepted = ((entry.user_tag, entry.observation_tag), (entry.assistant_tag, entry.function_tag))
    for at, message in enumerate(messages):
        role = message.get(entry.role_tag)
        if role in accepted[at % 2]:
            continue
        wanted = " or ".join(str(tag) for tag in accepted[at % 2])
        if role not in entry.roles:
            yield Finding("unknown_role", "dropped", f"turn {at + 1} has the role {role!r}, which no tag names")
        elif role == entry.system_tag:
            yield Finding("system_position", "dropped", f"a system turn stands at turn {at + 1}, expected {wanted}")
        else:
            yield Finding("role_order", "dropped", f"turn {at + 1} is {role!r}, expected {wanted}")
    if len(messages) % 2:
        yield Finding("odd_turns", "dropped", f"{len(messages)} turns, expected pairs of prompt and answer")
    if not messages:
        yield Finding("no_messages", "dropped", "there is only a system turn")


def _bad_texts(messages: Turns, entry: Entry) -> Iterator[Finding]:
    """Yield turns whose text cannot be written: no text, or a call that is not JSON."""
    for at, message in enumerate(messages, start=1):
        content = message.get(entry.content_tag)
        if not isinstance(content, str):
            yield Finding("malformed_turn", "stops", f"the text of turn {at} is {type(content).__name__}")
        elif message.get(entry.role_tag) == entry.function_tag:
            yield from _bad_call(content, at)


def _bad_call(content: str, at: int) -> Iterator[Finding]:
    text = content
    for opening, closing in (("<tool_call>", "</tool_call>"), ("<think>\n", "\n</think>\n\n")):
        before, found, rest = text.partition(opening)
        inside, end, after = rest.partition(closing)
        if found and end:
            text = inside if opening == "<tool_call>" else before + after
            break
    try:
        calls = json.loads(text)
    except ValueError as problem:
        yield Finding("invalid_tool_call", "stops", f"turn {at} is not valid JSON: {problem}")
        return
    calls = calls if isinstance(calls, list) else [calls]
    if not all(isinstance(call, Mapping) and {"name", "arguments"} <= call.keys() for call in calls):
        yield Finding("invalid_tool_call", "stops", f"turn {at} is {content[:60]!r}, {_OBJECTS}")


def _bad_tools(tools: Any, entry: Entry) -> Iterator[Finding]:
    if not tools:
        return
    if not isinstance(tools, str):
        if entry.formatting != "openai":
            yield Finding("invalid_tools", "stops", f"tools are a {type(tools).__name__}, expected JSON text")
            return
        tools = json.dumps(tools)
    try:
        listed = json.loads(tools)
    except ValueError as problem:
        yield Finding("invalid_tools", "stops", f"tools are not valid JSON: {problem}")
        return
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        yield Finding("invalid_tools", "stops", "expected a list of tools, each an object")
    elif entry.tool_format == "default" and not all(map(_is_tool, listed)):
        yield Finding("invalid_tools", "stops", "a tool has no 'name', or no 'parameters' with 'properties'")


def _is_tool(tool: Any) -> bool:
    """Say whether the default tool format can write a tool."""
    found = tool.get("function") if isinstance(tool, Mapping) and tool.get("type") == "function" else tool
    parameters = found.get("parameters") if isinstance(found, Mapping) and "name" in found else None
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    return isinstance(properties, Mapping) and all(isinstance(each, Mapping) for each in properties.values())


def _lost_fields(messages: Turns, entry: Entry) -> Iterator[Finding]:
    """Yield what is in messages and never read."""
    for at, message in enumerate(messages, start=1):
        if message.get("reasoning_content"):
            yield Finding("reasoning_ignored", "altered", f"the field reasoning_content of turn {at} is not read")
        calls = calls_of(message)
        if calls and entry.formatting != "openai":
            yield Finding("tool_calls_ignored", "altered", f"the field tool_calls of turn {at} is not read")
        elif calls and message.get(entry.content_tag):
            yield Finding("answer_beside_calls", "altered", f"turn {at} says something and calls tools")


def _conversation(record: Record, told: Registration) -> Conversation:
    """Return the turns under the roles of the OpenAI form, calls as text, as the parsed template writes them."""
    entry = entry_of(told)
    rest, system = _without_system(record, record[entry.messages], entry)
    if entry.formatting == "openai":
        rest = list(_openai_turns(rest, entry))
    first = [{"role": "system", "content": system}] if system else []
    turns = [
        {"role": ("user", "assistant")[at % 2], "content": message[entry.content_tag]}
        for at, message in enumerate(rest)
    ]
    return as_conversation(first + turns, record.get(entry.tools) if entry.tools else None)


def _fit(tokens: ChatTokens, limit: int, record: Record, told: Registration) -> Fit:
    """Cut pair by pair: a short answer is kept whole, a short prompt is, or both give in proportion."""
    taken = trained = begin = 0
    for start, stop in tokens.spans:
        room = limit - taken
        if room <= 0:
            break
        prompt, answer = _shares(start - begin, stop - start, room)
        taken, trained, begin = taken + prompt + answer, trained + answer, stop
    lost = None if trained else Finding("no_trained_token", "dropped", f"no answer is left within {limit:,} tokens")
    whole = bool(tokens.spans) and taken == tokens.spans[-1][1]
    return Fit(tokens.total if whole else taken, trained, lost)


def _shares(prompt: int, answer: int, room: int) -> tuple[int, int]:
    """Return how many tokens of a prompt and its answer are kept in `room`."""
    if 2 * answer < room:
        most = room
    elif 2 * prompt < room:
        most = room - prompt
    else:
        most = int(room * (answer / (prompt + answer)))
    kept = min(most, answer)
    return min(max(room - kept, 0), prompt), kept


llama_factory = Consumer(
    "llama-factory",
    "llamafactory 0.9.5",
    _faults,
    _conversation,
    _fit,
    registration=SAFE_ENTRY,
    json_fields=False,
    columns=_columns,
)
