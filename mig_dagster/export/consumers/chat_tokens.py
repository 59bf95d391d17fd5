"""How many tokens a conversation has under a tokenizer and its own chat template, and which are the assistant's."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.tokens import ChatText, RowTokenizer, Written
from mig_dagster.conversation import Conversation, embedded_json
from mig_dagster.export.consumers.findings import Finding


@dataclass(frozen=True)
class ChatTokens:
    """A rendered conversation.

    Attributes:
        total: its tokens.
        spans: half-open token ranges of the assistant's turns in order, each with the mark that ends the turn.
        altered: what the chat template leaves out.
    """

    total: int
    spans: tuple[tuple[int, int], ...]
    altered: tuple[Finding, ...] = ()

    @property
    def last(self) -> "ChatTokens":
        """The same conversation with the last answer alone as the assistant's."""
        return replace(self, spans=self.spans[-1:])

    def trained(self, limit: int | None = None) -> int:
        """Return how many tokens of the assistant's turns stand among the first `limit` tokens."""
        end = self.total if limit is None else limit
        return sum(max(0, min(stop, end) - start) for start, stop in self.spans)


class ChatTokenizer:
    """Renders conversations in a tokenizer's own chat template and counts their tokens.

    Args:
        tokenizer: by folder or Hub id.

    Raises:
        ValueError: it has no chat template.
        ModelError: it cannot be had.
    """

    def __init__(self, tokenizer: RowTokenizer) -> None:
        self.name = f"{tokenizer.files.name} @ {tokenizer.files.revision}"
        """The tokenizer's model and revision."""
        self._chat, self._pieces = ChatText(tokenizer.chat), tokenizer.pieces

    def __call__(self, conversations: Sequence[Conversation]) -> list[ChatTokens | Finding]:
        """Return the tokens of each conversation, or why the chat template takes no such one."""
        written = [self._chat(conversation) for conversation in conversations]
        texts = [each.text for each in written if isinstance(each, Written)]
        encodings = iter(self._pieces.encode_batch(texts, add_special_tokens=False))
        return [
            _refused(conversation)
            if isinstance(each, Defect)
            else _tokens(each, next(encodings), tuple(_left_out(each.text, conversation)))
            for each, conversation in zip(written, conversations, strict=True)
        ]


def _tokens(written: Written, encoding: Any, altered: tuple[Finding, ...]) -> ChatTokens:
    starts, stops = [start for start, _ in encoding.offsets], [stop for _, stop in encoding.offsets]
    spans = tuple((bisect_right(stops, start), bisect_left(starts, stop)) for start, stop in written.trained)
    return ChatTokens(len(encoding.offsets), spans, altered)


def _refused(conversation: Conversation) -> Finding:
    roles = ", ".join(message.role for message in conversation.messages[:8])
    return Finding("template_refuses", "stops", f"the chat template takes no conversation of the turns {roles}")


def _left_out(text: str, conversation: Conversation) -> Iterator[Finding]:
    """Yield what was said and is not in the rendered text."""
    for at, message in enumerate(conversation.messages, start=1):
        if message.content.strip() not in text:
            yield Finding("turn_ignored", "altered", f"turn {at} ({message.role}) is not in what the template writes")
        if (message.reasoning_content or "").strip() not in text:
            yield Finding(
                "reasoning_ignored", "altered", f"the reasoning of turn {at} is not in what the template writes"
            )
        names = _called(message.tool_calls)
        if any(name not in text for name in names):
            detail = f"turn {at} calls {', '.join(names)}, which is not in what the template writes"
            yield Finding("tool_calls_ignored", "altered", detail)


def _called(tool_calls: str | None) -> list[str]:
    calls = embedded_json(tool_calls or "[]")
    functions = [call.get("function", call) for call in calls if isinstance(call, dict)]
    return [str(function.get("name")) for function in functions if isinstance(function, dict)]
