"""MTLD, the measure of textual lexical diversity: how many words in a row keep a text's type-token ratio up.

Paper       McCarthy & Jarvis 2010, "MTLD, vocd-D, and HD-D", Behavior Research Methods 42. The mean over both reading
            directions of words / factors; a factor ends where distinct words / words falls to the threshold, and what
            is left at the end counts as the part of a factor that its ratio has come down.
Reference   lexicalrichness 0.5.1 (InstructMining names it): threshold 0.72, a factor ends at <= 0.72, a text of words
            that are all different counts as one factor, so that its MTLD is its number of words.
Words       As there: lower case, digits and dashes deleted, punctuation and symbols between words. Departures: those
            of all of Unicode, not of ASCII alone, and each character of a script without spaces is a word.
Short texts A text without words has no value. Below some 100 words MTLD follows the length of the text.
"""

import unicodedata
from collections.abc import Iterable, Sequence

from mig_dagster.annotations.annotator import Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.indicators.rows import measure_by_rule
from mig_dagster.annotations.scoring import OnTokens

RULE_VERSION = "1"
THRESHOLD = 0.72
UNSPACED_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""How the Unicode names of their characters begin."""

_DELETED = "0123456789-\N{EN DASH}\N{EM DASH}"


class Mtld:
    """MTLD of a row's response, all of its answers taken together."""

    name = "mtld"

    @property
    def annotator(self) -> Annotator:
        """Who gives it."""
        return Annotator("mtld", "mtld", RULE_VERSION, parameters={"threshold": THRESHOLD, "text": "response"})

    def measure(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        """Return the MTLD of each row; flagged where its answers hold no word."""

        def rule(chunk: Sequence[Row]) -> list[float]:
            return [mtld(words_of(row.conversation.response)) for row in chunk]

        return measure_by_rule(self.name, self.annotator, rule, rows, cache)


def mtld(words: Sequence[str]) -> float:
    """Return the MTLD of a text, at least 1; NaN where it has no word."""
    if not words:
        return float("nan")
    return (len(words) / _factors(words) + len(words) / _factors(reversed(words))) / 2


def words_of(text: str) -> list[str]:
    """Return the words of a text as MTLD counts them."""
    return text.lower().translate(_WORDS).split()


def _factors(words: Iterable[str]) -> float:
    factors, count = 0.0, 0
    seen: set[str] = set()
    for word in words:
        count += 1
        seen.add(word)
        if len(seen) / count <= THRESHOLD:
            factors, count = factors + 1, 0
            seen.clear()
    if count:
        factors += (1 - len(seen) / count) / (1 - THRESHOLD)
    return factors or 1.0


class _WordTable(dict[int, str]):
    """What each character becomes, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _as_word(chr(code))
        return found


def _as_word(character: str) -> str:
    kind = unicodedata.category(character)
    if character in _DELETED:
        return ""
    if kind[0] in "PSZ" or kind == "Cc":
        return " "
    return f" {character} " if unicodedata.name(character, "").startswith(UNSPACED_SCRIPTS) else character


_WORDS = _WordTable()
