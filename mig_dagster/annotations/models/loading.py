"""Tokenizers and models loaded as a `ModelSpec` asks, or one error that says what to do."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mig_dagster.annotations.model_files import ModelError, ModelFiles, unavailable
from mig_dagster.annotations.models.specification import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator


def load_tokenizer(spec: ModelSpec, files: ModelFiles) -> Any:
    """Return the model's fast tokenizer, padding on the right.

    Raises:
        ModelError: it cannot be had.
    """
    from transformers import AutoTokenizer

    with _said(spec):
        tokenizer = AutoTokenizer.from_pretrained(
            files.location, revision=files.commit, trust_remote_code=spec.trust_remote_code
        )
    tokenizer.padding_side = "right"
    return tokenizer


def load_model(spec: ModelSpec, files: ModelFiles, auto_class: str) -> Any:
    """Return a model in evaluation mode on its device.

    Args:
        spec: how it is run.
        files: where it is.
        auto_class: name of a class of transformers, such as "AutoModelForCausalLM".

    Raises:
        ModelError: it cannot be had.
        ValueError: the device is a CUDA device and there is none.
    """
    import torch
    import transformers

    if torch.device(spec.device).type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {spec.device!r} was asked for, but torch sees no CUDA device: use device='cpu'")
    with _said(spec):
        model = getattr(transformers, auto_class).from_pretrained(
            files.location,
            revision=files.commit,
            trust_remote_code=spec.trust_remote_code,
            dtype=getattr(torch, spec.dtype),
            attn_implementation=spec.attention,
        )
    return model.to(spec.device).eval()


@contextmanager
def _said(spec: ModelSpec) -> "Iterator[None]":
    """Turn what transformers raises for a model that cannot be had into our error, and keep its bars silent."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    except ModelError:
        raise
    except OSError as problem:
        raise unavailable(spec.model, spec.revision, problem) from problem
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
