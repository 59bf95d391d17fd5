"""A pool of a few rows in three sources with every signal, as frames, and as arrays made from the same numbers."""

import numpy as np
import polars as pl

from mig_dagster.graph import Entry, Vocabulary
from mig_dagster.stages.align import PoolFrames

LABELS = ["a", "b", "c", "d"]
GRAPH = np.eye(4) + 0.9 * (np.eye(4, k=1) + np.eye(4, k=-1))
_EXTRA = {"tool_calls": None, "reasoning_content": None}


class SmallPool:
    """`n` rows drawn with a seed; row 0 has no score, row 1 no tags, row 2 no embedding."""

    def __init__(self, n: int = 30, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.n = n
        self.ids = [f"id{i:04d}" for i in range(n)]
        self.sources = sorted(rng.choice(["s1", "s2", "s3"], n).tolist())
        self.scores = [None, *rng.uniform(1, 6, n - 1).tolist()]
        self.tags = [rng.choice(LABELS, rng.integers(0, 3), replace=False).tolist() for _ in range(n)]
        self.tags[1] = None
        vectors = rng.normal(size=(n, 5))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        self.words = rng.integers(1, 9, n).tolist()

    def frames(self, **changes) -> PoolFrames:
        keys = {"row_id": self.ids, "source": self.sources}
        origin = {"origin": [f"f:{i}" for i in range(self.n)]}
        vectors = [None if i == 2 else v.tolist() for i, v in enumerate(self.vectors)]
        edges = [(i, j, GRAPH[i, j]) for i, j in np.argwhere(GRAPH > 0).tolist()]
        given = {
            "pool": pl.LazyFrame(keys | origin | {"n_turns": [1] * self.n, "n_chars": self.words}),
            "tags": _signal(keys, tags=self.tags),
            "quality_scores": _signal(keys, score=self.scores),
            "row_embeddings": _signal(keys, embedding=pl.Series(vectors, dtype=pl.Array(pl.Float32, 5))),
            "vocabulary": Vocabulary(tuple(Entry(label, 2, label, "kept") for label in LABELS)),
            "edges": pl.LazyFrame(edges, schema=["row", "column", "weight"], orient="row"),
            "labels": pl.LazyFrame({"label": LABELS}),
            "raw_pool": pl.LazyFrame(
                keys | origin | {"messages": [_messages(words) for words in self.words], "tools": [None] * self.n},
                schema_overrides={"tools": pl.String},
            ),
        }
        return PoolFrames(**(given | changes))


def _signal(keys, **values):
    [(name, column)] = values.items()
    flags = [None if value is not None else "missing" for value in list(column)]
    return pl.LazyFrame(keys | {name: column, "flag": flags}, schema_overrides={"flag": pl.String})


def _messages(words):
    return [
        {"role": "user", "content": "ask"} | _EXTRA,
        {"role": "assistant", "content": "word " * (words - 1) + "end"} | _EXTRA,
    ]


class Words:
    """Counts words, as a tokenizer would count tokens."""

    name = "words @ 1"

    def __init__(self) -> None:
        self.counted = 0

    def __call__(self, texts):
        self.counted += len(texts)
        return np.array([len(text.split()) for text in texts], np.int64)
