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
        """Tokenise conversations together, then together the answers in them that are read."""
        passages = [self.template.conditioned(conversation) for conversation in conversations]
        readable = [passage for passage in passages if isinstance(passage, Passage)]
        readings = self._reader.read(readable, [self._limit] * len(readable))
        asked = [self._alone(*pair) for pair in zip(readable, readings, strict=True)]
        wanted = [one for row in asked if not isinstance(row, Defect) for one in row]
        alone = iter(self._reader.read([one.passage for one in wanted], [one.limit for one in wanted]))
        rows = iter(
            [
                row if isinstance(row, Defect) else self._row(reading, row, [next(alone) for _ in row])
                for reading, row in zip(readings, asked, strict=True)
            ]
        )
        return [passage if isinstance(passage, Defect) else next(rows) for passage in passages]

    def _alone(self, passage: Passage, reading: Reading) -> "list[_Alone] | Defect":
        """Return the answers that `reading` holds a token of, each alone."""
        found = []
        for answer, (first, last) in zip(passage.answers, reading.spans, strict=True):
            if last > first:
                alone = self.template.alone(passage.text[answer.start : answer.end])
                if isinstance(alone, Defect):
                    return alone
                found.append(_Alone(alone, self._budget(first), last - first))
        return found or Defect("truncated" if reading.cut else "not_predicted")

    def _budget(self, before: int) -> int:
        """Return the most tokens of an answer alone that has `before` tokens in front of it when it is conditioned."""
        extra = self.template.extra_tokens
        return self._limit if extra is None else min(self._limit, self._limit - before + extra)

    def _row(self, conditioned: Reading, asked: "list[_Alone]", alone: list[Reading]) -> RowItems | Defect:
        if self.template.drops_cut and self._too_long(conditioned, alone):
            return Defect("truncated")
        spans = [self._span(one, reading) for one, reading in zip(asked, alone, strict=True)]
        passes = tuple(reading.targets([span]) for reading, span in zip(alone, spans, strict=True))
        return RowItems(conditioned.targets(), passes, conditioned.cut)

    def _too_long(self, conditioned: Reading, alone: list[Reading]) -> bool:
        """Return whether an answer begins behind the limit, or does not fit into it as counted alone, or has no room.

        Cherry's `instruct_i_len + len_1 > max_length` and `len_1 <= 0`, data_by_IFD.py.
        """
        starts = [first for first, last in conditioned.spans if last > first]
        sizes = [last - first for reading in alone for first, last in reading.spans]
        return (
            any(first >= self._limit for first, _ in conditioned.spans)
            or any(start + size > self._limit for start, size in zip(starts, sizes, strict=True))
            or any(reading.cut and size == 0 for reading, size in zip(alone, sizes, strict=True))
        )

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
