"""Passages as tokens: which of them are scored, and what is cut off."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.ifd.passages import Answer, Passage

SPANS = ("offsets", "reference")
"""How the tokens of an answer are found.

"offsets": those that hold a character of it, by the tokenizer's own account. One that straddles the border between an
answer and what stands around it is scored, so that no character of an answer is left out; a template's marks behind an
answer are not scored. "reference": those from position `len(encode(text before the answer))` on, to the end of the
text (of a conversation's earlier answers: to `len(encode(text up to the answer's closing marks))`). They differ where
a token straddles the border, and by the closing marks.
"""


@dataclass(frozen=True, slots=True)
class Targets:
    """Tokens of one pass, and which of them are scored: one item of a model.

    Attributes:
        ids: (n,) int32.
        scored: (n,) bool; the first token is never, as nothing predicts it.
    """

    ids: npt.NDArray[np.int32]
    scored: npt.NDArray[np.bool_]

    @property
    def tokens(self) -> int:
        """How many tokens a pass reads."""
        return len(self.ids)

    @property
    def key(self) -> str:
        """32 hex digits of what is read and what is scored: items of equal keys have equal losses."""
        content = self.ids.astype("<i4").tobytes() + self.scored.tobytes()
        return blake2b(content, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """A passage as tokens, cut at a limit.

    Attributes:
        ids: at most as many as the limit.
        spans: [first, last) of each answer's tokens; empty (first = last) where it was cut off.
        cut: whether a token of an answer was cut off.
    """

    ids: npt.NDArray[np.int32]
    spans: tuple[tuple[int, int], ...]
    cut: bool

    def targets(self, spans: Sequence[tuple[int, int]] | None = None) -> Targets:
        """Return the tokens with those of `spans` scored, by default those of all answers."""
        scored = np.zeros(len(self.ids), dtype=np.bool_)
        for first, last in self.spans if spans is None else spans:
            scored[first:last] = True
        scored[:1] = False
        return Targets(self.ids, scored)


class Reader:
    """Reads passages with a tokenizer of transformers.

    Args:
        tokenizer: with `span="offsets"` a fast one.
        adds_special_tokens: whether the tokenizer adds its own marks.
        span: one of `SPANS`.

    Raises:
        ValueError: `span` is unknown, or asks for offsets of a tokenizer that has none.
    """

    def __init__(self, tokenizer: Any, adds_special_tokens: bool, span: str) -> None:
        if span not in SPANS:
            raise ValueError(f"span must be one of {', '.join(SPANS)}, got {span!r}")
        if span == "offsets" and not tokenizer.is_fast:
            raise ValueError(
                "span='offsets' needs a fast tokenizer, which says where in the text a token stands, and this model "
                "has none: use span='reference'"
            )
        self._tokenizer, self._special, self._span = tokenizer, adds_special_tokens, span

    def read(self, passages: Sequence[Passage], limits: Sequence[int]) -> list[Reading]:
        """Return passages as tokens, each cut at its limit as the tokenizer cuts (begin and end marks stay)."""
        if not passages:
            return []
        whole = self._encoded([passage.text for passage in passages])
        return [
            self._cut(passage, ids, offsets, limit)
            for passage, (ids, offsets), limit in zip(passages, whole, limits, strict=True)
        ]

    def _cut(self, passage: Passage, ids: list[int], offsets: Any, limit: int) -> Reading:
        spans = self._spans(passage, ids, offsets)
        if len(ids) <= limit:
            return Reading(np.array(ids, np.int32), spans, cut=False)
        [(ids, offsets)] = self._encoded([passage.text], limit)
        kept = self._spans(passage, ids, offsets)
        return Reading(np.array(ids, np.int32), kept, cut=_size(kept) < _size(spans))

    def _spans(self, passage: Passage, ids: list[int], offsets: Any) -> tuple[tuple[int, int], ...]:
        find = self._by_offsets if self._span == "offsets" else self._by_prefix
        return tuple(find(passage, answer, ids, offsets) for answer in passage.answers)

    def _by_offsets(self, passage: Passage, answer: Answer, ids: list[int], offsets: Any) -> tuple[int, int]:
        """Return the tokens with a character of the answer.

        Some tokenizers leave the spaces that begin a token out of its offsets: a token begins no later than where those
        before it end.
        """
        ends = offsets[:, 1]
        begins = np.minimum(offsets[:, 0], np.concatenate([[0], np.maximum.accumulate(ends)[:-1]]))
        inside = np.flatnonzero((ends > answer.start) & (begins < answer.end))
        return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (len(ids), len(ids))

    def _by_prefix(self, passage: Passage, answer: Answer, ids: list[int], offsets: Any) -> tuple[int, int]:
        first = min(self._length(passage.text[: answer.start]), len(ids))
        if answer.closed == len(passage.text):
            return first, len(ids)
        return first, max(first, min(self._length(passage.text[: answer.closed]), len(ids)))

    def _length(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=self._special, verbose=False)["input_ids"])

    def _encoded(self, texts: list[str], limit: int | None = None) -> list[tuple[list[int], Any]]:
        """Return ids and offsets (n, 2) of texts; without offsets where they are not asked for."""
        found = self._tokenizer(
            texts,
            add_special_tokens=self._special,
            truncation=limit is not None,
            max_length=limit,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_offsets_mapping=self._span == "offsets",
            verbose=False,  # that a text is longer than the model reads is dealt with here
        )
        if self._span == "reference":
            return [(ids, None) for ids in found["input_ids"]]
        offsets = (np.array(pairs, np.int64).reshape(-1, 2) for pairs in found["offset_mapping"])
        return list(zip(found["input_ids"], offsets, strict=True))


def _size(spans: Sequence[tuple[int, int]]) -> int:
    return sum(last - first for first, last in spans)
