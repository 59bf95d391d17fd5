from dataclasses import replace

import polars as pl
import pytest
from transformers import AutoModelForCausalLM

from mig_dagster.annotations import ModelError
from mig_dagster.annotations.model_files import find_model, hash_folder
from mig_dagster.conversation import Conversation, Message
from mig_dagster.stages.pool_language_model import (
    language_model_folder,
    local_models,
    pool_language_model_for,
    sample_texts,
    train_pool_language_model,
)
from mig_dagster.storage import Lake, Store
from tests.annotations.pretraining.small_texts import SMALL, small_texts

QUICK = replace(SMALL, steps=40, learning_rate=2e-2)


def raw_pool(n=120, seed=0):
    """Return rows whose user asks the first line of a small text and whose assistant says the second."""
    lines = []
    for text in small_texts(n, seed).values():
        asked, said = text.split("\n")
        conversation = Conversation((Message("user", asked), Message("assistant", said)))
        extra = {"tool_calls": None, "reasoning_content": None}
        messages = [message.as_dict() | extra for message in conversation.messages]
        lines.append({"row_id": conversation.row_id, "messages": messages})
    kinds = pl.Struct(dict.fromkeys(("role", "content", "tool_calls", "reasoning_content"), pl.String))
    return pl.LazyFrame(lines, schema={"row_id": pl.String, "messages": pl.List(kinds)})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    lake = Lake(Store(tmp_path_factory.mktemp("home")))
    manifest, report = train_pool_language_model(lake, raw_pool(), QUICK, inputs={"raw_pool/a": "1"})
    return lake, lake.publish(manifest), report


def test_the_sample_holds_each_conversation_once_in_whatever_order_and_source_it_comes():
    rows = raw_pool().collect()
    twice = pl.concat([rows.reverse(), rows]).lazy()
    texts = sample_texts(twice, replace(QUICK, conversations=50))
    assert texts == sample_texts(rows.lazy(), replace(QUICK, conversations=50))
    assert len(texts) == 50
    assert set(texts.values()) < set(small_texts().values())


def test_the_sample_ends_before_the_conversation_that_would_make_it_too_long():
    texts = sample_texts(raw_pool(), replace(QUICK, characters=1_000))
    whole = list(sample_texts(raw_pool(), QUICK).values())
    assert list(texts.values()) == whole[: len(texts)]
    used = sum(map(len, texts.values()))
    assert used <= 1_000 < used + len(whole[len(texts)])
    assert max(map(len, sample_texts(raw_pool(), replace(QUICK, longest_text=40)).values())) == 40


def test_the_version_names_files_settings_report_and_what_was_read(trained):
    _, manifest, report = trained
    assert manifest.inputs == {"raw_pool/a": "1"}
    assert manifest.info == {"settings": QUICK.as_dict(), "report": report.as_dict()}


def test_trained_again_it_is_the_same_version(trained):
    lake, manifest, _ = trained
    again, _ = train_pool_language_model(lake, raw_pool().reverse(), QUICK, inputs={"raw_pool/a": "1"})
    assert again.data_version == manifest.data_version
    assert again.tables == manifest.tables
    other, _ = train_pool_language_model(lake, raw_pool(), replace(QUICK, seed=1), inputs={})
    assert other.data_version != manifest.data_version


def test_another_machine_gets_the_files_from_the_lake_and_calls_them_the_same(trained, tmp_path):
    lake, manifest, report = trained
    files = lake.scan_versions([manifest])
    folders = [language_model_folder(files, tmp_path / name) for name in ("one", "two")]
    models = [find_model(str(folder)) for folder in folders]
    assert models[0].name == models[1].name == "pool_language_model"
    assert models[0].revision == models[1].revision
    loaded = AutoModelForCausalLM.from_pretrained(folders[0])
    assert sum(parameter.numel() for parameter in loaded.parameters()) == report.parameters


def test_unpacked_files_are_used_again_and_replaced_where_they_are_damaged(trained, tmp_path):
    lake, manifest, _ = trained
    files = lake.scan_versions([manifest])
    folder = language_model_folder(files, tmp_path)
    digest, inode = hash_folder(folder), folder.stat().st_ino
    assert language_model_folder(files, tmp_path).stat().st_ino == inode
    (folder / "config.json").write_text("{}")
    assert hash_folder(language_model_folder(files, tmp_path)) == digest
    assert [path.name for path in folder.parent.iterdir()] == ["pool_language_model"]


def test_a_file_in_the_lake_that_is_not_what_was_written_is_an_error(trained, tmp_path):
    lake, manifest, _ = trained
    damaged = lake.scan_versions([manifest]).with_columns(content=pl.lit(b"{}"))
    with pytest.raises(ModelError, match=r"are not those that were written .* materialise pool_language_model again"):
        language_model_folder(damaged, tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_models_are_unpacked_beside_a_local_lake_and_in_the_users_cache_for_a_remote_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert local_models(Store(tmp_path / "home")) == tmp_path / "home" / "models"
    assert local_models(Store("memory://home")) == tmp_path / "me" / ".cache" / "mig-dagster" / "models"


def test_for_files_it_is_trained_once_and_found_again(tmp_path):
    told = []
    folder = pool_language_model_for(raw_pool(), tmp_path, QUICK, told.append)
    assert len(told) == QUICK.steps
    assert pool_language_model_for(raw_pool().reverse(), tmp_path, QUICK, told.append) == folder
    assert len(told) == QUICK.steps
    (folder / "tokenizer.json").unlink()
    assert pool_language_model_for(raw_pool(), tmp_path, QUICK, told.append) == folder
    assert len(told) == 2 * QUICK.steps
    assert pool_language_model_for(raw_pool(), tmp_path, replace(QUICK, seed=1)) != folder


def test_for_files_a_model_that_learned_nothing_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"learned nothing: its perplexity .* add sources, or name a model"):
        pool_language_model_for(raw_pool(), tmp_path, replace(QUICK, learning_rate=1e-9))
    assert not list(tmp_path.rglob("*.safetensors"))
