"""The beginnings of conversations: one line each, to hover over."""

from mig_dagster.conversation import Conversation
from mig_dagster.report.reading.excerpts import visible


def head(conversation: Conversation, most: int = 90) -> str:
    """Return the beginning of what the user asks on one line; of all that is said where no user says anything.

    Args:
        conversation: any.
        most: characters; the last is an ellipsis where something is left out.
    """
    asked = conversation.instruction or "\n".join(message.content for message in conversation.messages)
    line = " ".join(asked[: 4 * most].split())
    return visible(line if len(line) <= most and len(asked) <= 4 * most else line[: most - 1].rstrip() + "…")
