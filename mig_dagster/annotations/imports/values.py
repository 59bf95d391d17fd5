"""Numbers that came with a row, before they are believed."""

import ast
import json
import sys
from collections.abc import Sequence
from typing import Any

from mig_dagster.annotations.flags import Defect

LARGEST = sys.float_info.max


def is_finite(value: Any) -> bool:
    """Return whether a JSON value is a number that a float can hold; true and false are none."""
    # Compared, not converted: an integer may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def numbers(value: Any) -> list[float] | Defect | None:
    """Return one number, or a list of them, as a list.

    Returns:
        None for null; a `Defect` for an empty list, for anything but finite numbers, and where floats do not hold
        their sum.
    """
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    if not items or not all(map(is_finite, items)) or sum(map(abs, items)) > LARGEST:
        return Defect("invalid_import")
    return [float(item) for item in items]


def products(first: Sequence[float], second: Sequence[float]) -> list[float] | Defect:
    """Return the products of two lists turn by turn; a `Defect` where lengths differ or floats do not hold the sum."""
    if len(first) != len(second):
        return Defect("invalid_import")
    made = [a * b for a, b in zip(first, second, strict=True)]
    return made if sum(map(abs, made)) < LARGEST else Defect("invalid_import")


def opened(value: Any) -> Any:
    """Return the object that a text holds as JSON or as Python writes it, any other value as it is.

    Returns:
        A `Defect` where a text begins like an object and is none.
    """
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # all that it raises for texts of others
        return Defect("invalid_import")
