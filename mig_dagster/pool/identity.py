"""Row ids and `meta` at the speed of reading: what `Conversation.row_id` and `canonical_json` return, by orjson."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson

from mig_dagster.conversation import Conversation, canonical_json

# What orjson writes as `canonical_json` does: it writes some floats and no large integers otherwise.
_SAME = {str, bool, type(None)}
_SAFE_INT = 1 << 53
_ASKED = b'{"messages":[{"content":'
_ANSWERED = b',"role":"user"},{"content":'
_END = b',"role":"assistant"}]}'


def row_id(conversation: Conversation) -> str:
    """Return what `conversation.row_id` returns, several times faster for conversations without tools and reasoning."""
    if conversation.tools is not None:
        return conversation.row_id
    turns = []
    for message in conversation.messages:
        if message.tool_calls is not None or message.reasoning_content is not None:
            return conversation.row_id
        turns.append({"content": message.content, "role": message.role})
    return _hash({"messages": turns})


def pair_ids(questions: Sequence[str], answers: Sequence[str]) -> list[str]:
    """Return the row ids of conversations that are a question and an answer each."""
    dumps = orjson.dumps
    return [
        blake2b(b"".join((_ASKED, dumps(asked), _ANSWERED, dumps(answer), _END)), digest_size=16).hexdigest()
        for asked, answer in zip(questions, answers, strict=True)
    ]


def meta_text(meta: dict[str, Any]) -> str:
    """Return what `canonical_json` returns."""
    if not meta:
        return "{}"
    for value in meta.values():
        kind = type(value)
        if kind not in _SAME and not (kind is int and -_SAFE_INT < value < _SAFE_INT):
            return canonical_json(meta)
    return orjson.dumps(meta, option=orjson.OPT_SORT_KEYS).decode()


def _hash(document: dict[str, Any]) -> str:
    return blake2b(orjson.dumps(document), digest_size=16).hexdigest()
