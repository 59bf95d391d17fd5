import math

import numpy as np
import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.indicators import Mtld, UniEval, UniEvalModel, indicator_rows
from mig_dagster.annotations.indicators.dialogue_questions import QUESTIONS
from mig_dagster.annotations.indicators.unieval import AUTO_CLASS, share_of_yes
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models import ModelSpec, PretrainedModel
from mig_dagster.annotations.planning import PlanCache
from tests.annotations.indicators.conftest import save_t5_tokenizer
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row
from tests.tiny_models import save_t5

ROWS = [
    row(("Write a poem about the sea.", "The sea is wide and blue.")),
    row(("What is 17 + 25?", "42")),
    row(("Name a colour.", "Blue."), ("Why is the sky so?", "Because of Rayleigh scattering, 1 2 3 4 5 6. " * 5)),
]


def unieval(folder, **options):
    return UniEvalModel(PretrainedModel(ModelSpec(str(folder), **{"max_tokens": 1024, **options}), AUTO_CLASS))


def values(folder, name, rows, **options):
    measured = UniEval(name, unieval(folder, **options)).measure(rows, None, None)
    return measured.columns[name]


def one_at_a_time(folder, text):
    """As the reference asks: the softmax over all words for the first one of a target, nothing padded."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    yes, no = (tokenizer(word)["input_ids"][0] for word in ("Yes", "No"))
    read = tokenizer(text, max_length=1024, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        shares = torch.softmax(model(**read, labels=torch.tensor([[no]])).logits[0, 0], dim=0)
    return float(shares[yes] / (shares[yes] + shares[no]))


@pytest.mark.parametrize(
    ("logits", "share"),
    [
        ((0.0, 0.0), 0.5),
        ((math.log(3), 0.0), 0.75),
        ((5.0 + math.log(3), 5.0), 0.75),
        ((0.0, 2000.0), 0.0),
        ((2000.0, 0.0), 1.0),
    ],
)
def test_a_value_is_the_share_of_yes_among_yes_and_no(logits, share):
    assert share_of_yes(np.array([logits], np.float32)) == pytest.approx(share, abs=1e-7)


def test_a_logit_that_is_no_number_gives_none():
    assert np.isnan(share_of_yes(np.array([[np.nan, 0.0]], np.float32))).all()


QUESTION = {
    "nat": "question: Is this a natural response in the dialogue? </s> response: Blue.",
    "coh": "question: Is this a coherent response given the dialogue history? </s> response: Blue. "
    "</s> dialogue history: Hello\nHi!\nName a colour.",
    "und": "question: Is this an understandable response in the dialogue? </s> response: Blue.",
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_last_response_is_asked_about_as_unieval_asks(tiny_unieval, name):
    asked = row(("Hello", "Hi!"), ("Name a colour.", "Blue."))
    found = values(tiny_unieval, name, [asked])
    np.testing.assert_allclose(found, [one_at_a_time(tiny_unieval, QUESTION[name])], rtol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 100, 8192])
def test_batches_give_what_one_text_at_a_time_gives(tiny_unieval, batch_tokens):
    lead = QUESTIONS["coh"]
    texts = [
        f"{lead}The sea is wide and blue. </s> dialogue history: Write a poem about the sea.",
        f"{lead}42 </s> dialogue history: What is 17 + 25?",
        f"{lead}{'Because of Rayleigh scattering, 1 2 3 4 5 6. ' * 5} </s> dialogue history: "
        "Name a colour.\nBlue.\nWhy is the sky so?",
    ]
    found = values(tiny_unieval, "coh", ROWS, batch_tokens=batch_tokens)
    np.testing.assert_allclose(found, [one_at_a_time(tiny_unieval, text) for text in texts], rtol=1e-5)


def test_the_three_share_one_model_and_one_cache(tiny_unieval):
    files = MemoryFiles()
    model = unieval(tiny_unieval)
    first = indicator_rows(ROWS, [UniEval(name, model) for name in QUESTIONS], FragmentCache(files))
    assert first.flags == [None, None, None]
    assert all(((column > 0) & (column < 1)).all() for column in first.values.values())
    again = PretrainedModel(ModelSpec(str(tiny_unieval), max_tokens=1024), AUTO_CLASS)
    second = indicator_rows(ROWS, [UniEval(name, UniEvalModel(again)) for name in QUESTIONS], FragmentCache(files))
    assert "model" not in again.__dict__
    assert second.annotators == first.annotators
    for name in QUESTIONS:
        np.testing.assert_array_equal(second.values[name], first.values[name])


def test_a_plan_counts_what_would_be_asked_and_loads_no_weights(tiny_unieval):
    model, plan = PretrainedModel(ModelSpec(str(tiny_unieval), max_tokens=1024), AUTO_CLASS), PlanCache(MemoryFiles())
    asked = [UniEval(name, UniEvalModel(model)) for name in QUESTIONS]
    indicator_rows([*ROWS, row(("Who?", ""))], [Mtld(), *asked], plan)
    (missing,) = plan.taken().values()
    assert (missing.annotator, missing.items, missing.missing) == (asked[0].annotator, 9, 9)
    assert "model" not in model.__dict__


def decoded(folder, name, given, max_tokens):
    """What the model reads of a row, its special tokens aside."""
    from mig_dagster.annotations.indicators.dialogue_questions import question_about

    model = unieval(folder, max_tokens=max_tokens)
    [read] = model.encode([question_about(given.conversation, name)])
    assert read.tokens == max_tokens
    assert read.cut
    return model._model.tokenizer.convert_ids_to_tokens(read.ids)


def test_a_response_that_is_too_long_loses_its_end_as_in_the_reference(tiny_unieval):
    given = row(("Go on.", "the sea is wide and blue " * 9))
    found = decoded(tiny_unieval, "nat", given, 20)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_unieval)
    text = QUESTIONS["nat"] + given.conversation.response
    assert found == tokenizer.convert_ids_to_tokens(tokenizer(text, truncation=True, max_length=20)["input_ids"])


def test_a_history_that_is_too_long_loses_its_beginning(tiny_unieval):
    found = decoded(tiny_unieval, "coh", row(("wide " * 40 + "the sea is blue", "a poem")), 30)
    assert found[-5:] == ["▁the", "▁sea", "▁is", "▁blue", "</s>"]
    assert "▁a" in found
    assert "▁poem" in found


def test_response_and_history_that_are_both_too_long_share_the_room(tiny_unieval):
    found = decoded(tiny_unieval, "coh", row(("wide " * 40, "blue " * 40)), 30)
    wide, blue = found.count("▁wide"), found.count("▁blue")
    assert abs(wide - blue) <= 1
    assert wide > 3


def test_inputs_that_were_cut_are_counted_and_keep_their_value(tiny_unieval):
    given = [row(("Go on.", "the sea is wide and blue " * 9)), ROWS[1]]
    measured = UniEval("nat", unieval(tiny_unieval, max_tokens=30)).measure(given, None, None)
    assert measured.flags == [None, None]
    assert measured.counts == {"nat_truncated": 1}


def test_a_limit_below_the_question_itself_is_flagged(tiny_unieval):
    measured = UniEval("coh", unieval(tiny_unieval, max_tokens=12)).measure([ROWS[0]], None, None)
    assert measured.flags == ["truncated"]
    assert np.isnan(measured.columns["coh"]).all()


def test_what_cannot_be_asked_about_is_flagged_and_leaves_what_can(tiny_unieval):
    model = unieval(tiny_unieval)
    silent, unasked = row(("Who?", "")), row(("", "Me."))
    made = indicator_rows([silent, unasked, ROWS[1]], [UniEval("nat", model), UniEval("coh", model)])
    assert made.flags == ["empty_text", "empty_text", None]
    assert np.isnan(made.values["nat"]).tolist() == [True, False, False]
    assert np.isnan(made.values["coh"]).tolist() == [True, True, False]


def test_a_tokenizer_that_writes_an_answer_in_pieces_is_refused(tmp_path):
    folder = save_t5(tmp_path)
    save_t5_tokenizer(folder, answers=("Yes", "Ja"))
    with pytest.raises(ModelError, match=r"must write Yes and No as one token each.*MingZhong/unieval-dialog"):
        values(folder, "nat", ROWS)


def test_a_dimension_that_is_not_known_is_refused(tiny_unieval):
    with pytest.raises(ValueError, match="name must be one of nat, coh, und, got 'eng'"):
        UniEval("eng", unieval(tiny_unieval))


@pytest.mark.gpu
def test_a_gpu_gives_the_values_of_the_cpu(tiny_unieval):
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("needs a CUDA device")
    on_gpu = values(tiny_unieval, "coh", ROWS, device="cuda:0")
    np.testing.assert_allclose(on_gpu, values(tiny_unieval, "coh", ROWS), atol=1e-4)
