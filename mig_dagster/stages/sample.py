"""What the MIG reference's command does, on the annotated pools it reads: chosen rows out as they came in.

Reference   xsample/MIG @ 7ad6af1, command `sample`
Departures  a line that is not JSON, and a row without usable annotations, is counted and left out instead of ending the
            run or going in silence; more rows than the pool has are clamped with a warning instead of an IndexError.
"""

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.annotations import Row
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.imports.deita import deita_scores
from mig_dagster.annotations.model_files import MINILM
from mig_dagster.annotations.quality import AGGREGATIONS
from mig_dagster.conversation import Conversation
from mig_dagster.graph import closed_vocabulary, label_graph
from mig_dagster.selection import SelectionWarning, mig


@dataclass(frozen=True)
class LabelGraphOptions:
    """The reference's label graph.

    Attributes:
        embedding_model: a folder or Hub id of a sentence-transformers model; "" is all-MiniLM-L6-v2.
        sim_threshold: least cosine of an edge, in (0, 1].
    """

    embedding_model: str
    sim_threshold: float


@dataclass(frozen=True)
class AnnotatedPool:
    """The rows of a pool that can be chosen.

    Attributes:
        offsets: (n,) where each row's line begins in the file, in bytes; the lines themselves stay there.
        tags: (n,) tags of each row.
        scores: (n,) mean over turns of quality x complexity.
        left_out: rows that cannot be chosen, by reason.
    """

    offsets: list[int]
    tags: list[list[str]]
    scores: list[float]
    left_out: Counter[str]


def sample_pool(
    src: Path, out: Path, num: int, *, valid_tags: Path | None, graph: LabelGraphOptions, **options: Any
) -> dict[str, Any]:
    """Choose rows of an annotated pool by MIG and write them, in the order chosen.

    Args:
        src: JSON Lines with `annotation.instag.content` and `annotation.deita`.
        out: where the chosen lines go, byte for byte; another file than `src`, replaced as a whole.
        num: rows to choose; more than there are is clamped with a warning.
        valid_tags: JSON list of the labels that count; None takes all.
        graph: how labels are connected.
        options: of `mig`.

    Returns:
        JSON-ready: rows, pool_rows, labels, left_out, warnings, objective, out.

    Raises:
        ValueError: no row can be chosen, `out` is the pool itself, or an option is wrong.
        FileNotFoundError: there is no such pool.
    """
    if out.exists() and out.samefile(src):
        raise ValueError(f"{out}: the chosen rows would take the place of the pool they are chosen from: name another")
    out.parent.mkdir(parents=True, exist_ok=True)
    pool = read_annotated(src)
    n = len(pool.offsets)
    if not n:
        raise ValueError(f"{src}: no row has tags and scores ({dict(pool.left_out)}): is it an annotated xsample pool?")
    labels, matrix = _label_matrix(pool.tags, valid_tags)
    vectors = SentenceEncoder(graph.embedding_model or MINILM).encode(labels)
    weights = label_graph(vectors, threshold=graph.sim_threshold).weights
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SelectionWarning)
        if num > n:
            warnings.warn(f"{num} rows are asked for, all {n} are taken", SelectionWarning, stacklevel=1)
        k = min(num, n)
        chosen = mig(k, tags=matrix, quality_scores=np.array(pool.scores), label_graph=weights, **options)
    _copy_lines(src, out, [pool.offsets[row] for row in chosen.rows])
    return {
        "rows": k,
        "pool_rows": n,
        "labels": len(labels),
        "left_out": dict(pool.left_out),
        "warnings": [str(warning.message) for warning in caught],
        "objective": chosen.objective,
        "out": str(out),
    }


def read_annotated(src: Path) -> AnnotatedPool:
    """Read a pool; a row with tags and scores stays even when none of its labels counts, as in the reference."""
    pool = AnnotatedPool([], [], [], Counter())
    with src.open("rb") as file:
        offset = 0
        for line in file:
            start, offset = offset, offset + len(line)
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError:
                pool.left_out["not valid JSON"] += 1
                continue
            tags, score = _annotations(record)
            if isinstance(score, float) and tags is not None:
                pool.offsets.append(start)
                pool.tags.append(tags)
                pool.scores.append(score)
            else:
                pool.left_out[
                    "no usable annotation.deita scores" if tags is not None else "no annotation.instag tags"
                ] += 1
    return pool


def _annotations(record: Any) -> tuple[list[str] | None, float | None]:
    """Return a row's tags (repeated ones too: `norm` counts them) and score; None for what it lacks."""
    match record:
        case {"annotation": {"instag": {"content": [*tags]}}} if all(isinstance(tag, str) for tag in tags):
            scores = deita_scores(Row("", Conversation(()), record))
            return tags, AGGREGATIONS["turn_mean"](scores) if isinstance(scores, list) else None
    return None, None


def _copy_lines(src: Path, out: Path, offsets: Sequence[int]) -> None:
    """Write the lines of `src` that begin at `offsets`, in that order, as one new file that is whole or not there."""
    aside = out.with_name(f".{out.name}.{uuid4().hex}")
    try:
        with src.open("rb") as pool, aside.open("xb") as file:
            for offset in offsets:
                pool.seek(offset)
                file.write(pool.readline().rstrip(b"\r\n") + b"\n")
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def _label_matrix(tags: list[list[str]], valid_tags: Path | None) -> tuple[list[str], csr_array]:
    """Return the labels that count, sorted, and which row carries which; repeated labels stay repeated entries."""
    vocabulary = closed_vocabulary(tags, valid_tags) if valid_tags else None
    kept = [row if vocabulary is None else [tag for tag in row if tag in vocabulary.mapping] for row in tags]
    labels = sorted({label for row in kept for label in row})
    index = {label: column for column, label in enumerate(labels)}
    indptr = np.cumsum([0, *map(len, kept)])
    indices = np.array([index[label] for row in kept for label in row], dtype=np.int64)
    return labels, csr_array((np.ones(len(indices)), indices, indptr), shape=(len(kept), len(labels)))
