"""Which device models and selections run on, where the options file names none."""

import dagster as dg


class Gpu(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The accelerator, where there is one; the options file's `device` goes first.

    Attributes:
        device: `auto` (the first CUDA device, else the CPU), `cpu`, or a CUDA device such as `cuda:0`.
    """

    device: str = "auto"

    def model_device(self) -> str:
        """Return the device: `cpu` or `cuda:<n>`."""
        from mig_dagster.stages.devices import model_device

        return model_device(self.device)
