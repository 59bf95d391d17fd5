"""Batched ratios are those of one row at a time, by the rules of each reference."""

import numpy as np
import pytest

from mig_dagster.annotations.ifd import ifd_rows
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from tests.annotations.ifd import naive
from tests.annotations.ifd.language_models import TEMPLATES, save_language_model
from tests.annotations.ifd.random_rows import conversations, rows, single_turns
from tests.annotations.rows import row

TOLERANCE = {"rtol": 2e-5, "atol": 2e-5}


@pytest.fixture(scope="module", params=TEMPLATES)
def folder(request, tmp_path_factory):
    return save_language_model(tmp_path_factory.mktemp(request.param), request.param)


def losses(found):
    return np.stack([found.values["loss_conditioned"], found.values["loss_alone"]], axis=1)


def compare(turns, model, template, reference):
    found = ifd_rows([row(turn) for turn in turns], model, template=template, span="reference")
    at = {row_id: i for i, row_id in enumerate(found.row_ids)}
    ours = losses(found)[[at[row(turn).row_id] for turn in turns]]
    wanted = np.array([reference(model.model, model.tokenizer, *turn, model.limit) for turn in turns])
    scored = np.isfinite(wanted).all(axis=1)
    np.testing.assert_array_equal(np.isfinite(ours).all(axis=1), scored)
    np.testing.assert_allclose(ours[scored], wanted[scored], **TOLERANCE)
    ratios = found.values["ifd_ppl"][[at[row(turn).row_id] for turn in turns]]
    np.testing.assert_allclose(ratios[scored], np.exp(wanted[scored, 0]) / np.exp(wanted[scored, 1]), rtol=1e-4)
    return scored


@pytest.mark.parametrize(("template", "reference"), [("plain", naive.superfiltering), ("alpaca", naive.cherry)])
def test_single_turns_have_the_losses_of_superfiltering_and_cherry(folder, template, reference):
    turns = [turn for turn in single_turns(120, seed=1) if turn[1]]
    scored = compare(turns, CausalLanguageModel(ModelSpec(str(folder), max_tokens=150)), template, reference)
    assert 0.5 < scored.mean() < 1  # some are cut off, or have no token that is predicted


def test_single_turns_have_the_losses_of_iterit(folder):
    turns = [turn for turn in single_turns(120, seed=2) if turn[1].strip()]
    scored = compare(turns, CausalLanguageModel(ModelSpec(str(folder), max_tokens=150)), "chat", naive.iterit)
    assert 0.5 < scored.mean() < 1


def test_conversations_have_the_losses_of_every_answer_after_its_history_and_alone(folder):
    model = CausalLanguageModel(ModelSpec(str(folder), max_tokens=512))
    drawn = conversations(60, seed=3)
    ours = losses(ifd_rows(rows(drawn), model))
    wanted = np.array([naive.by_offsets(model.model, model.tokenizer, each, model.limit) for each in drawn])
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(wanted))
    both = np.isfinite(wanted)
    np.testing.assert_allclose(ours[both], wanted[both], **TOLERANCE)
    assert both.all(axis=1).mean() > 0.5
