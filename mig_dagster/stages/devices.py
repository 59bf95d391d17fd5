"""On which device models and selections run."""

from mig_dagster.stages.pool_options import PoolOptions


def model_device(device: str) -> str:
    """Return a torch device; "auto" is the first CUDA device, else the CPU."""
    if device != "auto":
        return device
    import torch

    return "cuda:0" if torch.cuda.is_available() else "cpu"


def selection_device(options: PoolOptions) -> str | None:
    """Return where methods compute: None, their numpy engine, where that is a CPU."""
    device = model_device(options.device)
    return None if device == "cpu" else device
