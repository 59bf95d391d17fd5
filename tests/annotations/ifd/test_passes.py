"""Which passes are made: once each, batched as the engine likes, none for a plan; perplexity makes the same."""

import numpy as np
import pytest
import torch

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.ifd import Perplexity, ifd_rows
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.planning import PlanCache
from tests.annotations.ifd import naive
from tests.annotations.ifd.language_models import save_language_model
from tests.annotations.ifd.random_rows import conversations, rows
from tests.annotations.memory_files import MemoryFiles


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_language_model(tmp_path_factory.mktemp("qwen3"), "qwen3")


@pytest.fixture(scope="module")
def drawn():
    return rows(conversations(80, seed=7))


def test_batches_and_order_do_not_change_a_value(folder, drawn):
    one = ifd_rows(drawn, CausalLanguageModel(ModelSpec(str(folder), batch_tokens=1)))
    many = ifd_rows(drawn[::-1], CausalLanguageModel(ModelSpec(str(folder), batch_tokens=20_000)))
    assert many.flags[::-1] == one.flags
    for name in ("ifd_loss", "ifd_ppl", "loss_conditioned", "loss_alone", "answer_tokens", "truncated"):
        np.testing.assert_allclose(many.values[name][::-1], one.values[name], rtol=2e-5, atol=2e-5)


def test_perplexity_is_that_of_the_ratios_and_needs_no_pass_of_its_own(folder, drawn):
    cache = FragmentCache(MemoryFiles())
    model = CausalLanguageModel(ModelSpec(str(folder)))
    passes = []
    found = ifd_rows(drawn, model, template="chat", cache=cache)
    measured = Perplexity(model, template="chat").measure(drawn, cache, passes.append)
    np.testing.assert_array_equal(measured.columns["ppl"], found.values["ppl"])
    assert not passes
    bare = Perplexity(model, template="chat").measure(drawn, None, passes.append)
    np.testing.assert_allclose(bare.columns["ppl"], found.values["ppl"], rtol=1e-4)
    assert passes[-1].of_items < len(drawn)
    assert [flag for flag in bare.flags if flag] == [flag for flag in found.flags if flag == "empty_output"]


def test_who_scores_depends_on_template_span_and_limit(folder):
    model = CausalLanguageModel(ModelSpec(str(folder)))
    shorter = CausalLanguageModel(ModelSpec(str(folder), max_tokens=100))
    settings = [(model, "plain", "offsets"), (model, "chat", "offsets"), (model, "plain", "reference")]
    made = [Perplexity(m, template=t, span=s).annotator for m, t, s in [*settings, (shorter, "plain", "offsets")]]
    assert len({annotator.fingerprint for annotator in made}) == len(made)
    assert [annotator.prompt_version for annotator in made[:2]] == ["superfiltering-1", "iterit-1"]


def test_memory_that_ran_out_once_is_known_to_the_next_rows(folder, drawn, monkeypatch):
    model, sizes = CausalLanguageModel(ModelSpec(str(folder), batch_tokens=2000)), []
    losses = model.losses

    def scarce(sequences, targets):
        sizes.append(len(sequences) * max(map(len, sequences)))
        if sizes[-1] > 500 and len(sequences) > 1:
            raise torch.OutOfMemoryError
        return losses(sequences, targets)

    monkeypatch.setattr(model, "losses", scarce)
    ifd_rows(drawn[:40], model)
    assert model.batch_tokens <= 500 < max(sizes)
    sizes.clear()
    ifd_rows(drawn[40:], model)
    assert max(sizes) <= 500


def test_a_plan_counts_the_passes_and_their_tokens_and_loads_no_weights(folder, drawn):
    plan = PlanCache(MemoryFiles())
    model = CausalLanguageModel(ModelSpec(str(folder)))
    ifd_rows(drawn, model, cache=plan)
    assert "model" not in vars(model)
    [missing] = plan.taken().values()
    seen = []
    ifd_rows(drawn, model, progress=seen.append)
    assert (missing.items, missing.missing, missing.tokens) == (seen[-1].of_items, seen[-1].items, seen[-1].tokens)


def test_turns_of_a_chat_have_the_losses_of_one_pass_over_it(folder):
    """Spans by rendering the chat up to each answer, in place of putting marks into it."""
    model = CausalLanguageModel(ModelSpec(str(folder), max_tokens=200))
    drawn = conversations(60, seed=8)
    found = ifd_rows(rows(drawn), model, template="chat")
    wanted = np.array([naive.chat_by_offsets(model.model, model.tokenizer, each, model.limit) for each in drawn])
    ours = np.stack([found.values["loss_conditioned"], found.values["loss_alone"]], axis=1)
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(wanted))
    both = np.isfinite(wanted)
    np.testing.assert_allclose(ours[both], wanted[both], rtol=2e-5, atol=2e-5)
    assert 0.5 < both.all(axis=1).mean() < 1


def test_unknown_templates_are_refused(folder):
    with pytest.raises(ValueError, match="template must be one of plain, alpaca, chat, got 'vicuna'"):
        ifd_rows([], CausalLanguageModel(ModelSpec(str(folder))), template="vicuna")
