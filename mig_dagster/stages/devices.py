"""On which device models and selections run."""

from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.stages.pool_options import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS, EncoderOptions, PoolOptions


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


def sentence_encoder(options: EncoderOptions, device: str) -> SentenceEncoder:
    """Return a sentence encoder as its section asks for it.

    Args:
        options: the section.
        device: torch device, where the section names none.
    """
    device = options.device or device
    on_cpu = device == "cpu"
    return SentenceEncoder(
        options.model,
        options.revision,
        device,
        options.dtype or ("float32" if on_cpu else "float16"),
        options.batch_tokens or (CPU_BATCH_TOKENS if on_cpu else GPU_BATCH_TOKENS),
        options.max_tokens,
    )
