"""How many tokens texts have, in the tokenizer of a sentence encoder or a language model."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.conversation import Conversation

_AT_ONCE = 1_024  # texts; bounds the memory for token ids, of which only the numbers are kept


def all_text(conversation: Conversation) -> str:
    """Return all that a conversation says, reasoning and tool calls included, one part a line."""
    parts = (part for m in conversation.messages for part in (m.reasoning_content, m.content, m.tool_calls) if part)
    return "\n".join(parts)


class TokenCounter:
    """Counts tokens without the marks of a chat template, and without cutting long texts.

    A measure to compare subsets by: a trainer counts with its own model's tokenizer and template.

    Args:
        model: whose tokenizer counts; a language model itself is not loaded for it.

    Raises:
        ModelError: the model cannot be had.
    """

    def __init__(self, model: SentenceEncoder | CausalLanguageModel) -> None:
        self._model = model
        self.files = model.files
        """Where the tokenizer is from."""
        self.name = f"{model.files.name} @ {model.files.revision}"
        """The tokenizer's model and revision."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the tokens of each text, (n,); an empty text has none."""
        counts: list[int] = []
        for start in range(0, len(texts), _AT_ONCE):
            counts += self._count(list(texts[start : start + _AT_ONCE]))
        return np.array(counts, np.int64)

    def _count(self, texts: list[str]) -> list[int]:
        tokenizer = self._tokenizer
        if not callable(tokenizer):
            return [len(found.ids) for found in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        tokens = tokenizer(
            texts,
            add_special_tokens=False,
            truncation=False,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,  # that a text is longer than the model reads is the point
        )
        return [len(ids) for ids in tokens["input_ids"]]

    @cached_property
    def _tokenizer(self) -> Any:
        """The model's own; of a static embedding model, which carries a bare one, a copy that cuts and pads nothing."""
        found = self._model._model.tokenizer if isinstance(self._model, SentenceEncoder) else self._model.tokenizer
        if callable(found):
            return found
        copied = type(found).from_str(found.to_str())
        copied.no_truncation()
        copied.no_padding()
        return copied
