"""Matrix products in float64, float32 and bfloat16: how far off they can be, and how to have torch keep to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def float32_error(d: int) -> float:
    """Return how far a float32 product of two vectors of `d` numbers can be off, as a share of the product of lengths.

    It holds for vectors rounded to float32 first and summed in any order, on any device: (d + 2) roundings of 2 ** -24
    each (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and 6 to spare for one more sum and for
    comparing with a number that is itself rounded.
    """
    return _error(d, 2.0**-24)


def float64_error(d: int) -> float:
    """Return the same for float64: for vectors that were rounded to it, by 2 ** -53, and summed in any order."""
    return _error(d, 2.0**-53)


def _error(d: int, rounding: float) -> float:
    roundings = (d + 8) * rounding
    return roundings / (1 - roundings)


def bfloat16_error(d: int) -> float:
    """Return the same for bfloat16: both vectors and the sum are rounded by up to 2 ** -8, the sum is made in float32.

    Half a rounding to spare, and twice the error of float32, as matrix units may cut off where others round.
    """
    return 3.5 * 2.0**-8 + 2 * float32_error(d)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware, several times as fast as float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Make products as precise as stated above, whatever shortcuts (TF32, autocast) the process has allowed torch.

    Code that trains a model in the same process often allows some.
    """
    cuda: Any = torch.backends.cuda.matmul
    cpu: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    exact = [
        (cuda, "fp32_precision", "ieee"),
        (cpu, "fp32_precision", "ieee"),
        (cuda, "allow_bf16_reduced_precision_reduction", False),
    ]
    before = [getattr(place, name) for place, name, _ in exact]
    try:
        for place, name, value in exact:
            setattr(place, name, value)
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for (place, name, _), value in zip(exact, before, strict=True):
            setattr(place, name, value)
