"""A causal language model over batches of token sequences: logits only where they are asked for.

Sequences are padded on the right, whatever side the tokenizer says, so that neither the padding nor the company of
other sequences changes what is said of one, beyond the rounding of the dtype. The head, the largest matrix of a small
model, runs on the positions asked for alone where the architecture allows it (`traits.py`), and losses are taken from
float32.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.models.padded import TokenIds, to_device
from mig_dagster.annotations.models.pretrained import PretrainedModel
from mig_dagster.annotations.models.specification import ModelSpec
from mig_dagster.annotations.models.traits import Traits, last_hidden, traits_of

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]
Targets = Sequence[bool] | npt.NDArray[np.bool_]

_LOGITS_AT_ONCE = 1 << 26  # entries of a block of float32 logits: 256 MB


class CausalLanguageModel(PretrainedModel):
    """A causal language model of transformers, loaded at first use.

    Args:
        spec: which model, and how.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, "AutoModelForCausalLM")

    @cached_property
    def traits(self) -> Traits:
        """What may be left out with this architecture; loads the model."""
        return traits_of(self.model)

    def next_token_logits(self, sequences: Sequence[TokenIds], token_ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the logits of some tokens as the next one after each sequence, one batch, one forward pass.

        Args:
            sequences: n sequences of 1 to `limit` token ids.
            token_ids: the c tokens asked about.

        Returns:
            (n, c) float32.

        Raises:
            ValueError: there is no sequence, or one is empty or longer than `limit`.
        """
        import torch

        ids, mask = self.padded(sequences)
        rows, last = torch.arange(len(sequences), device=ids.device), mask.sum(dim=1) - 1
        with torch.inference_mode():
            found = self._run(ids, mask)
            logits = self._logits(found[rows, last])[:, list(token_ids)].float()
        result: npt.NDArray[np.float32] = logits.cpu().numpy()
        return result

    def losses(self, sequences: Sequence[TokenIds], targets: Sequence[Targets]) -> list[Floats]:
        """Return the cross-entropy of the target tokens of each sequence, one batch, one forward pass.

        Args:
            sequences: n sequences of 1 to `limit` token ids.
            targets: per sequence, which of its tokens are scored; the first token of a sequence is never predicted, so
                it cannot be one.

        Returns:
            Per sequence the natural-log losses of its targets in order, float64, taken from float32 log-softmax.

        Raises:
            ValueError: there is no sequence, one is empty or longer than `limit`, or its targets do not fit it.
        """
        import torch

        rows, columns, counts = _positions(sequences, targets)
        ids, mask = self.padded(sequences)
        row, column = (to_device(torch.from_numpy(at), ids.device) for at in (rows, columns))
        wanted = ids[row, column]
        with torch.inference_mode():
            found = self._run(ids, mask)
            parts = [
                torch.nn.functional.cross_entropy(
                    self._logits(found[row[part], column[part] - 1]).float(), wanted[part], reduction="none"
                )
                for part in self._blocks(len(rows))
            ]
            losses = torch.cat(parts).double().cpu().numpy() if parts else np.empty(0)
        return np.split(losses, np.cumsum(counts)[:-1])

    def hidden_states(self, sequences: Sequence[TokenIds]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the last layer's hidden states (n, longest, d) and the mask (n, longest), on the device.

        Raises:
            ValueError: there is no sequence, or one is empty or longer than `limit`.
        """
        import torch

        ids, mask = self.padded(sequences)
        with torch.inference_mode():
            return last_hidden(self.model, **self._inputs(ids, mask)), mask

    def _run(self, ids: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        """Return what `_logits` makes logits of, at each position: hidden states, or logits where those do not do."""
        if self.traits.head_alone:
            hidden: torch.Tensor = last_hidden(self.model, **self._inputs(ids, mask))
            return hidden
        logits: torch.Tensor = self.model(**self._inputs(ids, mask), use_cache=False).logits
        return logits

    def _logits(self, found: "torch.Tensor") -> "torch.Tensor":
        logits: torch.Tensor = self.model.get_output_embeddings()(found) if self.traits.head_alone else found
        return logits

    def _inputs(self, ids: "torch.Tensor", mask: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """Return the arguments of a pass; without a mask attention takes its fastest path."""
        return {"input_ids": ids} if self.traits.causal else {"input_ids": ids, "attention_mask": mask}

    def _blocks(self, n: int) -> Iterator[slice]:
        size = max(1, _LOGITS_AT_ONCE // int(self.config.get_text_config().vocab_size))
        return (slice(start, start + size) for start in range(0, n, size))


def _positions(
    sequences: Sequence[TokenIds], targets: Sequence[Targets]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the targets' sequences and places in them, and how many targets each sequence has."""
    lengths = np.fromiter(map(len, targets), np.int64, len(targets))
    if lengths.tolist() != list(map(len, sequences)):
        raise ValueError("targets must say of every token of every sequence whether it is one")
    flat = np.fromiter(chain.from_iterable(targets), np.bool_, int(lengths.sum()))
    starts = np.cumsum(lengths) - lengths
    rows = np.repeat(np.arange(len(targets)), lengths)[flat]
    columns = np.flatnonzero(flat) - starts[rows]
    if not columns.all():
        raise ValueError("targets must not hold the first token of a sequence: nothing predicts it")
    return rows, columns, np.bincount(rows, minlength=len(targets))
