"""Ratios from given losses, and rows without a value."""

import math

import numpy as np
import pytest

from mig_dagster.annotations.annotator import Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.ifd import ifd_rows
from mig_dagster.annotations.ifd.answer_losses import AnswerLosses
from mig_dagster.annotations.ifd.templates import Alpaca
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.conversation import Conversation, Message
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row


class GivenLosses(CausalLanguageModel):
    """A model that says, of every token, the loss that it is told for a pass with and one without a question."""

    def __init__(self, folder, conditioned, alone):
        super().__init__(ModelSpec(str(folder)))
        self.given = (conditioned, alone)
        self.passes = 0

    def losses(self, sequences, targets):
        self.passes += len(sequences)
        question = self.tokenizer("?")["input_ids"][-1]
        return [
            np.full(sum(chosen), self.given[0 if question in ids else 1])
            for ids, chosen in zip(sequences, targets, strict=True)
        ]


@pytest.mark.parametrize(
    ("conditioned", "alone", "by_loss", "by_perplexity"), [(2.0, 2.5, 0.8, 0.606531), (0.3, 0.5, 0.6, 0.818731)]
)
def test_the_two_ratios_of_given_losses(tiny_llama, conditioned, alone, by_loss, by_perplexity):
    found = ifd_rows([row(("what?", "an answer"))], GivenLosses(tiny_llama, conditioned, alone)).values
    assert found["ifd_loss"][0] == pytest.approx(by_loss, abs=1e-12)
    assert found["ifd_ppl"][0] == pytest.approx(by_perplexity, abs=5e-7)
    assert found["ppl"][0] == pytest.approx(math.exp(conditioned), rel=1e-12)
    assert (found["loss_conditioned"][0], found["loss_alone"][0]) == (
        pytest.approx(conditioned, abs=1e-12),
        pytest.approx(alone, abs=1e-12),
    )


def test_the_two_ratios_rank_two_rows_oppositely(tiny_llama):
    first = ifd_rows([row(("what?", "an answer"))], GivenLosses(tiny_llama, 2.0, 2.5)).values
    second = ifd_rows([row(("what?", "an answer"))], GivenLosses(tiny_llama, 0.3, 0.5)).values
    assert first["ifd_loss"][0] > second["ifd_loss"][0]
    assert first["ifd_ppl"][0] < second["ifd_ppl"][0]


@pytest.mark.parametrize(
    ("losses", "flag"),
    [
        ((1.0, 0.0), "not_predicted"),
        ((math.nan, 1.0), "not_finite"),
        ((1.0, math.inf), "not_finite"),
        ((800.0, 1.0), "not_finite"),
    ],
)
def test_losses_without_a_ratio_leave_nulls_and_say_why(tiny_llama, losses, flag):
    found = ifd_rows([row(("what?", "an answer"))], GivenLosses(tiny_llama, *losses))
    assert found.flags == [flag]
    assert not np.isfinite(found.values["ifd_ppl"][0])
    assert found.partial


def conversation(*messages):
    made = Conversation(tuple(Message(role, text) for role, text in messages))
    return Row(made.row_id, made)


def test_rows_that_cannot_be_scored_say_why_and_the_others_are_not_touched_by_them(tiny_llama):
    model = CausalLanguageModel(ModelSpec(str(tiny_llama), max_tokens=64))
    rows = {
        "scored": row(("a question", "an answer")),
        "empty": row(("a question", "")),
        "no answer": conversation(("system", "be kind"), ("user", "a question")),
        "cut off entirely": row(("question " * 64, "an answer")),
        "partly cut off": row(("a question", "word " * 64)),
        "one token": row(("a question", "7")),
    }
    found = ifd_rows(rows.values(), model)
    assert dict(zip(rows, found.flags, strict=True)) == {
        "scored": None,
        "empty": "empty_output",
        "no answer": "empty_output",
        "cut off entirely": "truncated",
        "partly cut off": None,
        "one token": "not_predicted",
    }
    assert found.values["truncated"].tolist() == [0, 0, 0, 1, 1, 0]
    assert np.isnan(found.values["ifd_ppl"]).tolist() == [False, True, True, True, False, True]
    assert np.isfinite(found.values["ppl"]).tolist() == [True, False, False, False, True, True]
    [alone] = ifd_rows([rows["scored"]], model).values["ifd_ppl"]
    assert found.values["ifd_ppl"][0] == pytest.approx(alone, rel=1e-5)


