"""The nearest labels of a vocabulary, by cosine of sentence embeddings: tags without a GPU and without a server."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder import Embeddings, SentenceEncoder
from mig_dagster.annotations.engine import annotate
from mig_dagster.annotations.scoring import OnTokens
from mig_dagster.annotations.vocabulary import TagVocabulary, load_vocabulary

MAX_TAGS = 5

FLOOR = 0.25
"""Least cosine of a tag that is not the row's best.

Set, with `MARGIN`, on 2,160 instructions of 14 open sources under all-MiniLM-L6-v2, whose best cosine lies between 0.29
(5 % quantile) and 0.61 (95 %): below 0.25 labels share words with the row but not its subject.
"""

MARGIN = 0.10
"""How far a tag may lie below the row's best: the width that gives 3.3 tags a row there (InsTagger gives 4.2)."""

_ROWS_AT_ONCE = 8192  # times labels: the largest block of cosines
_ROWS_PER_CALL = 100_000  # the encoder sorts by length what it gets at once, and flushes by the clock: much is good


class NearestLabelTagger:
    """Gives each row the labels whose embeddings lie nearest to its instruction's.

    A row gets its best label always, and up to four more with a cosine of at least `floor` and within `margin` of the
    best; nearest first, of equal cosines the label that sorts first.

    Args:
        encoder: of labels and rows alike. Floor and margin were set for the default one.
        vocabulary: None is the shipped one.
        floor: cosine in [-1, 1].
        margin: at least 0.

    Raises:
        ValueError: floor or margin is out of range.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        vocabulary: TagVocabulary | None = None,
        floor: float = FLOOR,
        margin: float = MARGIN,
    ) -> None:
        if not -1 <= floor <= 1:
            raise ValueError(f"floor must be a cosine in [-1, 1], got {floor}")
        if not margin >= 0:
            raise ValueError(f"margin must be at least 0, got {margin}")
        self._encoder = encoder
        self._vocabulary = load_vocabulary() if vocabulary is None else vocabulary
        self._floor, self._margin = floor, margin
        self._labels: Embeddings | None = None

    @property
    def annotator(self) -> Annotator:
        """Who gives the tags; known without loading the model."""
        encoder = self._encoder.annotator
        parameters = {
            "encoder": encoder.fingerprint,
            "vocabulary_version": self._vocabulary.version,
            "vocabulary": self._vocabulary.digest,
            "floor": self._floor,
            "margin": self._margin,
            "max_tags": MAX_TAGS,
        }
        return Annotator("nearest_label", encoder.model, encoder.revision, parameters=parameters)

    def tag(self, rows: Sequence[Row], cache: FragmentCache | None = None, progress: OnTokens | None = None) -> Batch:
        """Return 1 to 5 tags per row; rows without an instruction are flagged `empty_text`.

        Args:
            rows: distinct, in any order.
            cache: of embeddings, and of the rows' tags.
            progress: told of the distinct instructions that are embedded, which is where the time goes.

        Returns:
            column "tags": list of str per row, None where flagged.

        Raises:
            ModelError: the encoder's model cannot be had.
            CacheError: a fragment of the cache is corrupt.
        """
        made = annotate(
            rows,
            self.annotator,
            lambda chunk: self._tag(chunk, cache, progress),
            cache,
            columns={"tags": []},
            chunk_rows=_ROWS_PER_CALL,
        )
        return Batch(made.values, made.flags)

    def _tag(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        instructions = [row.conversation.instruction for row in rows]
        readable = [i for i, text in enumerate(instructions) if text.strip()]
        tags: list[list[str] | None] = [None] * len(rows)
        if readable:
            vectors = self._encoder.encode_cached([instructions[i] for i in readable], cache, progress)
            if self._labels is None:
                self._labels = self._encoder.encode_cached(self._vocabulary.labels, cache)
            for start in range(0, len(readable), _ROWS_AT_ONCE):
                block = slice(start, start + _ROWS_AT_ONCE)
                chosen_labels = nearest(vectors[block] @ self._labels.T, self._floor, self._margin)
                for i, chosen in zip(readable[block], chosen_labels, strict=True):
                    tags[i] = [self._vocabulary.labels[label] for label in chosen]
        return Batch({"tags": tags}, [None if tag is not None else "empty_text" for tag in tags])


def nearest(cosines: npt.NDArray[np.floating[Any]], floor: float, margin: float) -> list[list[int]]:
    """Return the columns of each row that are near enough to be its tags.

    Args:
        cosines: (n, m), m at least 1. Compared in steps of 1e-6, so that the last bits, which change with the batch a
            text was encoded in, decide nothing.
        floor: least value of a column that is not the row's largest.
        margin: how far below the row's largest value a column may be.

    Returns:
        n lists of 1 to `MAX_TAGS` columns, largest value first, of equal values the lower column first.
    """
    rounded = np.round(cosines.astype(np.float64), 6)
    n, m = rounded.shape
    order = np.empty((n, min(MAX_TAGS, m)), np.int64)
    values = np.empty(order.shape)
    for place in range(order.shape[1]):  # argmax takes the lower column of equal ones; five scans beat one sort
        order[:, place] = rounded.argmax(axis=1)
        values[:, place] = rounded[np.arange(n), order[:, place]]
        rounded[np.arange(n), order[:, place]] = -np.inf
    near = (values >= floor) & (values >= np.round(values[:, :1] - margin, 6))
    near[:, 0] = True
    return [columns[keep].tolist() for columns, keep in zip(order, near, strict=True)]
