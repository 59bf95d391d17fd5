"""A conversation as one text with the parts that are trained on, and that text where there is no chat template."""

from dataclasses import dataclass

from mig_dagster.conversation import Conversation

Span = tuple[int, int]
"""Characters from the first up to, but without, the second."""


@dataclass(frozen=True, slots=True)
class Written:
    """A conversation as it is trained on.

    Attributes:
        text: all of it.
        trained: the parts of the text that the loss is computed on, ascending, without overlap.
        searched: assistant turns whose end was looked for, as the template writes them differently in what comes later.
    """

    text: str
    trained: tuple[Span, ...]
    searched: int = 0


def plain_text(conversation: Conversation) -> Written:
    """Return all that a conversation says, one part a line; the assistant's parts are trained.

    The text is that of `token_counts.all_text`.
    """
    parts: list[str] = []
    spans: list[Span] = []
    end = -1  # of the part before, and one for the line break
    for message in conversation.messages:
        for part in filter(None, (message.reasoning_content, message.content, message.tool_calls)):
            start, end = end + 1, end + 1 + len(part)
            parts.append(part)
            if message.role == "assistant":
                spans.append((start, end))
    return Written("\n".join(parts), tuple(spans))
