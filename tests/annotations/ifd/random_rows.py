"""Random conversations that scorers trip over."""

import numpy as np

from mig_dagster.annotations.annotator import Row
from mig_dagster.conversation import Conversation, Message

WORDS = [
    "tree",
    "sky",
    " ",
    "  ",
    "\n",
    "\n\n",
    "::",
    "a",
    "b)",
    "é",
    "蓝",
    "😀",
    "add(1, 2)",
    "\t",
    "It is",
    "?",
    "</s>",
]
OUTPUTS = ["yes", "7", " ", "\n", "\n\n\nyes", "::", " it is", "it is ", "蓝色", "😀", "e\u0301", "\u00e9", ": no", ""]


def text(draw, most=12):
    return "".join(draw.choice(WORDS, draw.integers(1, most)))


def output(draw):
    kind = draw.integers(4)
    if kind == 0:
        return str(draw.choice(OUTPUTS))
    return text(draw, 200 if kind == 1 else 20)


def single_turns(n, seed):
    """(instruction, output): also outputs that stand in the instruction, and rows that are too long in either part."""
    draw = np.random.default_rng(seed)
    made = []
    for i in range(n):
        instruction, answer = text(draw, 150 if i % 7 == 0 else 12), output(draw)
        made.append((instruction + answer + text(draw) if i % 3 == 0 else instruction, answer))
    return made


def conversations(n, seed):
    """Several turns, some of them empty, with system and tool messages and calls, in any order."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        roles = draw.choice(["user", "assistant", "assistant", "tool"], draw.integers(1, 7))
        messages = [Message("system", text(draw))] if draw.random() < 0.3 else []
        for role in roles:
            messages.append(Message(str(role), output(draw) if role == "assistant" else text(draw)))
        made.append(Conversation(tuple(messages)))
    return made


def rows(conversations):
    return [Row(conversation.row_id, conversation) for conversation in conversations]
