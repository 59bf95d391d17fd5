"""Preference data: the conversation so far and the answer that was `chosen`; the `rejected` one stays in `meta`."""

from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import own_names, remaining, system_messages, text_field, tools_field
from mig_dagster.sources.formats.alpaca import question_of
from mig_dagster.sources.markers import TRANSCRIPT, begins_as_transcript, marked_turns
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.turns import add_turns, turns_in

_PROMPTS = ("conversations", "messages", "prompt", "instruction", "question", "query", "input")
_FIELDS = (*_PROMPTS, "chosen", "system", "tools")
_ALIASES = {"system_prompt": "system"}


def matches(record: Record) -> bool:
    """Return whether there is a chosen answer and something that it answers."""
    if "chosen" not in record:
        return False
    chosen = turns_in(record["chosen"])
    if isinstance(chosen, str) and begins_as_transcript(chosen):
        return True
    return isinstance(chosen, list) or any(name in record for name in _PROMPTS)


def parse(record: Record) -> Parsed:
    """Return the prompt and the chosen answer.

    The prompt is `conversations`, `messages`, `prompt` (a string or messages), `instruction` with `input`, `question`,
    `query` or `input`; without any, `chosen` is the whole conversation. A `chosen` that repeats the prompt, wholly or
    from some turn on, does not say it twice; one that is the whole prompt, answer and all, is taken as it is. Both may
    be transcripts (`Human:` and `Assistant:` after blank lines), the prompt's ending with an empty turn.

    Raises:
        Defect: among others `no_chosen_answer`.
    """
    record = own_names(record, _ALIASES)
    prompt = next((name for name in _PROMPTS if record.get(name) is not None), None)
    used = {prompt or "prompt", "chosen", "system", "tools"} | ({"input"} if prompt == "instruction" else set())
    parsed = Parsed(system_messages(record), tools_field(record), remaining(record, used))
    if prompt is not None:
        _add_prompt(parsed, record, prompt)
    elif isinstance(turns_in(record.get("chosen")), str) and not begins_as_transcript(record["chosen"]):
        text_field(record, "prompt")  # says that it is absent
    _add_answer(parsed, turns_in(record.get("chosen")))
    return parsed


def _add_prompt(parsed: Parsed, record: Record, name: str) -> None:
    prompt = turns_in(record[name])
    if isinstance(prompt, list):
        add_turns(parsed, prompt, name)
    elif isinstance(prompt, str) and begins_as_transcript(prompt):
        turns = marked_turns(prompt, TRANSCRIPT)
        parsed.messages += turns[:-1] if turns[-1] == Message("assistant", "") else turns
    else:
        text = question_of(record, "instruction", "input") if name == "instruction" else text_field(record, name)
        parsed.messages.append(Message("user", text))


def _add_answer(parsed: Parsed, chosen: Any) -> None:
    if chosen is None or chosen == []:
        raise Defect("no_chosen_answer", "field 'chosen' is absent, null or an empty list")
    answer = Parsed([], None, {})
    if isinstance(chosen, str) and begins_as_transcript(chosen):
        answer.messages += marked_turns(chosen, TRANSCRIPT)
    elif isinstance(chosen, str):
        parsed.messages.append(Message("assistant", chosen))
        return
    else:
        add_turns(answer, chosen if isinstance(chosen, list) else [chosen], "chosen")
    _cut_where_told_again(parsed, answer.messages)
    repeated = _overlap(parsed.messages, answer.messages)
    offset = len(parsed.messages) - repeated
    for index, notes in answer.extras.items():
        parsed.extras.setdefault(str(int(index) + offset), notes)
    parsed.messages += answer.messages[repeated:]


def _cut_where_told_again(parsed: Parsed, answer: list[Message]) -> None:
    """Drop the end of a prompt that has an answer of its own, where the chosen conversation tells that part again."""
    prompt = parsed.messages
    if prompt and prompt[-1].role == "assistant" and len(answer) > 1 and answer[0] in prompt:
        again = prompt.index(answer[0])
        del prompt[again:]
        parsed.extras = {index: notes for index, notes in parsed.extras.items() if int(index) < again}


def _overlap(prompt: list[Message], answer: list[Message]) -> int:
    """Return how many messages at the end of the prompt are those that the answer begins with."""
    longest = min(len(prompt), len(answer) - 1)
    return next((size for size in range(longest, 0, -1) if prompt[-size:] == answer[:size]), 0)


FORMAT = Format("preference", _FIELDS, matches, parse)
