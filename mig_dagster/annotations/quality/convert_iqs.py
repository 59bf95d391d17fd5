"""Make a folder of safetensors of a Lightning checkpoint of CaR's scorer: `python -m ... CHECKPOINT FOLDER`.

    python -m mig_dagster.annotations.quality.convert_iqs CHECKPOINT FOLDER [--encoder MODEL]

For checkpoints that `torch.load(weights_only=True)` refuses because Lightning stored objects beside the weights. FOLDER
gets the weights under their own names, and the encoder's configuration and tokenizer, so that it is all that the scorer
`iqs` needs.

What is executed of the file: a checkpoint is a pickle, a program that can call anything. This reads it with
`torch.load` through an unpickler that knows `collections.OrderedDict` and torch's own functions that put tensors
together, and puts an empty object in the place of everything else that the program names, without importing or calling
it. Neither Lightning nor COMET needs to be installed. Run it on files whose origin you know all the same.
"""

import argparse
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mig_dagster.annotations.model_files import ModelError, find_model
from mig_dagster.annotations.models.loading import load_config, load_tokenizer
from mig_dagster.annotations.models.specification import ModelSpec
from mig_dagster.annotations.quality.iqs import ENCODER
from mig_dagster.annotations.quality.iqs_checkpoint import WEIGHTS, arranged, state_dict

_KNOWN = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
}


def convert(checkpoint: Path, folder: Path, encoder: str = ENCODER) -> None:
    """Write a checkpoint's weights into a new folder, beside the encoder's configuration and tokenizer.

    Args:
        checkpoint: made by Lightning.
        folder: has no weights yet.
        encoder: folder or Hub id of the encoder that the scorer was trained on.

    Raises:
        ModelError: the weights are not those of CaR's scorer over this encoder, or the encoder cannot be had.
        FileExistsError: the folder has weights.
    """
    import torch
    from safetensors.torch import save_file

    if (folder / WEIGHTS).exists():
        raise FileExistsError(f"{folder / WEIGHTS} is there already: name a new folder")
    spec = ModelSpec(encoder)
    files = find_model(encoder)
    config, tokenizer = load_config(spec, files), load_tokenizer(spec, files)
    reader: Any = SimpleNamespace(Unpickler=_TensorUnpickler, __name__=__name__)
    content = torch.load(checkpoint, map_location="cpu", weights_only=False, pickle_module=reader)
    state = state_dict(content, checkpoint)
    arranged(state, config, str(checkpoint))
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in state.items()}, folder / WEIGHTS)


class _Nothing:
    """Stands for an object that was not put together: takes whatever a pickle does to one."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "_Nothing":
        return super().__new__(cls)

    def __call__(self, *args: Any, **kwargs: Any) -> "_Nothing":
        return self

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass


class _TensorUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(module, name) if (module, name) in _KNOWN else _Nothing


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="convert_iqs", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--encoder", default=ENCODER, metavar="MODEL", help=f"default: {ENCODER}")
    given = parser.parse_args(arguments)
    try:
        convert(given.checkpoint, given.folder, given.encoder)
    except (FileExistsError, ModelError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
