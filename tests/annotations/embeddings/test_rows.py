import numpy as np
import pytest

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.embeddings import embed_rows
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.tagging import NearestLabelTagger, tag_rows
from mig_dagster.annotations.vocabulary import TagVocabulary
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row


@pytest.fixture(scope="module")
def encoder(tiny_model):
    return SentenceEncoder(str(tiny_model))


@pytest.mark.parametrize(("text", "read"), [("instruction", "one\ntwo"), ("conversation", "one\nyes\ntwo\nno")])
def test_the_text_asked_for_is_embedded(encoder, text, read):
    made = embed_rows([row(("one", "yes"), ("two", "no"))], encoder, text=text)
    np.testing.assert_allclose(made.values["embedding"], encoder.encode([read]), atol=1e-5)
    assert made.values["embedding"].dtype == np.float32


def test_the_text_is_part_of_who_gave_the_embedding(encoder):
    given = [row(("one", "yes"))]
    assert embed_rows(given, encoder).annotators != embed_rows(given, encoder, text="conversation").annotators


def test_each_distinct_row_has_one_embedding_and_empty_texts_are_flagged(encoder):
    a, b, empty = row(("a", "1")), row(("b", "2")), row(("", "3"))
    made = embed_rows([b, empty, a, b], encoder)
    assert made.row_ids == [b.row_id, empty.row_id, a.row_id]
    assert made.flags == [None, "empty_text", None]
    assert np.isnan(made.values["embedding"][1]).all()
    np.testing.assert_allclose(made.values["embedding"][[0, 2]], encoder.encode(["b", "a"]), atol=1e-5)
    assert set(made.annotators) == set(made.used)


def test_no_rows_give_an_empty_matrix(encoder):
    made = embed_rows([], encoder)
    assert made.values["embedding"].shape == (0, 16)
    assert made.used == {}


def test_what_was_embedded_for_tags_is_not_embedded_again(tiny_model):
    files, rows = MemoryFiles(), [row(("a", "1")), row(("b", "2"))]
    tagger = NearestLabelTagger(SentenceEncoder(str(tiny_model)), TagVocabulary("1", ("x",)))
    tag_rows(rows, tagger, FragmentCache(files))
    again = SentenceEncoder(str(tiny_model))
    embed_rows(rows, again, FragmentCache(files))
    assert "_model" not in again.__dict__


def test_the_fingerprint_of_default_embeddings_stays_what_it_was(encoder):
    """What is in a lake or a report says who embedded it: only what changes values may change that."""
    source = encoder.annotator
    parameters = {"encoder": source.fingerprint, "text": "instruction"}
    before = Annotator("row_embedding", source.model, source.revision, parameters=parameters)
    assert embed_rows([row(("a", "1"))], encoder).annotators == [before.fingerprint]


def test_half_precision_is_the_same_embedding_rounded_and_another_annotator(encoder):
    rows = [row(("a", "1")), row(("", "2"))]
    half, single = embed_rows(rows, encoder, stored_as="float16"), embed_rows(rows, encoder)
    assert half.values["embedding"].dtype == np.float16
    np.testing.assert_array_equal(half.values["embedding"], single.values["embedding"].astype(np.float16))
    assert half.flags == single.flags
    assert half.annotators != single.annotators


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"text": "answer"}, "text must be one of instruction, conversation, vicuna, car, got 'answer'"),
        ({"stored_as": "int8"}, "stored_as must be one of float32, float16, got 'int8'"),
    ],
)
def test_an_option_that_is_not_known_is_refused(encoder, option, message):
    with pytest.raises(ValueError, match=message):
        embed_rows([], encoder, **option)
