"""The weights of CaR's scorer as COMET lays them out, from a Lightning checkpoint or from safetensors.

| names in the checkpoint                                 | what                                          |
|---------------------------------------------------------|-----------------------------------------------|
| `encoder.model.` and a name of transformers' XLM-R      | the encoder, without a pooler                 |
| `layerwise_attention.scalar_parameters.0` to `.L`       | a logit for the embeddings and each of L layers |
| `layerwise_attention.gamma`                             | the scale of their mixture                    |
| `estimator.ff.0`, `.3`, `.6`, each `weight` and `bias`  | d -> 2d -> d -> 1; between them Tanh, dropout |

Layout: Unbabel/COMET @ 0b964e6, as CaR's `InstructionMetric` uses it (IronBeliever/CaR @ 3357044).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from mig_dagster.annotations.model_files import ModelError

if TYPE_CHECKING:
    import torch

WEIGHTS = "model.safetensors"

_ENCODER, _MIX, _HEAD = "encoder.model.", "layerwise_attention.", "estimator.ff."
_LINEAR = (0, 3, 6)
_UNREAD = (
    f"{_ENCODER}pooler.",  # no part of the score
    f"{_ENCODER}embeddings.position_ids",  # a constant that older versions of transformers stored
    f"{_MIX}dropout_",  # buffers of training
)
_NAMED = 5


@dataclass(frozen=True)
class IqsWeights:
    """The parts of the scorer.

    Attributes:
        encoder: by transformers' names.
        layers: (L + 1,) logits of the layers.
        gamma: scale of the mixture.
        head: (weight, bias) of the three linear maps.
    """

    encoder: Mapping[str, "torch.Tensor"]
    layers: "torch.Tensor"
    gamma: float
    head: "tuple[tuple[torch.Tensor, torch.Tensor], ...]"


def read_weights(path: Path, config: Any) -> IqsWeights:
    """Read the scorer's weights.

    Args:
        path: a Lightning checkpoint, or a folder that holds `WEIGHTS`.
        config: of the encoder.

    Raises:
        ModelError: the file cannot be read without running code of its own, or its weights are not those of the scorer.
    """
    return arranged(_safetensors(path / WEIGHTS) if path.is_dir() else _checkpoint(path), config, str(path))


def arranged(state: "Mapping[str, torch.Tensor]", config: Any, place: str) -> IqsWeights:
    """Return the parts of a state dict in the layout above.

    Raises:
        ModelError: weights are missing, left over, or of another shape.
    """
    import torch

    found = {name: tensor for name, tensor in state.items() if not name.startswith(_UNREAD)}
    expected = _shapes(config)
    faults = {
        "missing": sorted(expected.keys() - found.keys()),
        "unexpected": sorted(found.keys() - expected.keys()),
        "of another shape": sorted(
            f"{name} {tuple(found[name].shape)} for {shape}"
            for name, shape in expected.items()
            if name in found and tuple(found[name].shape) != shape
        ),
    }
    if any(faults.values()):
        told = "; ".join(f"{kind}: {_first(names)}" for kind, names in faults.items() if names)
        raise ModelError(
            f"{place} does not hold CaR's scorer over an encoder of {config.num_hidden_layers} layers and width "
            f"{config.hidden_size}: {told}. Give its checkpoint, and the encoder that it was trained on"
        )
    return IqsWeights(
        {name.removeprefix(_ENCODER): tensor for name, tensor in found.items() if name.startswith(_ENCODER)},
        torch.cat([found[f"{_MIX}scalar_parameters.{i}"] for i in range(config.num_hidden_layers + 1)]),
        float(found[f"{_MIX}gamma"]),
        tuple((found[f"{_HEAD}{i}.weight"].float(), found[f"{_HEAD}{i}.bias"].float()) for i in _LINEAR),
    )


def _shapes(config: Any) -> dict[str, tuple[int, ...]]:
    import torch
    from transformers import XLMRobertaModel

    with torch.device("meta"):
        encoder = XLMRobertaModel(config, add_pooling_layer=False)
    d = config.hidden_size
    shapes = {f"{_ENCODER}{name}": tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}
    shapes |= {f"{_MIX}scalar_parameters.{i}": (1,) for i in range(config.num_hidden_layers + 1)}
    for i, (width_in, width_out) in zip(_LINEAR, ((d, 2 * d), (2 * d, d), (d, 1)), strict=True):
        shapes |= {f"{_HEAD}{i}.weight": (width_out, width_in), f"{_HEAD}{i}.bias": (width_out,)}
    return shapes | {f"{_MIX}gamma": (1,)}


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _safetensors(path: Path) -> "dict[str, torch.Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights: dict[str, torch.Tensor] = load_file(path)
    except (OSError, SafetensorError) as problem:
        raise ModelError(f"{path} cannot be read ({problem}): convert the checkpoint again") from problem
    return weights


def _checkpoint(path: Path) -> Any:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, UnpicklingError) as problem:
        reason = str(problem).strip().splitlines()[0]
        raise ModelError(
            f"{path} cannot be read as plain weights ({reason}). If it is a Lightning checkpoint, convert it once and "
            f"give the folder: python -m mig_dagster.annotations.quality.convert_iqs {path} FOLDER"
        ) from problem
    return state_dict(content, path)


def state_dict(content: Any, path: Path) -> "dict[str, torch.Tensor]":
    """Return the weights of a Lightning checkpoint that was read.

    Raises:
        ModelError: it has none.
    """
    state = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise ModelError(f"{path} is no Lightning checkpoint: expected weights under the key 'state_dict'")
    return state
