"""OpenAssistant message trees: from the `prompt`, always the reply that people ranked first."""

from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import kind_of, remaining, text_field
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.turns import role_of

_FIELDS = ("prompt",)
_NODE = frozenset({"text", "role", "replies"})


def matches(record: Record) -> bool:
    """Return whether the prompt is a message with replies."""
    prompt = record.get("prompt")
    return isinstance(prompt, dict) and "replies" in prompt


def parse(record: Record) -> Parsed:
    """Return the path of lowest ranks; a reply without a rank comes after those with one, a deleted one never.

    Each message keeps its other columns, and in `other_replies` the branches that were not taken.

    Raises:
        Defect: among others `deleted_message` where the first message itself was deleted.
    """
    parsed = Parsed([], None, remaining(record, _FIELDS))
    node = record.get("prompt")
    if not isinstance(node, dict):
        text_field(record, "prompt")  # says that it is absent or null
        raise Defect("wrong_type", f"field 'prompt' is {kind_of(node)}, expected an object")
    if not _is_there(node):
        raise Defect("deleted_message", "the prompt was deleted or has no text")
    reply: Record | None = node
    while reply is not None:
        _add(parsed, reply)
        reply = _next(parsed, reply)
    return parsed


def _add(parsed: Parsed, node: Record) -> None:
    notes = {name: value for name, value in node.items() if name not in _NODE and value is not None}
    parsed.extras[str(len(parsed.messages))] = notes
    parsed.messages.append(Message(role_of(node.get("role")), text_field(node, "text")))


def _next(parsed: Parsed, node: Record) -> Record | None:
    replies = node.get("replies") or []
    if not isinstance(replies, list):
        raise Defect("wrong_type", f"replies are {kind_of(replies)}, expected a list")
    open_replies = [reply for reply in replies if isinstance(reply, dict) and _is_there(reply)]
    chosen = min(open_replies, key=_rank, default=None)
    others = [reply for reply in replies if reply is not chosen]
    if others:
        parsed.extras[str(len(parsed.messages) - 1)]["other_replies"] = others
    return chosen


def _is_there(node: Record) -> bool:
    return not node.get("deleted") and node.get("text") is not None


def _rank(reply: Record) -> tuple[bool, Any]:
    rank = reply.get("rank")
    return (False, rank) if isinstance(rank, int | float) else (True, 0)


FORMAT = Format("oasst", _FIELDS, matches, parse)
