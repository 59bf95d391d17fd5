"""Configurations, tokenizers and weights loaded as a `ModelSpec` asks, or one error that says what to do.

transformers goes on where weights are missing from a checkpoint: it makes them up at random and logs a line. Scores of
such a model are wrong without a sign, so that it is refused here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mig_dagster.annotations.model_files import ModelError, ModelFiles, unavailable
from mig_dagster.annotations.models.quantisation import quantised
from mig_dagster.annotations.models.specification import ModelSpec

if TYPE_CHECKING:
    import torch

_NAMED = 5  # weights named in an error
_PROBE = "The quick brown fox jumps over the lazy dog 0123456789"
_KNOWN = 8  # distinct tokens of _PROBE, our choice: with whole words there are 9 and the digits


def load_config(spec: ModelSpec, files: ModelFiles) -> Any:
    """Return the model's configuration.

    Raises:
        ModelError: it cannot be had.
    """
    from transformers import AutoConfig

    with explained(spec):
        return AutoConfig.from_pretrained(files.location, **_source(spec, files))


def load_tokenizer(spec: ModelSpec, files: ModelFiles) -> Any:
    """Return the model's tokenizer, which cuts texts from the right.

    Raises:
        ModelError: it cannot be had, or knows no tokens.
    """
    from transformers import AutoTokenizer

    with explained(spec):
        # Some tokenizers of chat models cut the beginning of a text: the answer of one that is too long would be kept.
        tokenizer = AutoTokenizer.from_pretrained(files.location, truncation_side="right", **_source(spec, files))
    known = set(tokenizer(_PROBE, add_special_tokens=False)["input_ids"]) - set(tokenizer.all_special_ids)
    if len(known) < _KNOWN:  # where there are no files of one, transformers makes one that knows nothing
        raise ModelError(f"model {spec.model!r} has no tokenizer. To go on: {_REMEDIES['tokenizer']}")
    return tokenizer


def load_model(spec: ModelSpec, files: ModelFiles, auto_class: str, unused: Sequence[str] = ()) -> Any:
    """Return a model in evaluation mode on its device.

    Args:
        spec: how it is run.
        files: where it is.
        auto_class: name of a class of transformers, such as "AutoModelForCausalLM".
        unused: beginnings of the names of weights that may be missing from the checkpoint.

    Raises:
        ModelError: it cannot be had, or its checkpoint lacks weights, or its attention or quantisation is not there.
        ValueError: the device is a CUDA device and there is none.
    """
    import torch
    import transformers

    check_device(spec.device)
    options: dict[str, Any] = {"dtype": getattr(torch, spec.dtype), "output_loading_info": True}
    options["ignore_mismatched_sizes"] = True  # told below, by name
    if spec.attention is not None:
        options["attn_implementation"] = spec.attention
    if spec.quantisation is not None:
        options |= quantised(spec)
    with explained(spec):
        model, info = getattr(transformers, auto_class).from_pretrained(
            files.location, **_source(spec, files), **options
        )
    _check_complete(spec, auto_class, info, tuple(unused))
    return _on_device(model, spec).eval()


def check_device(device: str) -> None:
    """Raise ValueError for a CUDA device that is not there."""
    import torch

    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {device!r} was asked for, but torch sees no CUDA device: use device='cpu'")


def _on_device(model: "torch.nn.Module", spec: ModelSpec) -> "torch.nn.Module":
    return model if spec.quantisation is not None else model.to(spec.device)  # quantised weights are there already


def _source(spec: ModelSpec, files: ModelFiles) -> dict[str, Any]:
    return {"revision": files.commit, "trust_remote_code": spec.trust_remote_code}


def _check_complete(spec: ModelSpec, auto_class: str, info: Mapping[str, Any], unused: tuple[str, ...]) -> None:
    missing = [name for name in info["missing_keys"] if not name.startswith(unused)]
    wrong = sorted([*missing, *(f"{name} (of another shape)" for name, *_ in info["mismatched_keys"])])
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise ModelError(
            f"the checkpoint of model {spec.model!r} lacks weights that {auto_class} needs: "
            f"{', '.join(wrong[:_NAMED])}{more}. They would be random and every score wrong: give a checkpoint that "
            "was trained for this use"
        )


@contextmanager
def explained(spec: ModelSpec) -> Iterator[None]:
    """Turn what transformers raises for a model that cannot be loaded into our error, and keep its bars silent."""
    from safetensors import SafetensorError

    with no_loading_bar():
        try:
            yield
        except (ImportError, KeyError, RuntimeError, TypeError, ValueError, SafetensorError) as problem:
            raise ModelError(_refusal(spec, problem)) from problem
        except OSError as problem:
            if Path(spec.model).expanduser().is_dir():
                raise ModelError(_refusal(spec, problem)) from problem
            raise unavailable(spec.model, spec.revision, problem) from problem


_REMEDIES = {
    "trust_remote_code": "its code lies beside its weights: read it, and set trust_remote_code=True if you trust it",
    "flash": "attention='flash_attention_2' needs a CUDA device and the package flash-attn: install it, or leave "
    "attention out",
    "scaled_dot_product_attention": "leave attention out, or set attention='eager'",
    "tokenizer": "save the tokenizer that the model was trained with into its folder (tokenizer.json and the like)",
    "out of memory": "free memory of the device, or take a smaller model, a shorter dtype or quantisation",
    "deserializing": "a file of weights is cut short or damaged: fetch it again",
    "no file named": "put the missing file into the folder",
    "model type": "upgrade transformers, or take another model",
}


def _refusal(spec: ModelSpec, problem: Exception) -> str:
    reason = " ".join(str(problem).split()) or type(problem).__name__
    remedy = next((text for word, text in _REMEDIES.items() if word in reason.lower()), "check the model's files")
    return f"transformers cannot load model {spec.model!r} ({reason[:300]}). To go on: {remedy}"


@contextmanager
def no_loading_bar() -> Iterator[None]:
    """Keep transformers' bar over weight tensors, which says nothing to a user, out of the caller's own progress."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
