"""A plan counts what a run then computes, and loads no weights for it."""

import random

import numpy as np
import pytest

from mig_dagster.annotations.cache import FragmentCache, decode_keys
from mig_dagster.annotations.embeddings import embed_rows
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.scoring import score_items
from mig_dagster.annotations.tagging import NearestLabelTagger, tag_rows
from mig_dagster.annotations.vocabulary import TagVocabulary
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row
from tests.annotations.test_scoring import WORDS, Counting
from tests.dag.tiny import save_encoder

LABELS = TagVocabulary("1", ("algebra", "poetry", "sql"))


class Refuses(Counting):
    def run(self, encoded):
        raise AssertionError("a plan ran a model")


def test_items_that_the_cache_knows_repeat_or_cannot_be_read_are_not_counted_as_missing():
    files = MemoryFiles()
    score_items(["abc"], ["abc"], Counting(), FragmentCache(files))
    plan = PlanCache(files)
    there = dict(files.contents)
    batch = score_items(WORDS, WORDS, Refuses(), plan)
    assert batch.flags == ["not_scored"] * len(WORDS)
    assert np.isnan(batch.columns["score"]).all()
    [found] = plan.taken().values()
    assert (found.annotator.name, found.items, found.missing, found.tokens) == ("counting", 6, 4, 9)
    assert files.contents == there


def test_what_was_counted_once_is_not_counted_again_and_what_was_taken_is_gone():
    plan = PlanCache(MemoryFiles())
    score_items(["ab", "c"], ["ab", "c"], Refuses(), plan)
    assert [found.tokens for found in plan.taken().values()] == [3]
    score_items(["ab", "def"], ["ab", "def"], Refuses(), plan)
    assert [(found.items, found.tokens) for found in plan.taken().values()] == [(1, 3)]
    assert plan.taken() == {}


@pytest.fixture(scope="module", params=["transformer", "static"])
def folder(request, tmp_path_factory, tiny_model):
    return tiny_model if request.param == "transformer" else save_encoder(tmp_path_factory.mktemp("static"))


@pytest.fixture
def encoder(folder):
    return SentenceEncoder(str(folder), batch_tokens=256, max_tokens=48)


def texts(n, seed=0):
    draw = random.Random(seed)
    return [" ".join(draw.choices(["algebra", "Poetry", "sql", "about"], k=draw.randrange(60))) for _ in range(n)]


def test_tokens_are_counted_without_weights_as_the_loaded_model_counts_them(encoder):
    given = [*texts(40), "", "x" * 500]
    counted = encoder.token_lengths(given)
    assert "_model" not in vars(encoder)
    loaded = encoder._model
    if not callable(loaded.tokenizer):
        assert counted == [len(one.ids) for one in loaded.tokenizer.encode_batch(given)]
        return
    tokens = loaded.tokenizer(given, truncation=True, max_length=loaded.max_seq_length)
    assert counted == [len(ids) for ids in tokens["input_ids"]]
    assert max(counted) == 48


def test_rows_are_planned_by_what_tags_and_embeds_them(encoder, folder):
    """Tags and embeddings share an encoder and a cache: each distinct text is counted, and computed, once."""
    rows = [row((text, "Yes.")) for text in texts(30)]
    files = MemoryFiles()
    embed_rows(rows[:5], encoder, FragmentCache(files))
    plan, fresh = PlanCache(files), SentenceEncoder(str(folder), batch_tokens=256, max_tokens=48)
    tag_rows(rows, NearestLabelTagger(fresh, LABELS), plan)
    embed_rows(rows, fresh, plan)
    embed_rows([], fresh, plan)
    assert "_model" not in vars(fresh)
    [planned] = plan.taken().values()
    before = known(files, encoder)
    tag_rows(rows, NearestLabelTagger(encoder, LABELS), FragmentCache(files))
    embed_rows(rows, encoder, FragmentCache(files))
    assert planned.missing == known(files, encoder) - before > 20


def known(files, encoder):
    """Return how many embeddings a cache has."""
    folder = f"cache/{encoder.annotator.fingerprint}/"
    return sum(len(decode_keys(files.read(path))) for path in files.list(folder))
