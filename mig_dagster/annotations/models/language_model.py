"""A causal language model over batches of token sequences: logits only where they are asked for.

Sequences are padded on the right under a mask, so that neither the padding nor the company of other sequences changes
what is said of one, beyond the rounding of the dtype. The head, the largest matrix of a small model, runs on the
positions asked for alone, and losses are taken from float32.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.models.padded import TokenIds
from mig_dagster.annotations.models.pretrained import PretrainedModel
from mig_dagster.annotations.models.specification import ModelSpec

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]

_LOGITS_AT_ONCE = 1 << 26  # entries of a block of float32 logits: 256 MB


class CausalLanguageModel(PretrainedModel):
    """A causal language model of transformers, loaded at first use.

    Args:
        spec: which model, and how.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, "AutoModelForCausalLM")

    def next_token_logits(self, sequences: Sequence[TokenIds], token_ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the logits of some tokens as the next one after each sequence, one batch, one forward pass.

        Args:
            sequences: n sequences of 1 to `limit` token ids.
            token_ids: the c tokens asked about.

        Returns:
            (n, c) float32.
        """
        import torch

        with torch.inference_mode():
            hidden, mask = self._hidden(sequences)
            last = mask.sum(dim=1) - 1
            at_end = hidden[torch.arange(len(sequences), device=hidden.device), last]
            logits = self._head(at_end)[:, list(token_ids)].float()
        result: npt.NDArray[np.float32] = logits.cpu().numpy()
        return result

    def losses(self, sequences: Sequence[TokenIds], targets: Sequence[Sequence[bool]]) -> list[Floats]:
        """Return the cross-entropy of the target tokens of each sequence, one batch, one forward pass.

        Args:
            sequences: n sequences of 1 to `limit` token ids.
            targets: per sequence, which of its tokens are scored; the first token of a sequence is never predicted, so
                it cannot be one.

        Returns:
            Per sequence the natural-log losses of its targets in order, float64, taken from float32 log-softmax.
        """
        import torch

        with torch.inference_mode():
            hidden, mask = self._hidden(sequences)
            wanted = torch.zeros(mask.shape, dtype=torch.bool)
            for i, chosen in enumerate(targets):
                wanted[i, : len(chosen)] = torch.tensor(chosen, dtype=torch.bool)
            if bool(wanted[:, 0].any()):
                raise ValueError("targets must not hold the first token of a sequence: nothing predicts it")
            rows, columns = wanted.to(mask.device).nonzero(as_tuple=True)
            ids = self.padded(sequences)[0][rows, columns]
            parts = [
                -torch.log_softmax(self._head(hidden[rows[part], columns[part] - 1]).float(), dim=-1)
                .gather(1, ids[part, None])
                .squeeze(1)
                for part in self._blocks(len(ids))
            ]
            found = torch.cat(parts).double().cpu().numpy() if parts else np.empty(0)
        counts = [int(sum(chosen)) for chosen in targets]
        return np.split(found, np.cumsum(counts)[:-1])

    def hidden_states(self, sequences: Sequence[TokenIds]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the last layer's hidden states (n, longest, d) and the mask (n, longest), on the device."""
        import torch

        with torch.inference_mode():
            return self._hidden(sequences)

    def _hidden(self, sequences: Sequence[TokenIds]) -> "tuple[torch.Tensor, torch.Tensor]":
        ids, mask = self.padded(sequences)
        return self.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state, mask

    def _head(self, hidden: "torch.Tensor") -> "torch.Tensor":
        logits: torch.Tensor = self.model.get_output_embeddings()(hidden)
        return logits

    def _blocks(self, n: int) -> "Iterator[slice]":
        size = max(1, _LOGITS_AT_ONCE // int(self.model.config.get_text_config().vocab_size))
        return (slice(start, start + size) for start in range(0, n, size))
