"""A tiny T5 with a tokenizer as T5's: pieces of words behind a mark, and `</s>` at the end of a text."""

import pytest

from mig_dagster.annotations.indicators.dialogue_questions import HISTORY, QUESTIONS
from tests.tiny_models import SAMPLE, VOCABULARY, save_t5


def save_t5_tokenizer(folder, answers=("Yes", "No")):
    """Train a tokenizer that writes each of `answers` as one piece."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    questions = [lead.replace(" </s> ", " ") for lead in [*QUESTIONS.values(), HISTORY]]
    tokenizer.train_from_iterator([*SAMPLE, *questions, *[*answers] * 50], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_unieval(tmp_path_factory):
    """A folder with a T5 of random weights that answers Yes or No in one token each."""
    folder = save_t5(tmp_path_factory.mktemp("unieval"))
    save_t5_tokenizer(folder)
    return folder