def test_nothing_is_computed_twice(tiny_llama):
    """An answer of two rows is read alone once; a second run, and one with another limit, reads nothing."""
    model = GivenLosses(tiny_llama, 1.0, 2.0)
    cache = FragmentCache(MemoryFiles())
    rows = [row(("what?", "an answer")), row(("why?", "an answer")), row(("what?", "an answer"))]
    first = ifd_rows(rows, model, cache=cache)
    assert len(first.row_ids) == 2
    assert model.passes == 3
    shorter = GivenLosses(tiny_llama, 5.0, 5.0)
    shorter.spec = ModelSpec(str(tiny_llama), max_tokens=256)
    again = ifd_rows(rows, shorter, cache=cache)
    assert shorter.passes == 0
    np.testing.assert_array_equal(again.values["ifd_ppl"], first.values["ifd_ppl"])
    assert again.annotators != first.annotators


def test_no_rows_give_no_annotations(tiny_llama):
    found = ifd_rows([], CausalLanguageModel(ModelSpec(str(tiny_llama))))
    assert (found.row_ids, found.used, len(found.values["ifd_ppl"])) == ([], {}, 0)


def test_device_and_batches_are_not_part_of_who_scores(tiny_llama):
    one = AnswerLosses(CausalLanguageModel(ModelSpec(str(tiny_llama), batch_tokens=64, attention="eager")))
    other = AnswerLosses(CausalLanguageModel(ModelSpec(str(tiny_llama), device="cuda:0")))
    assert one.annotator.fingerprint == other.annotator.fingerprint
    assert one.annotator != AnswerLosses(CausalLanguageModel(ModelSpec(str(tiny_llama), dtype="bfloat16"))).annotator


def flags_and_cuts(rows, model, template):
    found = ifd_rows(rows, model, template=template)
    return found.flags, found.values["truncated"].tolist()


def test_cherry_drops_a_conversation_with_an_answer_behind_the_limit(tiny_llama):
    model = CausalLanguageModel(ModelSpec(str(tiny_llama), max_tokens=250))
    rows = [row(("what?", "an answer")), row(("what?", "an answer"), ("why " * 200, "an answer"))]
    assert flags_and_cuts(rows, model, "alpaca") == ([None, "truncated"], [0, 1])
    assert flags_and_cuts(rows, model, "plain") == ([None, None], [0, 1])


def test_cherry_drops_a_cut_answer_only_where_response_is_shorter_than_the_four_tokens_it_counts_for(tiny_llama):
    """The reference's own budget leaves an answer alone no more than fits, where `### Response:` takes 4 or more."""
    rows = [row(("what?", "an answer")), row(("what?", "word " * 200))]
    long_prefix = GivenLosses(tiny_llama, 1.0, 2.0)
    long_prefix.spec = ModelSpec(str(tiny_llama), max_tokens=250)
    assert flags_and_cuts(rows, long_prefix, "alpaca") == ([None, None], [0, 1])
    short_prefix = GivenLosses(tiny_llama, 1.0, 2.0)
    short_prefix.spec = long_prefix.spec
    short_prefix.tokenizer.add_tokens(["### Response:"])
    assert flags_and_cuts(rows, short_prefix, "alpaca") == ([None, "truncated"], [0, 1])


def test_cherry_drops_a_row_of_whose_answer_alone_nothing_is_left(tiny_llama):
    """`### Response:` takes more tokens here than the reference counts for it, and so the budget of a short answer."""
    rows = [row(("Name a colour.", "Blue, of course."))]
    tokens = CausalLanguageModel(ModelSpec(str(tiny_llama))).tokenizer
    before = len(tokens(Alpaca().conditioned(rows[0].conversation).text.removesuffix("Blue, of course."))["input_ids"])
    model = CausalLanguageModel(ModelSpec(str(tiny_llama), max_tokens=before + 1))
    assert len(tokens("### Response:")["input_ids"]) > 5
    assert flags_and_cuts(rows, model, "alpaca") == (["truncated"], [1])
