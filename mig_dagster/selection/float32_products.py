"""Products of float32 matrices: how far off they can be, and how to have torch make them no worse."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def relative_error(d: int) -> float:
    """Return how far a float32 product of two vectors of `d` numbers can be off, as a share of the product of lengths.

    It holds for vectors rounded to float32 first and summed in any order, on any device: (d + 2) roundings of 2 ** -24
    each (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and 6 to spare for one more sum and for
    comparing with a number that is itself rounded.
    """
    roundings = (d + 8) * 2.0**-24
    return roundings / (1 - roundings)


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Make products of float32 in float32, whatever shortcut (TF32, bfloat16) the process has allowed torch.

    Code that trains a model in the same process often allows one; `relative_error` would not hold.
    """
    settings: list[Any] = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]  # type: ignore[attr-defined]
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "ieee"
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value
