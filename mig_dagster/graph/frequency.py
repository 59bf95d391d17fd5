"""How many rows carry each tag, and the first step of the normalisation: rare tags go."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence


def count_tags(rows: Iterable[Sequence[str]]) -> dict[str, int]:
    """Count the rows that carry each tag.

    A tag that a row repeats counts once. A blank tag says nothing and is left out.

    Args:
        rows: the tags of each row; a row may be empty.

    Returns:
        Rows per tag, in no particular order: what is built on it must not depend on the order of rows.

    Raises:
        TypeError: a row is a string instead of a list of strings, or a tag is not a string.
    """
    counts: Counter[str] = Counter()
    for position, row in enumerate(rows):
        if isinstance(row, str):
            raise TypeError(f"tags of row {position} are the string {row!r}; expected a list of strings, as [{row!r}]")
        counts.update(set(row))
    return without_blanks(counts)


def without_blanks(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of all tags that hold more than white space.

    Raises:
        TypeError: a tag is not a string.
    """
    for tag in counts:
        if not isinstance(tag, str):
            raise TypeError(f"tag {tag!r} is a {type(tag).__name__}; expected a string: drop nulls before counting")
    return {tag: count for tag, count in counts.items() if tag.strip()}


def frequent(counts: Mapping[str, int], min_count: int) -> dict[str, int]:
    """Return the tags that at least `min_count` rows carry.

    Raises:
        ValueError: `min_count` is below 1.
    """
    if min_count < 1:
        raise ValueError(f"min_count is {min_count}; expected at least 1, which keeps every tag")
    return {tag: count for tag, count in counts.items() if count >= min_count}
