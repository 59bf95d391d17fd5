"""Which device models and selections run on, and in which precision."""

from typing import Literal

import dagster as dg


class Gpu(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The accelerator, where there is one.

    Attributes:
        device: `auto` (the first CUDA device, else the CPU), `cpu`, or a CUDA device such as `cuda:0`.
        dtype: precision of models on a GPU; on the CPU they run in float32.
    """

    device: str = "auto"
    dtype: Literal["float32", "float16", "bfloat16"] = "float16"

    def model_device(self) -> str:
        """Return the device for models: `cpu` or `cuda:<n>`."""
        if self.device != "auto":
            return self.device
        import torch

        return "cuda:0" if torch.cuda.is_available() else "cpu"

    def model_dtype(self) -> str:
        """Return the precision that models run in on `model_device()`."""
        return "float32" if self.model_device() == "cpu" else self.dtype

    def selection_device(self) -> str | None:
        """Return the device for selection methods; None means their numpy engine."""
        device = self.model_device()
        return None if device == "cpu" else device
