"""An entry of LLaMA-Factory's `dataset_info.json`, read as llamafactory 0.9.5 reads it (`data/parser.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SAFE_ENTRY: Mapping[str, Any] = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "system": "system", "tools": "tools"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "observation_tag": "tool",
        "function_tag": "function_call",
        "system_tag": "system",
    },
}
"""An entry that keeps every role, for a file with the columns `messages`, `system` and `tools`."""

_COLUMNS = {"messages": "conversations", "system": None, "tools": None}
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}


@dataclass(frozen=True)
class Entry:
    """What is read where, and which role is which; None where nothing is.

    Attributes:
        formatting: "sharegpt" or "openai".
        messages: the column of turns.
        system: the column of system prompts.
        tools: the column of tools.
        role_tag: the key of a turn's role.
        content_tag: the key of a turn's text.
        user_tag: the role of who asks.
        assistant_tag: the role of who answers.
        observation_tag: the role of a tool's result.
        function_tag: the role of a turn that calls tools.
        system_tag: the role of a system prompt.
        tool_format: of the template that is trained with, where it matters: "default".
    """

    formatting: str
    messages: str
    system: str | None
    tools: str | None
    role_tag: str
    content_tag: str
    user_tag: str | None
    assistant_tag: str | None
    observation_tag: str | None
    function_tag: str | None
    system_tag: str | None
    tool_format: str | None = None

    @property
    def roles(self) -> tuple[str | None, ...]:
        """Every role that is known."""
        return (self.user_tag, self.assistant_tag, self.observation_tag, self.function_tag, self.system_tag)


def entry_of(written: Mapping[str, Any]) -> Entry:
    """Read an entry: what `columns` or `tags` leave out is None once they are there at all.

    Raises:
        ValueError: the entry is of alpaca's formatting, or does not say where turns, roles and texts stand.
    """
    formatting = written.get("formatting", "alpaca")
    if formatting not in ("sharegpt", "openai"):
        raise ValueError(f"formatting must be 'sharegpt' or 'openai', got {formatting!r}: conversations need turns")
    columns, tags = written.get("columns", _COLUMNS), written.get("tags", _TAGS)
    named = {"messages": columns.get("messages"), **{tag: tags.get(tag) for tag in ("role_tag", "content_tag")}}
    absent = [name for name, value in named.items() if not value]
    if absent:
        raise ValueError(
            f"the entry names no {' and no '.join(absent)}, which LLaMA-Factory then takes for None: add it"
        )
    read = {name: columns.get(name) for name in _COLUMNS} | {name: tags.get(name) for name in _TAGS}
    return Entry(formatting, **read, tool_format=written.get("tool_format"))
