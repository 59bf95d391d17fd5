"""Token counts by transformers, one row at a time, and random conversations."""

import json

import numpy as np
from transformers import AutoTokenizer

from mig_dagster.annotations.annotator import Row
from mig_dagster.conversation import Conversation, Message

TEXTS = [
    "The sea is wide.",
    "  42 \n",
    "为什么天空是蓝色的",
    "a\n\nb",
    "def f(x):\n    return x",
    "🌊",
    "x",
    "<think>",
    "né\u0301e ",
]
ENDS = ("<|im_end|>", "<|eot|>", "</s>")


def as_messages(conversation):
    messages = [message.as_dict() for message in conversation.messages]
    for message in messages:
        if "tool_calls" in message:
            message["tool_calls"] = json.loads(message["tool_calls"])
    return messages, None if conversation.tools is None else json.loads(conversation.tools)


def total(tokenizer, conversation):
    messages, tools = as_messages(conversation)
    return len(tokenizer.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=True)["input_ids"])


def masked(tokenizer, conversation):
    """Trained tokens as a template with {% generation %} says."""
    messages, tools = as_messages(conversation)
    found = tokenizer.apply_chat_template(
        messages, tools=tools, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    return sum(found["assistant_masks"])


def by_prefixes(tokenizer, conversation):
    """Trained tokens as a trainer finds them that renders a conversation turn by turn."""
    messages, tools = as_messages(conversation)
    text = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
    trained = np.zeros(len(text), bool)
    for turn, message in enumerate(messages):
        if message["role"] == "assistant":
            before = tokenizer.apply_chat_template(
                messages[:turn], tools=tools, tokenize=False, add_generation_prompt=True
            )
            until = tokenizer.apply_chat_template(messages[: turn + 1], tools=tools, tokenize=False)
            assert text.startswith(before)
            assert text.startswith(until)
            end = len(until.rstrip()) if until.rstrip().endswith(ENDS) else len(until)
            trained[len(before) : end] = True
    return over(tokenizer, text, trained)


def over(tokenizer, text, trained):
    """Return how many tokens of a text hold a trained character."""
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return sum(bool(trained[start:end].any()) for start, end in offsets)


def conversations(seed, n=25, tools=True):
    """Conversations of one to four turns, some with a system message, reasoning, tools, calls and their results."""
    rng = np.random.default_rng(seed)
    return [conversation(rng, tools and bool(rng.random() < 0.4)) for _ in range(n)]


def conversation(rng, tools):
    def text():
        return " ".join(rng.choice(TEXTS, rng.integers(1, 4)))

    messages = [Message("system", text())] if rng.random() < 0.4 else []
    for _ in range(rng.integers(1, 5)):
        messages.append(Message("user", text()))
        if tools and rng.random() < 0.6:
            call = {"type": "function", "function": {"name": "find", "arguments": {"q": text()}}}
            messages += [Message("assistant", "", tool_calls=json.dumps([call])), Message("tool", text())]
        messages.append(
            Message("assistant", text(), reasoning_content=text() if tools and rng.random() < 0.5 else None)
        )
    offered = json.dumps([{"type": "function", "function": {"name": "find", "parameters": {"q": "string"}}}])
    return Conversation(tuple(messages), offered if tools else None)


def rows_of(given):
    return [Row(f"{place}", each) for place, each in enumerate(given)]


def loaded(folder):
    return AutoTokenizer.from_pretrained(folder)
