"""Weights in 8 or 4 bits, through bitsandbytes: a 7B model in 8 or 5 GB instead of 14."""

from importlib.util import find_spec
from typing import Any

from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models.specification import ModelSpec


def quantised(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments with which transformers quantises a model while it loads it.

    Raises:
        ModelError: the packages for it are not installed, or the device is no CUDA device.
    """
    import torch

    if torch.device(spec.device).type != "cuda":
        raise ModelError(
            f"quantisation={spec.quantisation!r} needs a CUDA device, got {spec.device!r}: leave quantisation out"
        )
    lacking = [name for name in ("bitsandbytes", "accelerate") if find_spec(name) is None]
    if lacking:
        raise ModelError(
            f"quantisation={spec.quantisation!r} needs {' and '.join(lacking)}: pip install {' '.join(lacking)}, or "
            "leave quantisation out"
        )
    return {"quantization_config": bits(spec), "device_map": {"": spec.device}}


def bits(spec: ModelSpec) -> Any:
    """Return transformers' words for `spec.quantisation`: LLM.int8(), or NF4 that computes in `spec.dtype`."""
    import torch
    from transformers import BitsAndBytesConfig

    make: Any = BitsAndBytesConfig
    if spec.quantisation == "int8":
        return make(load_in_8bit=True)
    return make(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, spec.dtype))
