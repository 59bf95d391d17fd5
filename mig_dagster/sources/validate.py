"""What a parsed record must be to enter the pool; what can be mended is, and noted."""

import json
from typing import Any

from mig_dagster.conversation import Conversation, Message
from mig_dagster.sources.parsed import Parsed, attach
from mig_dagster.sources.reasons import Defect


def validate(parsed: Parsed) -> tuple[Conversation, dict[str, Any]]:
    """Return the conversation, which ends with an assistant turn, and its `meta`.

    Turns after the last answer are cut and kept in `meta["trailing_turns"]`.

    Raises:
        Defect: the record's own verdict, nobody asks, nobody answers, or a text is blank or holds U+0000.
    """
    if parsed.verdict is not None:
        raise parsed.verdict
    messages = parsed.messages
    meta = parsed.meta
    if not messages or messages[-1].role != "assistant":
        messages = _trimmed(messages, meta)
    asked = False
    for message in messages:
        if reason := _problem(message):
            raise Defect(reason, f"message {messages.index(message) + 1} of {len(messages)}")
        asked = asked or message.role == "user"
    if not asked:
        raise Defect("no_user_turn", _roles(messages))
    if parsed.extras:
        attach(meta, "message_extras", parsed.extras)
    return Conversation(tuple(messages), parsed.tools), meta


def _problem(message: Message) -> str | None:
    content = message.content
    if not content or content.isspace():
        if message.role == "user":
            return "empty_prompt"
        if message.role == "assistant" and not message.tool_calls:
            return "empty_answer"
    if "\0" in content or (message.reasoning_content and "\0" in message.reasoning_content):
        return "nul_character"
    return None


def _trimmed(messages: list[Message], meta: dict[str, Any]) -> list[Message]:
    last = max((index for index, message in enumerate(messages) if message.role == "assistant"), default=None)
    if last is None:
        user = any(message.role == "user" for message in messages)
        raise Defect("no_assistant_turn" if user else "no_user_turn", _roles(messages))
    attach(meta, "trailing_turns", [message.as_dict() for message in messages[last + 1 :]])
    return messages[: last + 1]


def _roles(messages: list[Message]) -> str:
    return f"the roles are {json.dumps([message.role for message in messages[:12]])}"
