"""Which device models and selections run on."""

import dagster as dg


class Gpu(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The accelerator, where there is one.

    Attributes:
        device: `auto` (the first CUDA device, else the CPU), `cpu`, or a CUDA device such as `cuda:0`.
    """

    device: str = "auto"

    def model_device(self) -> str:
        """Return the device for models: `cpu` or `cuda:<n>`."""
        if self.device != "auto":
            return self.device
        import torch

        return "cuda:0" if torch.cuda.is_available() else "cpu"

    def selection_device(self) -> str | None:
        """Return the device for selection methods; None means their numpy engine."""
        device = self.model_device()
        return None if device == "cpu" else device
