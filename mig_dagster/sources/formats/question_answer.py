"""One `question` and its `answer`, as in GSM8K."""

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import optional_text, remaining, text_field
from mig_dagster.sources.parsed import Format, Parsed, Record

_FIELDS = ("question", "answer", "system")


def matches(record: Record) -> bool:
    """Return whether both are there."""
    return "question" in record and "answer" in record


def parse(record: Record) -> Parsed:
    """Return the question as the user's turn and the answer as the assistant's."""
    messages = [Message("user", text_field(record, "question")), Message("assistant", text_field(record, "answer"))]
    if system := optional_text(record, "system"):
        messages = [Message("system", system), *messages]
    return Parsed(messages, None, remaining(record, frozenset(_FIELDS)))


FORMAT = Format("question_answer", _FIELDS, matches, parse)
