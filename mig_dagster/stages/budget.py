"""What a budget asks for: rows (`5000`, `50k`), a share of the pool (`5%`), or tokens (`20Mtok`, `5Mtrained`)."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

_BUDGET = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|k|m|)", re.IGNORECASE | re.ASCII)
_TOKENS = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>k|m|b|)\s*(?P<trained>trained)?\s*(?(trained)(tok(en)?s?)?|tok(en)?s?)",
    re.IGNORECASE | re.ASCII,
)
_NAMES_TOKENS = re.compile(r".*(tok(en)?s?|trained)", re.IGNORECASE | re.DOTALL)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}

WORDS = "Rows (5000, 50k), a share of the pool (5%), tokens (20Mtok) or trained tokens (5Mtrained)."
"""What a budget may be, for help texts."""


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """So many tokens.

    Attributes:
        tokens: at least 1.
        counted: the column of `token_counts` that is added up.
    """

    tokens: int
    counted: Literal["tokens", "trained_tokens"]


def tokens_of(budget: str) -> TokenBudget | None:
    """Return the tokens that `budget` asks for; None where it asks for rows or a share of them.

    Args:
        budget: `20Mtok`, `500k tokens` of all tokens; `5Mtrained`, `5M trained tokens` of those with a loss. k, M and b
            are a thousand, a million, a thousand millions, in any case.

    Raises:
        ValueError: it names tokens and no number of them.
    """
    if not _NAMES_TOKENS.fullmatch(budget.strip()):
        return None
    match = _TOKENS.fullmatch(budget.strip())
    tokens = Fraction(match["number"]) * _UNITS[match["unit"].lower()] if match else Fraction(0)
    if match is None or tokens < 1 or tokens.denominator != 1:
        raise ValueError(
            f"budget {budget!r} is no number of tokens: expected as 20Mtok or 500ktok for all tokens, 5Mtrained for "
            "those that are trained on; a share (5%) is always one of rows"
        )
    return TokenBudget(int(tokens), "trained_tokens" if match["trained"] else "tokens")


def check_budget(budget: str) -> None:
    """Refuse what is no budget before an hour of annotation.

    Raises:
        ValueError: it is none.
    """
    if tokens_of(budget) is None:
        rows_of(budget, 1)


def rows_of(budget: str, n: int) -> int:
    """Return the number of rows that `budget` means for a pool of `n` rows.

    A share is rounded down, but is at least one row of a pool that has any.

    Args:
        budget: rows (`5000`, `50k`, `1.5m`) or a share of the pool (`5%`, `0.5%`; above 0, at most 100).
        n: rows of the pool.

    Raises:
        ValueError: for anything else, token budgets included.
    """
    match = _BUDGET.fullmatch(budget.strip())
    if match is None:
        raise ValueError(
            f"budget {budget!r} is neither rows (5000, 50k) nor a share of the pool (5%) nor tokens (20Mtok, 5Mtrained)"
        )
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
