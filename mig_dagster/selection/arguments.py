"""Checks on what callers hand to a selection method; every method reads its arguments through these."""

import math
import operator
import sys
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from mig_dagster.selection.base import Rows, Vector

LARGEST = sys.float_info.max


def check_whole(
    value: int, name: str, least: int | None = None, most: int | None = None, *, remedy: str = "pass a whole number"
) -> int:
    """Return `value` as an int of least..most.

    Args:
        value: an int or a numpy int; no bool.
        name: of the argument, for the message.
        least: the lowest allowed; None for no bound.
        most: the highest allowed; None for no bound.
        remedy: what to do where it is no whole number, for the message.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an int, got {value!r:.60}; {remedy}")
    if least is not None and value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}; raise it to {least} or more")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}; lower it to {most} or less")
    return int(value)


def check_number(
    value: float,
    name: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    remedy: str = "pass a number in this range",
) -> float:
    """Return `value` as a float, finite and in a range.

    Args:
        value: an int, a float or a numpy one; no bool.
        name: of the argument, for the message.
        least: the lowest allowed.
        above: what it must be above, instead of `least`.
        most: the highest allowed.
        remedy: what to do where it is out of range, for the message.

    Raises:
        TypeError: if it is no number.
        ValueError: if it is NaN, infinite or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {value!r:.60}; pass an int or a float")
    exact = value if isinstance(value, int) else float(value)  # a large int compares as it is; float32 has no LARGEST
    bounds = [
        ("at least", least, operator.ge),
        ("above", above, operator.gt),
        ("at most", most, operator.le),
    ]
    inside = all(bound is None or holds(exact, bound) for _, bound, holds in bounds)
    if inside and -LARGEST <= exact <= LARGEST:
        return float(exact)
    *said, last = "finite", *(f"{words} {bound:g}" for words, bound, _ in bounds if bound is not None)
    raise ValueError(f"{name} must be {', '.join(said)}{' and ' * bool(said)}{last}, got {value!s:.60}; {remedy}")


def check_k(k: int, n: int) -> int:
    """Return `k` as an int in 0..n.

    Raises:
        TypeError: if `k` is not a whole number.
        ValueError: if `k` is negative or greater than `n`.
    """
    k = check_whole(k, "k", 0, remedy="turn a share of the pool into rows first")
    if k > n:
        raise ValueError(f"k must be at most the {n} rows of the pool, got {k}; lower k to {n} or add rows")
    return k


def check_array(given: ArrayLike, name: str) -> NDArray[Any]:
    """Return `given` as an array of booleans, integers or floats, of any shape; the input is not changed.

    Objects become float64, None among them NaN. A mask would be lost, and text and complex numbers would turn into
    other numbers than meant, so these are refused.

    Args:
        given: numbers.
        name: of the argument, for the message.

    Raises:
        TypeError: if they are no real numbers, or masked.
        ValueError: if lists in it differ in length.
    """
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array, its mask would be lost; leave masked rows out of the pool")
    try:
        values = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, got lists of different lengths; make each as long") from error
    if values.dtype.kind == "O":
        wrong = next((each for each in values.flat if not isinstance(each, Real | Decimal | None)), None)
        if wrong is not None:
            raise TypeError(f"{name} must hold real numbers, got {wrong!r:.60}; convert them first")
        return np.array([_as_float(each) for each in values.flat], np.float64).reshape(values.shape)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got {values.dtype}; convert them first")
    return values


def _as_float(number: Any) -> float:
    if number is None:
        return math.nan
    if isinstance(number, int | Fraction) and not -LARGEST <= number <= LARGEST:
        return math.inf if number > 0 else -math.inf
    return float(number)


def check_scores(
    scores: ArrayLike,
    n: int | None = None,
    name: str = "quality_scores",
    remedy: str = "leave such rows out of the pool",
) -> Vector:
    """Return `scores` as float64 (n,), finite and at least 0; the input is not changed.

    Args:
        scores: one number for each row.
        n: rows of the pool; None where these scores say how many there are.
        name: of the argument, for the message.
        remedy: what to do about rows below 0, for the message.

    Raises:
        TypeError: as `check_array`.
        ValueError: naming the first row whose score is not allowed.
    """
    values = check_numbers(scores, n, name)
    wrong = np.flatnonzero(values < 0)
    if len(wrong):
        raise ValueError(
            f"{name} must be at least 0, got {values[wrong[0]]} at row {wrong[0]} ({len(wrong)} such rows); {remedy}"
        )
    return values


