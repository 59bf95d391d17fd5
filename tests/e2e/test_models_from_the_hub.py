"""A model from a Hub: pinned by its commit, found again offline, and with a word on what to do where it is refused."""

import pytest

from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec

pytestmark = pytest.mark.e2e


@pytest.fixture
def published(hub, tiny_llama, monkeypatch):
    """A Hub with the tiny Llama as my/llama; returns the Hub and the commit."""
    monkeypatch.setattr("transformers.utils.hub._hf_api", None)  # it keeps the address of the Hub that it saw first
    files = {path.name: path.read_bytes() for path in tiny_llama.iterdir()}
    return hub, hub.commit("my/llama", files)


def logits(revision=None):
    return CausalLanguageModel(ModelSpec("my/llama", revision)).next_token_logits([[3, 4, 5]], [6, 7])


def test_a_model_is_pinned_by_its_commit_and_says_what_its_folder_says(published, tiny_llama):
    _, commit = published
    model = CausalLanguageModel(ModelSpec("my/llama"))
    assert (model.files.name, model.files.revision) == ("my/llama", commit)
    folder = CausalLanguageModel(ModelSpec(str(tiny_llama)))
    assert model.next_token_logits([[3, 4, 5]], [6, 7]) == pytest.approx(folder.next_token_logits([[3, 4, 5]], [6, 7]))
    assert model.tokenizer("a b").input_ids == folder.tokenizer("a b").input_ids


def test_a_commit_made_meanwhile_changes_nothing_for_a_model_that_was_found(published, tiny_llama):
    hub, commit = published
    model = CausalLanguageModel(ModelSpec("my/llama"))
    assert model.files.commit == commit
    hub.commit("my/llama", {"model.safetensors": b"broken"})
    assert model.next_token_logits([[3]], [6]).shape == (1, 1)
    assert CausalLanguageModel(ModelSpec("my/llama", commit)).files.commit == commit


def test_offline_the_cache_is_enough_and_without_one_the_error_says_so(published, monkeypatch):
    from huggingface_hub import constants

    hub, commit = published
    online = logits()
    before = hub.count()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert logits() == pytest.approx(online)
    assert CausalLanguageModel(ModelSpec("my/llama")).files.commit == commit
    assert hub.count() == before
    with pytest.raises(ModelError, match=r"'my/other' is neither a folder.*set HF_HOME to a cache that has it"):
        _ = CausalLanguageModel(ModelSpec("my/other")).files


def test_a_gated_model_needs_a_token_that_opens_it(published, monkeypatch):
    hub, _ = published
    hub.repos["my/llama"].gated = "manual"
    with pytest.raises(ModelError, match=r"GatedRepoError.*set HF_TOKEN and accept its terms on its page"):
        logits()
    hub.tokens["hf_mine"] = {"my/llama"}
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert logits().shape == (1, 2)
    assert "hf_mine" in hub.seen_tokens


@pytest.mark.parametrize(
    ("name", "revision", "problem"),
    [("my/none", None, "RepositoryNotFoundError"), ("my/llama", "v9", "RevisionNotFoundError")],
)
def test_a_model_or_revision_that_is_not_there_is_an_error(published, name, revision, problem):
    with pytest.raises(ModelError, match=rf"model '{name}'.*{problem}.*To go on: give a folder"):
        _ = CausalLanguageModel(ModelSpec(name, revision)).files
