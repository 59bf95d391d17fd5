"""Where torch computes."""

import torch


def check_device(device: str) -> torch.device:
    """Return the torch device of that name.

    Args:
        device: "cpu", "cuda" or "cuda:<number>".

    Raises:
        ValueError: if it is none of these, or there is no such device.
    """
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise ValueError(f'device must be None, "cpu", "cuda" or "cuda:<number>", got {device!r}')
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {device!r} is not there, torch sees {torch.cuda.device_count()} CUDA devices; "
            "pass device=None to compute on the CPU"
        )
    return torch.device(device)
