"""A `question` and its `answer`, as in GSM8K, OpenOrca, MetaMathQA or NuminaMath, each with its own names for them."""

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import own_names, remaining, system_messages, text_field, tools_field
from mig_dagster.sources.formats.alpaca import question_of
from mig_dagster.sources.parsed import Format, Parsed, Record

_FIELDS = ("question", "context", "answer", "system", "tools")
# Pairs and not any two: beside a `solution`, an `answer` is the bare result.
_PAIRS = (
    ("question", "answer"),
    ("question", "response"),
    ("query", "response"),
    ("query", "answer"),
    ("problem", "solution"),
    ("input", "output"),
)
# What else a record may ask with; such a record is another format's, or nobody can tell.
_OTHER_PROMPTS = frozenset({"prompt", "instruction"})
_ALIASES = {"system_prompt": "system"}


def matches(record: Record) -> bool:
    """Return whether a question and an answer are there, under their own names or a common pair of others."""
    pair = _pair(record)
    return pair == _PAIRS[0] or (pair is not None and _OTHER_PROMPTS.isdisjoint(record))


def parse(record: Record) -> Parsed:
    """Return the question, with its `context` on lines of its own, as the user's turn and the answer after it."""
    record = own_names(record, _ALIASES)
    question, answer = _pair(record) or _PAIRS[0]
    messages = [
        *system_messages(record),
        Message("user", question_of(record, question, "context")),
        Message("assistant", text_field(record, answer)),
    ]
    used = (question, answer, "context", "system", "tools")
    return Parsed(messages, tools_field(record), remaining(record, used))


def _pair(record: Record) -> tuple[str, str] | None:
    return next((pair for pair in _PAIRS if pair[0] in record and pair[1] in record), None)


FORMAT = Format("question_answer", _FIELDS, matches, parse)
