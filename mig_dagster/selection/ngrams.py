"""Phrases of one to three words in texts: counts and TF-IDF as scikit-learn computes them, made in bulk.

Phrases are numbered, never spelt out: a phrase is the number of its beginning and the number of its last word, so one
sort for each length replaces a dictionary of all phrases. A space sorts before every character of a word; so the order
of phrases as strings, which scikit-learn gives its columns, is the order of their words one after the other.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows

LONGEST = 3  # words in a phrase: IterIT's ngram_range=(1, 3)
WORD = re.compile(r"\w\w+")  # a match begins and ends where the word does, so scikit-learn's \b\w\w+\b finds the same


def tfidf(texts: list[str]) -> csr_array:
    """Return the TF-IDF of each text's phrases: count times (1 + ln((1 + n) / (1 + texts with it))), rows of length 1.

    Args:
        texts: n texts. Those without a word get an empty row.

    Returns:
        (n, phrases) float64, canonical, columns as `ngram_counts`: scikit-learn's `TfidfTransformer` of these counts.
        `TfidfVectorizer` sums the squares of a row in the order of first use: its last bits can differ.
    """
    weights = ngram_counts(texts)
    owners = np.repeat(np.arange(len(texts)), np.diff(weights.indptr))
    frequencies = np.bincount(weights.indices, minlength=weights.shape[1])
    weights.data *= (np.log((1 + len(texts)) / (1 + frequencies)) + 1)[weights.indices]
    lengths = np.sqrt(np.bincount(owners, weights.data * weights.data, minlength=len(texts)))
    weights.data /= lengths[owners]
    return weights


def ngram_counts(texts: list[str]) -> csr_array:
    """Return how often each text has each phrase of 1 to 3 words.

    Lower case; a word is two or more letters, digits or underscores; a phrase is words that follow each other, whatever
    stands between them.

    Args:
        texts: n texts.

    Returns:
        (n, phrases) float64 counts in canonical form, columns in the order of the phrases as strings: equal to
        `CountVectorizer(ngram_range=(1, 3))`, which refuses texts without any word where this returns no columns.
    """
    words, lengths, vocabulary = _words(texts)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(words))  # words from here to the end of the text
    starts, columns, phrases = np.arange(len(words)), words, vocabulary
    counts = [_counted(words, lengths, vocabulary)]
    for length in range(2, LONGEST + 1):
        longer = left[starts] >= length
        starts = starts[longer]
        moved, columns, phrases = _lengthen(columns[longer], words[starts + length - 1], phrases, vocabulary)
        counts = [_relabelled(shorter, moved, phrases) for shorter in counts]
        counts.append(_counted(columns, np.maximum(lengths - length + 1, 0), phrases))
    return csr_array(sum(counts[1:], counts[0]))


def _words(texts: list[str]) -> tuple[Rows, Rows, int]:
    """Return the words of all texts as numbers in the order of the words as strings, (n,) words a text, how many."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # a word not met before gets the next number
    lengths: list[int] = []

    def words_of(text: str) -> Iterator[int]:
        words = WORD.findall(text.lower())
        lengths.append(len(words))
        return map(numbers.__getitem__, words)

    met = np.fromiter(chain.from_iterable(map(words_of, texts)), np.int64)
    place = np.empty(len(numbers), np.int64)
    place[[numbers[word] for word in sorted(numbers)]] = np.arange(len(numbers))
    return place[met], np.array(lengths, np.int64), len(numbers)


def _counted(columns: Rows, lengths: Rows, phrases: int) -> csr_array:
    """Return (n, phrases) how often a text has each column; `lengths` (n,) says how many occurrences are whose."""
    width: Any = np.int32 if max(phrases, len(columns)) < 2**31 else np.int64
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(width)
    counts = csr_array((np.ones(len(columns)), columns.astype(width), ends), shape=(len(lengths), phrases))
    counts.sum_duplicates()  # in place: on a copy of `columns`
    return counts


def _relabelled(counts: csr_array, moved: Rows, phrases: int) -> csr_array:
    """Return the same counts under new columns, `moved` being ascending."""
    width: Any = counts.indices.dtype if phrases < 2**31 else np.int64
    parts = counts.data, moved[counts.indices].astype(width), counts.indptr.astype(width)
    return csr_array(parts, shape=(counts.shape[0], phrases))


def _lengthen(beginnings: Rows, words: Rows, phrases: int, vocabulary: int) -> tuple[Rows, Rows, int]:
    """Make room for the phrases that continue `beginnings` by one of `words`, each in its place behind its beginning.

    Args:
        beginnings: columns of the occurrences that go on.
        words: the words they go on with.
        phrases: how many columns there are.
        vocabulary: how many words there are.

    Returns:
        (phrases,) the new columns of those there were, columns of the longer occurrences, how many columns there are.
    """
    keys, which = np.unique(beginnings * vocabulary + words, return_inverse=True)
    old = np.arange(phrases)
    moved = old + np.searchsorted(keys, old * vocabulary)
    added = np.arange(len(keys)) + keys // max(vocabulary, 1) + 1
    return moved, added[which], phrases + len(keys)
