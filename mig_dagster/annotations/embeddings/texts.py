"""What of a row is embedded, by name."""

from collections.abc import Callable

from mig_dagster.conversation import Conversation

TEXTS: dict[str, Callable[[Conversation], str]] = {
    "instruction": lambda conversation: conversation.instruction,
    "conversation": lambda conversation: "\n".join(m.content for m in conversation.messages if m.content),
}
"""All user messages (QDIT), or all messages in order."""
