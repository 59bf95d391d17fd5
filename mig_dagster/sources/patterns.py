"""Which of a store's files a path means: one file, a folder, or a pattern, without asking the store for each."""

import posixpath
import re
from collections.abc import Iterable

from fsspec.utils import glob_translate

_MARKS = frozenset("*?[")


def is_pattern(path: str) -> bool:
    """Return whether a path has the characters of a pattern."""
    return not _MARKS.isdisjoint(path)


def fixed_folder(path: str) -> str:
    """Return the folder above the first part of a pattern that is one; "" at the top."""
    fixed = path[: min(path.index(mark) for mark in _MARKS if mark in path)]
    return posixpath.dirname(fixed)


def matching(paths: Iterable[str], pattern: str) -> list[str]:
    """Return the paths that a pattern matches: `*` within one part, `**` over any number of them.

    Raises:
        ValueError: the pattern is none.
    """
    expression = re.compile(glob_translate(pattern))
    return [path for path in paths if expression.match(path)]


def below(paths: Iterable[str], folder: str) -> list[str]:
    """Return the paths in a folder at any depth; "" is the top."""
    return [path for path in paths if not folder or path.startswith(folder + "/")]


def is_hidden(path: str) -> bool:
    """Return whether a part of a path begins with a dot."""
    return "/." in "/" + path


def reading_order(path: str) -> str:
    """Return what paths are sorted by: the order of the origins that begin with them."""
    return path + ":"
