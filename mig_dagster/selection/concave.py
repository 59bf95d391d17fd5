"""The concave functions phi of MIG: what a label's information is worth, and what more of it adds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mig_dagster.selection.base import Vector


class Phi(Protocol):
    """A concave, increasing function of the information a label has."""

    def slope(self, known: float) -> float:
        """Return phi'(known)."""

    def gain(self, known: list[float], columns: Sequence[int], shares: Sequence[float]) -> float:
        """Return what `shares` added to `known` at `columns` gain, to a few units in the last place."""

    def gains(self, known: Vector, shares: Vector) -> Vector:
        """Return phi(known + shares) - phi(known) elementwise; any shape."""

    def ceiling(self) -> tuple[float, float]:
        """Return (c, p) with phi(share) - phi(0) <= c * share ** p for every share."""


@dataclass(frozen=True)
class Pow:
    """phi(x) = (x + floor) ** exponent, Eq. 13; the floor keeps phi'(0) finite.

    A difference of two powers loses digits once much is known, hence the `expm1` form.
    """

    exponent: float
    floor: float

    def slope(self, known: float) -> float:
        """Return phi'(known)."""
        slope: float = self.exponent * (known + self.floor) ** (self.exponent - 1.0)
        return slope

    def gain(self, known: list[float], columns: Sequence[int], shares: Sequence[float]) -> float:
        """Return the sum over `columns` of phi(known + share) - phi(known)."""
        exponent, floor, expm1, log1p = self.exponent, self.floor, math.expm1, math.log1p
        total = 0.0
        for column, share in zip(columns, shares, strict=True):
            base = known[column] + floor
            total += base**exponent * expm1(exponent * log1p(share / base))
        return total

    def gains(self, known: Vector, shares: Vector) -> Vector:
        """Return phi(known + shares) - phi(known) elementwise."""
        base = known + self.floor
        return base**self.exponent * np.expm1(self.exponent * np.log1p(shares / base))

    def ceiling(self) -> tuple[float, float]:
        """Return the bound x ** exponent: (x + a) ** b is at most x ** b + a ** b."""
        return 1.0, self.exponent


@dataclass(frozen=True)
class Exp:
    """phi(x) = 1 - exp(-rate * x): saturates at 1."""

    rate: float

    def slope(self, known: float) -> float:
        """Return phi'(known)."""
        return self.rate * math.exp(-self.rate * known)

    def gain(self, known: list[float], columns: Sequence[int], shares: Sequence[float]) -> float:
        """Return the sum over `columns` of phi(known + share) - phi(known)."""
        rate, exp, expm1 = self.rate, math.exp, math.expm1
        total = 0.0
        for column, share in zip(columns, shares, strict=True):
            total -= exp(-rate * known[column]) * expm1(-rate * share)
        return total

    def gains(self, known: Vector, shares: Vector) -> Vector:
        """Return phi(known + shares) - phi(known) elementwise."""
        return np.exp(-self.rate * known) * -np.expm1(-self.rate * shares)

    def ceiling(self) -> tuple[float, float]:
        """Return the bound 1: phi never exceeds it."""
        return 1.0, 0.0
