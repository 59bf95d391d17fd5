"""Rule folding: tags that differ in case, punctuation or word endings only are one label."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache

_KEPT = ("L", "M", "N")  # letters, marks (without them Hindi or Thai words fall apart), numbers
_LOOSE_SIGN = re.compile(r"(?<![\w+#])[+#]+|[+#]+(?=\w)")


class _Specials(dict[int, str]):
    """A table for `str.translate` that blanks special characters and remembers each verdict."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kept = character in "+#" or unicodedata.category(character)[0] in _KEPT
        self[code] = character if kept else " "
        return self[code]


_SPECIALS = _Specials()


def fold(tag: str) -> str:
    """Return the form under which tags are compared.

    NFKC, lower case, special characters to spaces, white space collapsed, every word stemmed by NLTK's Porter stemmer.
    `+` and `#` that end a word stay: "c", "c++" and "c#" are three languages (a departure from the paper's rule). A tag
    of nothing but special characters keeps its characters, so that an emoji is not folded into the empty string.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tag).lower())
    words = _LOOSE_SIGN.sub(" ", text.translate(_SPECIALS)).split()
    if not words:
        return " ".join(text.split())
    return " ".join(_stem(word) for word in words)


def fold_groups(counts: Mapping[str, int]) -> dict[str, list[str]]:
    """Group tags by their folded form.

    Args:
        counts: rows per tag.

    Returns:
        Display name to all tags of its group. The display name is the group's most frequent tag, ties to the
        lexicographically first.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for tag in sorted(counts):
        groups[fold(tag)].append(tag)
    return {min(tags, key=lambda tag: (-counts[tag], tag)): tags for tags in groups.values()}


@cache
def _stem(word: str) -> str:
    return _stemmer()(word)


@cache
def _stemmer() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer  # takes a second to import

    stemmer = PorterStemmer()
    return lambda word: str(stemmer.stem(word, to_lowercase=False))
