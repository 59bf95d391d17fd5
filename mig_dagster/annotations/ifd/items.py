"""What a model reads of a row: its answers after what came before them, and each answer alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.ifd.chat import Chat
from mig_dagster.annotations.ifd.passages import Passage
from mig_dagster.annotations.ifd.reading import Reader, Reading, Targets
from mig_dagster.annotations.ifd.templates import Alpaca, Plain, Template
from mig_dagster.conversation import Conversation

TEMPLATES = ("plain", "alpaca", "chat")
"""The texts and rules of Superfiltering, Cherry LLM and IterIT."""

_READ_AT_ONCE = 1024  # conversations; bounds the memory for Python lists of token ids


class Model(Protocol):
    """What is asked of a language model before any of its weights are."""

    @property
    def tokenizer(self) -> Any:
        """A tokenizer of transformers."""

    @property
    def limit(self) -> int:
        """The most tokens of a pass."""


@dataclass(frozen=True, slots=True)
class RowItems:
    """What is read of a row.

    Attributes:
        conditioned: its answers after what came before them.
        alone: each answer of which a token is read in `conditioned`.
        cut: whether a token of an answer was cut off.
    """

    conditioned: Targets
    alone: tuple[Targets, ...]
    cut: bool


class ItemReader:
    """Reads conversations as items.

    Args:
        model: its tokenizer and its limit are used, never its weights.
        template: one of `TEMPLATES`.
        span: one of `reading.SPANS`.

    Raises:
        ValueError: an argument is unknown, or the tokenizer lacks what it takes.
    """

    def __init__(self, model: Model, template: str, span: str) -> None:
        self.template = _template(template, model)
        self._reader = Reader(model.tokenizer, self.template.adds_special_tokens, span)
        self._limit = model.limit

    def read(self, conversations: Sequence[Conversation]) -> list[RowItems | Defect]:
        """Return the items of each row, or why it has none (`empty_output`, `truncated`, `template_refused`)."""
        starts = range(0, len(conversations), _READ_AT_ONCE)
        return [row for start in starts for row in self._read(conversations[start : start + _READ_AT_ONCE])]

    def _read(self, conversations: Sequence[Conversation]) -> list[RowItems | Defect]:
        passages = [self.template.conditioned(conversation) for conversation in conversations]
        readable = [passage for passage in passages if isinstance(passage, Passage)]
        found = iter(self._reader.read(readable, [self._limit] * len(readable)))
        rows = [passage if isinstance(passage, Defect) else (passage, next(found)) for passage in passages]
        answers = [[] if isinstance(row, Defect) else self._alone(*row) for row in rows]
        asked = [one for row in answers for one in row if isinstance(one, _Alone)]
        read = iter(self._reader.read([one.passage for one in asked], [one.limit for one in asked]))
        return [
            row
            if isinstance(row, Defect)
            else self._row(row[1], few, [next(read) for one in few if isinstance(one, _Alone)])
            for row, few in zip(rows, answers, strict=True)
        ]

    def _alone(self, passage: Passage, reading: Reading) -> "list[_Alone | Defect]":
        """Return the answers that `reading` holds a token of, each alone."""
        found: list[_Alone | Defect] = []
        for answer, (first, last) in zip(passage.answers, reading.spans, strict=True):
            if last > first:
                alone = self.template.alone(passage.text[answer.start : answer.end])
                found.append(alone if isinstance(alone, Defect) else _Alone(alone, self._budget(first), last - first))
        return found

    def _budget(self, before: int) -> int:
        """Return the most tokens of an answer alone that has `before` tokens in front of it when it is conditioned."""
        extra = self.template.extra_tokens
        return self._limit if extra is None else min(self._limit, self._limit - before + extra)

    def _row(self, reading: Reading, asked: "list[_Alone | Defect]", read: list[Reading]) -> RowItems | Defect:
        refused = next((one for one in asked if isinstance(one, Defect)), None)
        if refused is not None or not asked or (self.template.drops_cut and self._too_long(reading, read)):
            return refused or Defect("truncated")
        spans = [self._span(one, alone) for one, alone in zip(asked, read, strict=True) if isinstance(one, _Alone)]
        alone = tuple(reading.targets([span]) for reading, span in zip(read, spans, strict=True))
        return RowItems(reading.targets(), alone, reading.cut)

    def _too_long(self, conditioned: Reading, alone: list[Reading]) -> bool:
        """Return whether an answer begins behind the limit, or does not fit into it, as counted alone.

        Cherry's `instruct_i_len + len_1 > max_length`, data_by_IFD.py.
        """
        if len(alone) < len(conditioned.spans):
            return True
        sizes = [last - first for [(first, last)] in (reading.spans for reading in alone)]
        starts = [first for first, _ in conditioned.spans]
        return any(start + size > self._limit for start, size in zip(starts, sizes, strict=True))

    def _span(self, asked: "_Alone", reading: Reading) -> tuple[int, int]:
        """Return which tokens of an answer alone are scored."""
        [(first, last)] = reading.spans
        return (first, min(last, first + asked.tokens)) if self.template.extra_tokens is None else (first, last)


@dataclass(frozen=True, slots=True)
class _Alone:
    """An answer alone, the most tokens its text may have, and how many of its tokens are scored when conditioned."""

    passage: Passage
    limit: int
    tokens: int


def _template(name: str, model: Model) -> Template:
    if name not in TEMPLATES:
        raise ValueError(f"template must be one of {', '.join(TEMPLATES)}, got {name!r}")
    if name == "chat":
        return Chat(model.tokenizer)
    return Plain() if name == "plain" else Alpaca()
