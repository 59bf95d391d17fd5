"""Texts as a model reads them: whole, or cut so that what stands after the content survives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mig_dagster.annotations.flags import Defect


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


def cut_to_fit(content: str, encode: Callable[[str], Passage], tokenizer: Any, limit: int) -> Passage | Defect:
    """Return a text that is too long with as much of its content as fits, cut from the right.

    The text is put together and tokenised anew around the shorter content, so that a cut text reads as a short one.

    Args:
        content: what may be cut.
        encode: puts the text around a content and tokenises it.
        tokenizer: a fast one, whose tokens of the content alone say where to cut.
        limit: the most tokens of the passage.

    Returns:
        A passage of at most `limit` tokens; the defect `truncated` where no character of the content fits.
    """
    passage = encode(content)
    while passage.tokens > limit:
        over = passage.tokens - limit
        spans = tokenizer(content, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        starts = [start for start, _ in spans["offset_mapping"]]
        content = content[: min(starts[-over], len(content) - 1)] if len(starts) > over else ""
        if not content.strip():
            return Defect("truncated")
        passage = encode(content)
    return Passage(passage.ids, True, passage.types)
