import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.pretraining import train_language_model
from tests.annotations.pretraining.small_texts import SMALL, small_texts

ROOT = Path(__file__).resolve().parents[3]


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, train_language_model(small_texts(), folder, SMALL)


def test_it_is_a_folder_that_transformers_loads(trained):
    folder, report = trained
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert (str(model.dtype), model.config.model_type) == ("torch.float32", "llama")
    assert model.config.max_position_embeddings == AutoTokenizer.from_pretrained(folder).model_max_length == 2048
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model.config.vocab_size == report.vocabulary == 320


def test_it_scores_the_first_token_of_a_bare_answer(trained):
    folder, _ = trained
    loaded = CausalLanguageModel(ModelSpec(str(folder)))
    ids = loaded.tokenizer("the red fox").input_ids
    (losses,) = loaded.losses([ids], [[False, *[True] * (len(ids) - 1)]])
    assert len(losses) == len(ids) - 1


def test_the_report_says_how_much_better_it_is_than_counting(trained):
    _, report = trained
    assert report.better_than_unigram
    assert 1 < report.perplexity < report.unigram_perplexity / 2
    assert 1 < report.byte_perplexity < report.unigram_byte_perplexity < report.unigram_perplexity
    assert (report.conversations, report.held_out) == (114, 6)
    assert report.losses[-1][0] == report.steps == 60
    assert report.losses[-1][1] < report.losses[0][1]
    assert report.trained_tokens == 60 * 4 * 32
    assert json.loads(json.dumps(report.as_dict())) == report.as_dict()


def test_the_same_texts_give_the_same_bytes_in_any_order_and_in_another_process(trained, tmp_path):
    """Hashing of strings differs from process to process; it must not reach the files."""
    code = (
        "from pathlib import Path; import torch; torch.set_num_threads(int('{threads}'));"
        "from tests.annotations.pretraining.small_texts import SMALL, small_texts;"
        "from mig_dagster.annotations.pretraining import train_language_model;"
        "texts = dict(reversed(small_texts().items()));"
        "train_language_model(texts, Path('{folder}'), SMALL)"
    )
    folder, report = trained
    again = tmp_path / "again"
    subprocess.run([sys.executable, "-c", code.format(threads=report.threads, folder=again)], cwd=ROOT, check=True)
    assert digests(again) == digests(folder)


def test_another_seed_or_text_gives_another_model(trained, tmp_path):
    folder, _ = trained
    short = replace(SMALL, steps=2)
    train_language_model(small_texts(), tmp_path / "short", short)
    train_language_model(small_texts(), tmp_path / "seed", replace(short, seed=1))
    train_language_model(small_texts(seed=1), tmp_path / "texts", short)
    names = ("short", "seed", "texts")
    assert len({digests(tmp_path / name)["model.safetensors"] for name in names}) == 3
    assert digests(tmp_path / "seed")["tokenizer.json"] == digests(folder)["tokenizer.json"]  # no seed in counting


def test_a_text_of_any_length_is_cut_and_one_without_letters_left_out(tmp_path):
    texts = small_texts() | {"f" * 32: " \n ", "e" * 32: "word " * 100_000}
    report = train_language_model(texts, tmp_path / "model", replace(SMALL, steps=2, longest_text=500))
    assert report.conversations + report.held_out == 121
    assert report.characters < sum(map(len, small_texts().values())) + 500


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "too little text .* 0 characters in 0 conversations .* at least 2,000: add sources, or name a model"),
        (small_texts(5), r"characters in 4 conversations to train on \(0 without text, 1 held out\)"),
        ({"a" * 32: "x" * 9_000}, "0 characters in 0 conversations"),
        ({"a" * 32: "", "b" * 32: " "}, "2 without text"),
    ],
)
def test_a_pool_with_too_little_text_is_an_error_that_says_what_to_do(tmp_path, texts, message):
    with pytest.raises(ValueError, match=message):
        train_language_model(texts, tmp_path / "model", SMALL)


def test_a_folder_with_files_in_it_is_refused(tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(ValueError, match="is not empty: name one that is"):
        train_language_model(small_texts(), tmp_path, SMALL)
