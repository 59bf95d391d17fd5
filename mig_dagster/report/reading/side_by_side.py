"""Two conversations that are duplicates of each other, turn by turn, so that a reader sees where they differ."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile, zip_longest

from mig_dagster.conversation import Conversation
from mig_dagster.report.reading.excerpts import TURN_CHARS, left_out, parts, visible

NORMALISATIONS: Mapping[str, Callable[[str], str]] = {
    "Unicode form": lambda text: unicodedata.normalize("NFKC", text),
    "letter case": str.lower,
    "white space": lambda text: re.sub(r"\s+", " ", text).strip(),
}
"""What normalised duplicates may differ in, and how each difference goes; in the order of the pool's own rule."""

BEFORE = 200
"""Characters shown of a long text before the two begin to differ."""

AROUND = 16
"""Characters shown on both sides of the first difference."""

SHOWN_TURNS = 12
NOTHING = "[nothing]"
_SPACES = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥", "\u00a0": "⍽"})


def differences(removed: Conversation, kept: Conversation) -> list[str]:
    """Return which `NORMALISATIONS` it takes to make what two conversations say equal; none for exact duplicates."""
    left, right = ([message.content for message in each.messages] for each in (removed, kept))
    if left == right:
        return []
    return [name for name in NORMALISATIONS if _normalised(left, without=name) != _normalised(right, without=name)]


def first_difference(removed: Conversation, kept: Conversation) -> str:
    """Return what stands where two conversations begin to differ, white space and code points made visible; or ""."""
    for (_, text), (_, kept_text) in zip_longest(parts(removed), parts(kept), fillvalue=("", "")):
        if text != kept_text:
            at = _common(text, kept_text)
            return f"removed {_around(text, at)}, kept {_around(kept_text, at)}"
    return ""


def side_by_side(removed: Conversation, kept: Conversation, most: int = TURN_CHARS) -> list[tuple[str, str]]:
    """Return turns to read: one for what both say, two where they differ, long texts cut to where they do.

    Args:
        removed: the one that was left out.
        kept: the one that stands for it.
        most: characters of each text.
    """
    turns: list[tuple[str, str]] = []
    pairs = list(zip_longest(parts(removed), parts(kept), fillvalue=("", "")))
    for (role, text), (kept_role, kept_text) in pairs[:SHOWN_TURNS]:
        if (role, text) == (kept_role, kept_text):
            turns.append((f"{role}, the same in both", _from(text, 0, most)))
        else:
            start = max(0, _common(text, kept_text) - BEFORE) if max(len(text), len(kept_text)) > most else 0
            turns.append((f"{role or kept_role}, removed", _from(text, start, most)))
            turns.append((f"{kept_role or role}, kept", _from(kept_text, start, most)))
    if len(pairs) > SHOWN_TURNS:
        turns.append(("", left_out(len(pairs) - SHOWN_TURNS, "turns")))
    return turns


def _from(text: str, start: int, most: int) -> str:
    """Return a part of a text, and how much is left out before and after it."""
    shown, rest = visible(text[start : start + most]), len(text) - start - most
    before = f"{left_out(start, 'characters')}\n" if start else ""
    return f"{before}{shown}" + (f"\n{left_out(rest, 'characters')}" if rest > 0 else "") or NOTHING


def _around(text: str, at: int) -> str:
    """Return some characters before and after a place, and the code point there."""
    shown = visible(text[max(0, at - AROUND) : at + AROUND].translate(_SPACES))
    return f"“{shown}” ({f'U+{ord(text[at]):04X}' if at < len(text) else 'its end'})"


def _common(left: str, right: str) -> int:
    """Return with how many equal characters two texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _normalised(texts: Sequence[str], without: str) -> list[str]:
    for name, normalise in NORMALISATIONS.items():
        texts = texts if name == without else [normalise(text) for text in texts]
    return list(texts)
