"""The real trainers, each in its own environment."""

import pytest

from tests.annotations.tokens.templates import CHATML, MARKS
from tests.e2e.conftest import require
from tests.e2e.consumers.environments import Unavailable, load, python_of
from tests.tiny_models import save_causal


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory):
    """A tiny model whose tokenizer has a chat template that knows tools and reasoning."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = save_causal(tmp_path_factory.mktemp("chat_model"), positions=4096)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS})
    tokenizer.eos_token = "<|im_end|>"
    # Axolotl shows its fields to templates that name the loop's variable so, as published ones do.
    tokenizer.chat_template = CHATML.replace("for m in", "for message in").replace("m.", "message.")
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def real(tmp_path):
    """Return a function that lets a trainer's own library load files: `real(name, cases)`."""

    def loaded(name, cases):
        try:
            python_of(name)
        except Unavailable as reason:
            require(False, str(reason))
        return load(name, tmp_path, cases)

    return loaded
