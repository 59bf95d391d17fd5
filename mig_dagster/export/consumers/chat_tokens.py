"""How many tokens a conversation has under a tokenizer and its own chat template, and which are the assistant's."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mig_dagster.annotations.model_files import find_model
from mig_dagster.annotations.models import ModelSpec
from mig_dagster.annotations.models.loading import load_tokenizer
from mig_dagster.export.consumers.findings import Finding

Turns = Sequence[Mapping[str, Any]]
_STAND_IN = "zqxj"
"""Put in the place of a turn to find it in the rendered text; no text begins or ends so."""


@dataclass(frozen=True)
class ChatTokens:
    """A rendered conversation.

    Attributes:
        total: its tokens.
        spans: half-open token ranges of the assistant's turns in order, each with the mark that ends the turn.
        altered: what the chat template leaves out or writes otherwise.
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
    """Renders conversations with a tokenizer's own chat template and counts their tokens.

    Args:
        tokenizer: of transformers, with a chat template.
        name: what it is called in results.

    Raises:
        ValueError: the tokenizer has no chat template, or cannot say where its tokens stand in a text.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        if not tokenizer.chat_template:
            raise ValueError(f"tokenizer {name!r} has no chat template: name that of the chat model you train")
        if not tokenizer.is_fast:
            raise ValueError(f"tokenizer {name!r} gives no positions of its tokens: name one with a tokenizer.json")
        self.name = name
        self._tokenizer = tokenizer
        self._marks = frozenset(tokenizer.all_special_ids)

    def __call__(self, turns: Turns, tools: Sequence[Any] | None) -> ChatTokens | Finding:
        """Render one conversation in the OpenAI form.

        Returns:
            Its tokens, or why the chat template takes no such conversation.
        """
        from jinja2 import TemplateError

        try:
            text = self._render(turns, tools)
        except (TemplateError, TypeError, KeyError, AttributeError, ValueError) as problem:
            return Finding("template_refuses", "stops", " ".join(str(problem).split())[:200])
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        spans = (self._tokens_in(span, encoded) for span in self._assistant_spans(text, turns, tools))
        return ChatTokens(len(encoded["input_ids"]), tuple(spans), tuple(_left_out(text, turns)))

    def _render(self, turns: Turns, tools: Sequence[Any] | None) -> str:
        rendered: str = self._tokenizer.apply_chat_template(list(turns), tools=tools or None, tokenize=False)
        return rendered

    def _assistant_spans(self, text: str, turns: Turns, tools: Sequence[Any] | None) -> Iterator[tuple[int, int]]:
        """Find each assistant's turn: the part of the text that changes when something else is said in its place."""
        for at, turn in enumerate(turns):
            if turn["role"] == "assistant":
                yield _changed(text, self._with_stand_in(turns, at, tools))

    def _with_stand_in(self, turns: Turns, at: int, tools: Sequence[Any] | None) -> str:
        from jinja2 import TemplateError

        plain = {"role": "assistant", "content": _STAND_IN}
        try:
            return self._render([*turns[:at], plain, *turns[at + 1 :]], tools)
        except (TemplateError, TypeError, KeyError, AttributeError, ValueError):
            # A template that asks for the call before each tool result: only the words are put aside.
            return self._render([*turns[:at], {**turns[at], "content": _STAND_IN}, *turns[at + 1 :]], tools)

    def _tokens_in(self, span: tuple[int, int], encoded: Mapping[str, Any]) -> tuple[int, int]:
        """Return the tokens over a range of characters, and the special token that directly follows it."""
        start, stop = span
        offsets, ids = encoded["offset_mapping"], encoded["input_ids"]
        first = next((i for i, (_, end) in enumerate(offsets) if end > start), len(offsets))
        last = next((i for i in range(first, len(offsets)) if offsets[i][0] >= stop), len(offsets))
        return first, last + (last < len(ids) and ids[last] in self._marks)


def load_chat_tokenizer(model: str, revision: str | None = None) -> ChatTokenizer:
    """Load a tokenizer from a folder or the Hugging Face Hub.

    Raises:
        ModelError: it cannot be had.
        ValueError: it has no chat template.
    """
    files = find_model(model, revision)
    return ChatTokenizer(load_tokenizer(ModelSpec(model, revision), files), f"{files.name} @ {files.revision}")


def _changed(text: str, other: str) -> tuple[int, int]:
    """Return the range of `text` between the beginning and the end that it shares with `other`."""
    shorter = min(len(text), len(other))
    start = next((i for i in range(shorter) if text[i] != other[i]), shorter)
    same = next((i for i in range(shorter - start) if text[-1 - i] != other[-1 - i]), shorter - start)
    return start, len(text) - same


def _left_out(text: str, turns: Turns) -> Iterator[Finding]:
    """Yield what was said and is not in the rendered text."""
    for at, turn in enumerate(turns, start=1):
        content = str(turn.get("content") or "").strip()
        if content and content not in text:
            yield Finding(
                "turn_ignored", "altered", f"turn {at} ({turn['role']}) is not in the text that is trained on"
            )
        reasoning = str(turn.get("reasoning_content") or "").strip()
        if reasoning and reasoning not in text:
            yield Finding("reasoning_ignored", "altered", f"the reasoning of turn {at} is not in the text")
        names = [str(call.get("function", call).get("name")) for call in turn.get("tool_calls") or ()]
        if any(name not in text for name in names):
            yield Finding("tool_calls_ignored", "altered", f"turn {at} calls {', '.join(names)}; the text does not")


def as_tools(tools: Any) -> list[Any] | None:
    """Return tools, or JSON text of them, as a list; None where there are none.

    Raises:
        ValueError: the text is not JSON, or not that of a list.
    """
    value = json.loads(tools) if isinstance(tools, str) and tools else tools
    if not value:
        return None
    if not isinstance(value, list):
        raise ValueError(f"expected a list of tools, got {type(value).__name__}")
    return value
