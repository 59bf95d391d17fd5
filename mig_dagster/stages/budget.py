"""How many rows a budget such as `5%`, `50k` or `5000` asks for."""

import re
from fractions import Fraction

_BUDGET = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|k|m|)", re.IGNORECASE | re.ASCII)
_TOKENS = re.compile(r".*tok(ens?)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


def rows_of(budget: str, n: int) -> int:
    """Return the number of rows that `budget` means for a pool of `n` rows.

    A share is rounded down, but is at least one row of a pool that has any.

    Args:
        budget: rows (`5000`, `50k`, `1.5m`) or a share of the pool (`5%`, `0.5%`; above 0, at most 100).
        n: rows of the pool.

    Raises:
        ValueError: for anything else, token budgets included.
    """
    if _TOKENS.fullmatch(budget.strip()):
        raise ValueError(
            f"budget {budget!r} counts tokens: token budgets come later; give rows or a share, as 50k or 5%"
        )
    match = _BUDGET.fullmatch(budget.strip())
    if match is None:
        raise ValueError(f"budget {budget!r} is neither rows (5000, 50k) nor a share of the pool (5%)")
    number = Fraction(match["number"])
    if match["unit"] == "%":
        return _share(budget, number / 100, n)
    rows = number * _UNITS[match["unit"].lower()]
    if rows.denominator != 1:
        raise ValueError(f"budget {budget!r} is not a whole number of rows; a share is written with %, as 5%")
    return int(rows)


def _share(budget: str, share: Fraction, n: int) -> int:
    if not 0 < share <= 1:
        raise ValueError(f"budget {budget!r} must be above 0% and at most 100% of the pool")
    return min(n, max(1, int(share * n)))
