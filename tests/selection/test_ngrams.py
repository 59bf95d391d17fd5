import gzip
import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from mig_dagster.selection.ngrams import ngram_counts, tfidf
from tests.shared_data import shared

PIECES = [
    *["red", "Red", "RED", "redder", "red_", "r", "apple", "1", "12", "3.14", "don't", "x" * 40, "_", "__"],
    *[
        "İstanbul",
        "ΟΔΟΣ",
        "straße",
        "été",
        "e\u0301te\u0301",
        "日本語",
        "ไทย",
        "हिन्दी",
        "😀",
        "\u200b",
        "½",
        "①②",
        "Ǆungla",
    ],
]
GAPS = [" ", "  ", "\n", ", ", "-", "/", "", "\x00", "\u2028"]


def random_text(rng):
    return "".join(rng.choice(PIECES) + rng.choice(GAPS) for _ in range(rng.integers(0, 12)))


def assert_same_matrix(ours, theirs):
    """Canonical form: scikit-learn leaves the entries of a row in the order of first use."""
    theirs.sort_indices()
    assert ours.shape == theirs.shape
    assert ours.has_canonical_format
    assert (ours.indptr == theirs.indptr).all()
    assert (ours.indices == theirs.indices).all()
    assert (ours.data == theirs.data).all()


@pytest.mark.parametrize("seed", range(200))
def test_counts_are_those_of_scikit_learn_column_by_column(seed):
    rng = np.random.default_rng(seed)
    texts = [*(random_text(rng) for _ in range(rng.integers(1, 15))), "red red red red apple"]
    assert_same_matrix(ngram_counts(texts), CountVectorizer(ngram_range=(1, 3)).fit_transform(texts))


@pytest.mark.parametrize("seed", range(50))
def test_tfidf_is_that_of_scikit_learn_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    texts = [*(random_text(rng) for _ in range(rng.integers(1, 15))), "red", ""]
    ours = tfidf(texts)
    assert_same_matrix(ours, TfidfTransformer().fit_transform(ngram_counts(texts)))
    whole = TfidfVectorizer(ngram_range=(1, 3)).fit_transform(texts)  # adds up the squares of a row in another order
    assert ours.toarray() == pytest.approx(whole.toarray(), rel=1e-14)


@pytest.mark.parametrize("path", ["llamafactory/alpaca_zh_demo.json", "gpteacher/codegen.json.gz"])
def test_counts_of_real_answers_are_those_of_scikit_learn(path):
    path = shared(f"data/{path}")
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        texts = [row.get("output", row.get("response")) for row in json.load(file)[:1000]]
    assert_same_matrix(ngram_counts(texts), CountVectorizer(ngram_range=(1, 3)).fit_transform(texts))


def test_phrases_stand_right_behind_their_beginnings():
    texts = ["red apple pie", "redder"]
    names = ["apple", "apple pie", "pie", "red", "red apple", "red apple pie", "redder"]
    assert CountVectorizer(ngram_range=(1, 3)).fit(texts).get_feature_names_out().tolist() == names
    assert ngram_counts(texts).toarray().tolist() == [[1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1]]


def test_a_phrase_does_not_reach_into_the_next_text():
    assert ngram_counts(["red", "apple"]).toarray().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("texts", [[], [""], ["", "a b c", "!?"]])
def test_texts_without_a_word_give_no_columns(texts):
    assert ngram_counts(texts).shape == tfidf(texts).shape == (len(texts), 0)


def test_repeated_phrases_are_counted():
    assert ngram_counts(["no no no no"]).toarray().tolist() == [[4, 3, 2]]
