"""A pool of a few rows with everything that a report is made from, and two subsets of it."""

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from mig_dagster.conversation import Conversation, Message
from mig_dagster.pool.schema import DUPLICATES
from mig_dagster.report.inputs import ReportInputs, ReportPool, ReportSubset

LABELS = ["algebra", "chess", "poetry", "sql", "travel"]
SCRIPT = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title='taken over'\">"
"""What a row says that wants to run in the page."""


def texts(rows: pl.DataFrame) -> list[Conversation]:
    said = rows.select("row_id", "source").iter_rows()
    return [
        Conversation(
            (Message("user", f"ask {row_id} {SCRIPT}"), Message("assistant", f"answer from {source} {SCRIPT}"))
        )
        for row_id, source in said
    ]


def small_pool(n: int = 60, seed: int = 0, **changes) -> ReportPool:
    """Return `n` rows of three sources; row 0 has no score, row 1 no label, row 2 no embedding."""
    rng = np.random.default_rng(seed)
    tags = (rng.random((n, len(LABELS))) < 0.4).astype(np.float64)
    tags[1] = 0
    score = rng.uniform(1, 6, n)
    score[0] = np.nan
    vectors = rng.normal(size=(n - 1, 8)).astype(np.float32)
    duplicates = {
        "source": ["maths"], "origin": ["m:99"], "row_id": ["copy"], "kind": ["normalised"],
        "kept_source": ["chat"], "kept_origin": ["f:000"], "kept_row_id": ["id0000"],
    }  # fmt: skip
    given = {
        "rows": pl.DataFrame(
            {
                "row_id": [f"id{i:04d}" for i in range(n)],
                "source": sorted(rng.choice(["chat", "maths", f"notes{SCRIPT}"], n).tolist()),
                "origin": [f"f:{i:03d}" for i in range(n)],
                "n_turns": rng.integers(1, 4, n).astype(np.int32),
                "n_chars": rng.integers(10, 4000, n),
            }
        ),
        "texts": texts,
        "scores": {"score": score, "ifd_ppl": rng.uniform(0.2, 1.1, n)},
        "scale": "lexical, turn_mean",
        "labels": [*LABELS[:-1], f"travel{SCRIPT}"],
        "tags": csr_array(tags),
        "label_graph": csr_array(np.eye(5) + 0.5 * (np.eye(5, k=1) + np.eye(5, k=-1))),
        "embeddings": vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        "place": np.array([0, 1, -1, *range(2, n - 1)]),
        "tokens": rng.integers(5, 900, n),
        "duplicates": pl.DataFrame(duplicates, schema=DUPLICATES),
    }
    return ReportPool(**(given | changes))


def small_inputs(n: int = 60, **changes) -> ReportInputs:
    pool = small_pool(n, **changes)
    order = np.random.default_rng(1).permutation(n)
    info = {"budget": "12", "options": {}, "nested": True, "pool_rows": n}
    first = ReportSubset("mig_subset", "mig", order[:12], np.linspace(5, 1, 12), info)
    return ReportInputs(pool, [first, ReportSubset("random_subset", "random", order[6:18], np.zeros(12), info)])
