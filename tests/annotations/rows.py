"""Rows for tests, from pairs of (instruction, response) and from xsample files."""

import json

from mig_dagster.annotations.annotator import Row
from mig_dagster.conversation import Conversation, Message


def row(*turns, **meta):
    """A row of (instruction, response) turns; everything else goes to its meta."""
    messages = [Message(role, text) for turn in turns for role, text in zip(("user", "assistant"), turn, strict=True)]
    conversation = Conversation(tuple(messages))
    return Row(conversation.row_id, conversation, meta)


def xsample_rows(path):
    """The rows of an xsample file whose lines are valid JSON, with their remaining columns as meta."""
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        messages = tuple(Message(turn["role"], turn["content"]) for turn in record.pop("dialogs"))
        conversation = Conversation(messages)
        rows.append(Row(conversation.row_id, conversation, record))
    return rows
