"""A byte-level BPE that is trained on texts and begins every text with <s>."""

from collections.abc import Iterable
from typing import Any

PAD, BOS, EOS = "<pad>", "<s>", "</s>"
PAD_ID, BOS_ID, EOS_ID = 0, 1, 2
POSITIONS = 2048
"""The longest text of the model in tokens."""
LEAST_FREQUENCY = 10
"""How often a piece of the vocabulary occurs, at least: nothing can be learned of those that a small pool has once."""


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """Return a fast tokenizer of transformers; the same texts in any order give the same one.

    It writes <s> in front of a text, so that a model predicts the first token of a bare answer. What looks like one of
    its special tokens inside a text (struck-out HTML is <s>) is read letter by letter.

    Args:
        texts: what its pieces are counted in.
        vocabulary: the most pieces, the three special tokens and the 256 bytes among them.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=LEAST_FREQUENCY,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, BOS_ID)]
    )
    tokenizer.encode_special_tokens = True
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        model_max_length=POSITIONS,
        split_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
