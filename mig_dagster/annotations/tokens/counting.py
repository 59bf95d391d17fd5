"""From texts with trained parts to numbers of tokens, a batch of texts at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mig_dagster.annotations.tokens.written import Span, Written

Counts = NDArray[np.int64]


def count_tokens(tokenizer: Any, written: Sequence[Written]) -> tuple[Counts, Counts]:
    """Return how many tokens each text has, and how many of them hold a character that is trained.

    Args:
        tokenizer: of the library tokenizers; it neither cuts nor pads.
        written: texts; special tokens in them are read as such, and none are added.

    Returns:
        (n,) tokens and (n,) trained tokens, of which no row has more than tokens.
    """
    found = tokenizer.encode_batch([each.text for each in written], add_special_tokens=False)
    total = np.array([len(encoding) for encoding in found], np.int64)
    trained = [_trained(encoding, each.trained) for encoding, each in zip(found, written, strict=True)]
    return total, np.array(trained, np.int64)


def _trained(encoding: Any, spans: Sequence[Span]) -> int:
    """Return how many tokens hold a character of one of the spans; a token of two spans counts once."""
    count, done = 0, -1
    for start, end in spans:
        first = next((at for at in map(encoding.char_to_token, range(start, end)) if at is not None), None)
        if first is None:  # nothing but white space that the tokenizer drops
            continue
        last = next(at for at in map(encoding.char_to_token, range(end - 1, start - 1, -1)) if at is not None)
        last = _last_piece(encoding, last, end)
        count += max(0, last - max(first, done + 1) + 1)
        done = max(done, last)
    return count


def _last_piece(encoding: Any, token: int, end: int) -> int:
    """Return the last token that begins before `end`: a character of several bytes may be several tokens."""
    while token + 1 < len(encoding):
        characters = encoding.token_to_chars(token + 1)
        if characters is None or characters[0] >= end:
            break
        token += 1
    return token
