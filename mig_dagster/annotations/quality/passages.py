"""Turns as a model reads them: whole, or cut so that what stands around them survives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.quality.turns import Turn


@dataclass(frozen=True, slots=True)
class Passage:
    """One sequence of tokens.

    Attributes:
        ids: at least one token id.
        truncated: whether a part of the text was left out.
        types: token type ids, where the model reads them.
    """

    ids: Sequence[int]
    truncated: bool = False
    types: Sequence[int] | None = None

    @property
    def tokens(self) -> int:
        """Its length."""
        return len(self.ids)


def cut_turn(turn: Turn, encode: Callable[[Turn], Passage], tokenizer: Any, limit: int) -> Passage | Defect:
    """Return a turn that is too long with as much of it as fits, cut from the right.

    The response is cut first, but not below half of the room that both have; then the instruction. So neither a long
    document in the instruction leaves nothing of the response, nor the other way round. The text is put together and
    tokenised anew around what is left, so that a cut text reads as a short one.

    Args:
        turn: a response of "" is none: then only the instruction is cut.
        encode: puts the text around a turn and tokenises it.
        tokenizer: a fast one, whose tokens of the parts alone say where to cut.
        limit: the most tokens of the passage.

    Returns:
        A passage of at most `limit` tokens; the defect `truncated` where no character of one of the two fits.
    """
    passage = encode(turn)
    while passage.tokens > limit:
        asked, answered = (_starts(part, tokenizer) for part in turn)
        room = len(asked) + len(answered) - (passage.tokens - limit)
        of_answered = min(len(answered), max(room - len(asked), room // 2))
        cut = _head(turn[0], asked, room - of_answered), _head(turn[1], answered, of_answered)
        if any(before and not after.strip() for before, after in zip(turn, cut, strict=True)):
            return Defect("truncated")
        turn = cut
        passage = encode(turn)
    return Passage(passage.ids, True, passage.types)


def _starts(text: str, tokenizer: Any) -> list[int]:
    """Return where each token of a text begins."""
    read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return [start for start, _ in read["offset_mapping"]]


def _head(text: str, starts: Sequence[int], keep: int) -> str:
    """Return a text up to its token number `keep`."""
    if keep >= len(starts):
        return text
    return text[: min(starts[keep], len(text) - 1)] if keep > 0 else ""