def check_numbers(numbers: ArrayLike, n: int | None, name: str) -> Vector:
    """Return `numbers` as float64 (n,), finite, of either sign; the input is not changed. Arguments as `check_scores`.

    Raises:
        TypeError: as `check_array`.
        ValueError: naming the first row whose number is not allowed.
    """
    with np.errstate(over="ignore"):  # of longer floats: infinities are refused below
        values = check_array(numbers, name).astype(np.float64, copy=False)
    if values.ndim != 1 or (n is not None and len(values) != n):
        rows = "row" if n is None else f"of the {n} rows"
        raise ValueError(f"{name} must have one number for each {rows}, got shape {values.shape}")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ValueError(
            f"{name} must be finite, got {values[wrong[0]]} at row {wrong[0]} ({len(wrong)} such rows); "
            "leave rows without a value out of the pool"
        )
    return values


def check_embeddings(row_embeddings: ArrayLike, n: int | None = None) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return `row_embeddings` as floats (n, d): float64 stays float64, all else becomes float32. Input is not changed.

    An empty list is no rows, of d = 0.

    Raises:
        TypeError: as `check_array`.
        ValueError: if it is no matrix, has another number of rows than `n`, or holds NaN or an infinity.
    """
    given = check_array(row_embeddings, "row_embeddings")
    with np.errstate(over="ignore"):  # of longer floats: infinities are refused below
        values = given if given.dtype in (np.float32, np.float64) else given.astype(np.float32)
    if values.shape == (0,):
        values = values.reshape(0, 0)
    if values.ndim != 2 or (n is not None and len(values) != n):
        rows = "n" if n is None else str(n)
        raise ValueError(f"row_embeddings must be a matrix of {rows} rows, got shape {values.shape}")
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"row_embeddings must be finite, got NaN or an infinity in row {wrong[0]} ({len(wrong)} such rows); "
            "leave rows without an embedding out of the pool"
        )
    return values


def check_strings(strings: Sequence[str], n: int | None, name: str) -> list[str]:
    """Return `strings` as a list of n str; empty ones are allowed.

    Raises:
        ValueError: if their number is not `n`. TypeError if one is no str.
    """
    if isinstance(strings, str):
        raise TypeError(f"{name} must be a list of str, got one str")
    values = list(strings)
    if n is not None and len(values) != n:
        raise ValueError(f"{name} must have one str for each of the {n} rows, got {len(values)}")
    wrong = next((row for row, value in enumerate(values) if not isinstance(value, str)), None)
    if wrong is not None:
        raise TypeError(f"{name} must hold str, got {values[wrong]!r:.60} at row {wrong}")
    return values


def check_rows(rows: ArrayLike, n: int) -> Rows:
    """Return `rows` as int64 (k,), each in 0..n - 1, repeated ones too.

    Raises:
        ValueError: if they are no list of integers or one is not a row of the pool.
    """
    chosen = check_array(rows, "rows")
    if chosen.size == 0:
        return np.empty(0, np.int64)
    if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
        raise ValueError(f"rows must be a list of pool indices, got {chosen.dtype} of shape {chosen.shape}")
    if chosen.min() < 0 or chosen.max() >= n:
        raise ValueError(f"rows must be in 0..{n - 1}, got {chosen.min()}..{chosen.max()}")
    return chosen.astype(np.int64)


def check_matrix(matrix: Any, name: str) -> Any:
    """Return `matrix` as it is when sparse, else as an array; of numbers, of any shape. It is not changed.

    Raises:
        TypeError: if it holds no real numbers, or is masked.
    """
    if not issparse(matrix):
        return check_array(matrix, name)
    sparse: Any = matrix
    if sparse.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got {sparse.dtype}; convert them first")
    return sparse
