"""In which scripts a text is written, by the Unicode names of its letters."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

_BEGINNINGS: Mapping[str, str] = {
    "LATIN": "Latin",
    "CJK": "Han",
    "CYRILLIC": "Cyrillic",
    "ARABIC": "Arabic",
    "DEVANAGARI": "Devanagari",
    "HANGUL": "Hangul",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "GREEK": "Greek",
    "HEBREW": "Hebrew",
    "THAI": "Thai",
}
"""Script by the first word of the names of its letters."""

OTHER = "other"
"""Letters of any other script, and mathematical ones."""

NO_LETTERS = "no letters"
"""Instead of a script: only digits, punctuation and symbols."""

SCRIPTS = (*dict.fromkeys(_BEGINNINGS.values()), OTHER)
"""Scripts that are told apart."""


def letters_by_script(text: str) -> Counter[str]:
    """Return how many letters of each script a text has, scripts without a letter left out."""
    letters: Counter[str] = Counter()
    for character, times in Counter(text).items():
        if script := _script(character):
            letters[script] += times
    return letters


def main_script(letters: Mapping[str, int]) -> str:
    """Return the script of most letters, the first in `SCRIPTS` of equals.

    Args:
        letters: as `letters_by_script` returns them.
    """
    there = [script for script in SCRIPTS if letters.get(script)]
    return max(there, key=lambda script: letters[script], default=NO_LETTERS)


@lru_cache(maxsize=1 << 16)
def _script(character: str) -> str:
    """Return the script of a letter; "" of what is none."""
    if not unicodedata.category(character).startswith("L"):
        return ""
    name = unicodedata.name(character, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return _BEGINNINGS.get(name.replace("-", " ").split(" ")[0], OTHER)
