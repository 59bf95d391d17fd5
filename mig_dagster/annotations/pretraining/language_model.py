"""A tokenizer and a causal language model, pre-trained on a pool's own texts.

Cherry LLM gives its model a "pre-experience" of the data that it is to score; here that is all the model ever sees.
"""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mig_dagster.annotations.models.loading import no_loading_bar
from mig_dagster.annotations.pretraining.perplexity import bytes_read, tokens_read, total_loss, unigram_loss
from mig_dagster.annotations.pretraining.report import TrainingReport
from mig_dagster.annotations.pretraining.sample import split_held_out
from mig_dagster.annotations.pretraining.settings import TrainingSettings
from mig_dagster.annotations.pretraining.tokenizer import EOS_ID, train_tokenizer
from mig_dagster.annotations.pretraining.training import Documents, OnTraining, new_model, train

LEAST_CHARACTERS = 2_000
"""Of training texts: our own choice. With less, a model learns little that a count of tokens does not know."""


def train_language_model(
    texts: Mapping[str, str],
    folder: Path,
    settings: TrainingSettings,
    progress: OnTraining | None = None,
) -> TrainingReport:
    """Train a tokenizer and a model and save them as a Hugging Face folder.

    On one machine and with one number of torch threads the same texts and settings give the same files, bit for bit,
    in whatever order the texts come; elsewhere sums are rounded in another order, and weights differ in their last
    bits. Everything is computed on the CPU in float32.

    Args:
        texts: the sample, row id -> text; texts that are empty or blank are left out, long ones cut.
        folder: where the files go; made when missing, and must be empty.
        settings: how.
        progress: called after each step.

    Returns:
        What it gave.

    Raises:
        ValueError: too little text, or the folder is not empty.
    """
    import torch

    started = time.monotonic()
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"folder {folder} is not empty: name one that is, or that does not exist")
    trained, held_out = _split(texts, settings)
    tokenizer = train_tokenizer(trained, settings.vocabulary)
    documents, held = _encoded(tokenizer, trained), _encoded(tokenizer, held_out)
    model = new_model(settings, len(tokenizer))
    losses, trained_tokens = train(model, documents, settings, progress)
    with no_loading_bar():
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
    loss, baseline = total_loss(model, held), unigram_loss(documents, held, len(tokenizer))
    tokens, read = tokens_read(held), bytes_read(tokenizer, held)
    return TrainingReport(
        conversations=len(trained),
        held_out=len(held_out),
        characters=sum(map(len, trained)),
        tokens=sum(map(len, documents)),
        vocabulary=len(tokenizer),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        steps=losses[-1][0],
        trained_tokens=trained_tokens,
        perplexity=math.exp(loss / tokens),
        unigram_perplexity=math.exp(baseline / tokens),
        byte_perplexity=math.exp(loss / read),
        unigram_byte_perplexity=math.exp(baseline / read),
        losses=losses,
        seconds=time.monotonic() - started,
        threads=torch.get_num_threads(),
    )


def _split(texts: Mapping[str, str], settings: TrainingSettings) -> tuple[list[str], list[str]]:
    """Return the texts to train on and those held out, cut, in the order of their ids."""
    kept = {row_id: text[: settings.longest_text] for row_id, text in sorted(texts.items()) if text.strip()}
    ids = list(kept)
    trained, held_out = split_held_out(ids, settings.held_out, settings.most_held_out)
    characters = sum(len(kept[ids[i]]) for i in trained)
    if characters < LEAST_CHARACTERS:
        raise ValueError(
            f"the pool has too little text for a language model of its own: {characters:,} characters in "
            f"{len(trained)} conversations to train on ({len(texts) - len(kept)} without text, {len(held_out)} held "
            f"out), expected at least {LEAST_CHARACTERS:,}: add sources, or name a model"
        )
    return [kept[ids[i]] for i in trained], [kept[ids[i]] for i in held_out]


def _encoded(tokenizer: Any, texts: Sequence[str]) -> Documents:
    # Longer than what the model reads in one piece is no mistake here: a document is cut into sequences.
    found = tokenizer(list(texts), add_special_tokens=True, verbose=False)["input_ids"]
    return [np.array([*ids, EOS_ID], dtype=np.int64) for ids in found]
