import math

import numpy as np
import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.models.pretrained import PretrainedModel
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.quality import (
    DeitaScorer,
    ImportedScorer,
    IqsModel,
    IqsScorer,
    LexicalScorer,
    RewardModel,
    RewardScorer,
    lexical,
    score_rows,
)
from mig_dagster.annotations.quality.lexical import lexical_score
from mig_dagster.annotations.quality.reward import AUTO_CLASS
from mig_dagster.annotations.quality.turns import turns
from mig_dagster.conversation import Conversation, Message
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.quality.iqs_files import save_checkpoint, save_encoder
from tests.annotations.rows import row, xsample_rows
from tests.shared_data import shared


def deita(quality, complexity):
    return {"annotation": {"deita": {"quality_scores": quality, "complexity_scores": complexity}}}


def test_a_turn_is_a_user_message_and_the_answers_to_it():
    messages = (
        Message("system", "Be brief."),
        Message("user", "Hi."),
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls='[{"function":{"name":"weather"}}]'),
        Message("tool", "12 degrees"),
        Message("assistant", "12 degrees."),
        Message("user", "Thanks."),
        Message("assistant", "Welcome.", reasoning_content="be polite"),
    )
    assert turns(Conversation(messages)) == [
        ("Hi.\nWeather?", '[{"function":{"name":"weather"}}]\n12 degrees.'),
        ("Thanks.", "Welcome."),
    ]


def test_an_assistant_may_speak_first():
    assert turns(Conversation((Message("assistant", "Hello!"),))) == [("", "Hello!")]


@pytest.mark.parametrize(("aggregation", "combine"), [("turn_mean", np.mean), ("turn_sum", np.sum)])
def test_turns_are_scored_alone_and_aggregated_as_named(aggregation, combine):
    conversation = [("What is two plus two?", "Four, because two and two make four."), ("Sure?", "Yes.")]
    made = score_rows([row(*conversation)], LexicalScorer(), aggregation)
    assert made.values["score"].tolist() == [pytest.approx(combine([lexical_score(*turn) for turn in conversation]))]
    assert made.provenance == ["computed"]
    assert made.used[made.annotators[0]].as_dict()["name"] == "lexical"
    assert made.used[made.annotators[0]].parameters["aggregation"] == aggregation


def test_a_row_without_any_answer_is_flagged():
    made = score_rows([row(("hi", " ")), row(("hi", "hello"), ("bye", ""))], LexicalScorer())
    assert made.flags == ["empty_text", None]
    assert math.isnan(made.values["score"][0])
    assert made.values["score"][1] == pytest.approx((lexical_score("hi", "hello") + 1) / 2)


def test_a_second_run_scores_nothing(monkeypatch):
    files, rows = MemoryFiles(), [row(("hi", "hello"))]
    first = score_rows(rows, LexicalScorer(), cache=FragmentCache(files))
    monkeypatch.setattr(lexical, "lexical_score", None)
    second = score_rows(rows, LexicalScorer(), cache=FragmentCache(files))
    assert second.values["score"].tolist() == first.values["score"].tolist()


def test_scores_that_came_with_a_row_do_not_count_for_another_scorer():
    made = score_rows([row(("hi", "hello"), **deita([3.0], [4.0]))], LexicalScorer())
    assert made.provenance == ["computed"]
    assert made.values["score"][0] == lexical_score("hi", "hello")


def test_deita_scores_are_imported_and_nothing_is_computed():
    rows = [row(("a", "1"), **deita([2, 5], [3, 2])), row(("b", "2")), row(("c", "3"), **deita([1.0], [1.0, 2.0]))]
    mean, total = (score_rows(rows, ImportedScorer("deita"), how) for how in ("turn_mean", "turn_sum"))
    assert mean.values["score"][0] == 8  # methods' example: (3, 2) and (2, 5) give 16 summed, 8 on average
    assert total.values["score"][0] == 16
    assert np.isnan(mean.values["score"][1:]).all()
    assert mean.flags == [None, "not_scored", "invalid_import"]
    assert mean.provenance == ["imported"] * 3
    assert mean.annotators[0] != total.annotators[0]


def test_the_scores_of_a_real_xsample_file_are_those_of_the_reference():
    """As xsample/MIG itself computes them from this file (mean over turns of quality times complexity)."""
    made = score_rows(xsample_rows(shared("data/annotated/xsample_example.jsonl")), ImportedScorer("deita"))
    golden = [7.283683, 5.960247, 7.200770, 15.315029, 14.336861, 13.747663, 10.035537, 12.429288, 5.423317]
    assert made.values["score"] == pytest.approx(golden, abs=1e-6)
    assert made.flags == [None] * 9


def test_the_lexical_rule_ranks_the_rows_of_a_real_xsample_file_much_as_deita_does():
    rows = xsample_rows(shared("data/annotated/xsample_example.jsonl"))
    theirs = np.array([np.mean(r.meta["annotation"]["deita"]["quality_scores"]) for r in rows])
    ours = score_rows(rows, LexicalScorer()).values["score"]
    assert np.corrcoef(theirs.argsort().argsort(), ours.argsort().argsort())[0, 1] > 0.6


def test_the_weights_are_part_of_the_fingerprint(monkeypatch):
    before = LexicalScorer().annotator("turn_mean").fingerprint
    assert before == "3c5cb211ec9572f5"  # else every score in every cache is lost
    monkeypatch.setitem(lexical.WEIGHTS, "length", 0.34)
    assert LexicalScorer().annotator("turn_mean").fingerprint != before
    assert LexicalScorer().annotator("turn_sum").fingerprint != LexicalScorer().annotator("turn_mean").fingerprint


def test_unknown_aggregations_are_refused():
    with pytest.raises(ValueError, match="aggregation must be one of turn_mean, turn_sum, got 'max'"):
        score_rows([], LexicalScorer(), "max")


def models_of(folder, tmp_path):
    encoder = save_encoder(tmp_path)
    spec = ModelSpec(str(folder))
    causal = CausalLanguageModel(spec)
    return {
        "deita": DeitaScorer(causal, causal),
        "iqs": IqsScorer(IqsModel(ModelSpec(str(save_checkpoint(tmp_path / "a.ckpt", {}))), str(encoder))),
        "reward": RewardScorer(RewardModel(PretrainedModel(spec, AUTO_CLASS))),
    }


@pytest.mark.parametrize("scorer", ["deita", "iqs", "reward"])
def test_what_a_scorer_would_read_is_known_without_its_weights(scorer, tiny_llama, tmp_path):
    cache, made = PlanCache(MemoryFiles()), models_of(tiny_llama, tmp_path)[scorer]
    score_rows([row(("hi", "hello"), ("bye", "see you")), row(("hi", "hello"))], made, "turn_mean", cache)
    missing = list(cache.taken().values())
    assert [(found.items, found.missing) for found in missing] == [(2, 2)] * (2 if scorer == "deita" else 1)
    assert all(found.tokens > 10 for found in missing)
    models = [model.model for model in made.models] if scorer == "deita" else [getattr(made.model, "model", made.model)]
    assert not any({"model", "_loaded"} & model.__dict__.keys() for model in models)
