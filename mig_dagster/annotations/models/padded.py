"""Token sequences as one rectangle: padded on the right, under a mask."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

TokenIds = Sequence[int] | npt.NDArray[np.integer]
"""Of one sequence; an int32 array takes an eighth of the memory of a list."""


def padded(
    sequences: Sequence[TokenIds], pad_id: int, device: "torch.device | str"
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return n sequences as token ids and mask, both (n, longest) int64, on a device.

    Args:
        sequences: at least one, none of them empty.
        pad_id: stands right of the shorter ones, where the mask is 0.
        device: where to.

    Raises:
        ValueError: there is no sequence, or one is empty.
    """
    import torch

    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    if not lengths.all() or not len(lengths):
        raise ValueError(f"sequences must be there and hold tokens, got {len(lengths)} of lengths {lengths.tolist()}")
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, np.int64)
    ids[mask] = np.fromiter(chain.from_iterable(sequences), np.int64, int(lengths.sum()))
    return to_device(torch.from_numpy(ids), device), to_device(torch.from_numpy(mask.astype(np.int64)), device)


def to_device(values: "torch.Tensor", device: "torch.device | str") -> "torch.Tensor":
    """Send values from the CPU to a device; to a GPU without waiting for it."""
    import torch

    if torch.device(device).type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
