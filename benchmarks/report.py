"""The report of a large pool: its page stays small, whatever n is; seconds and memory of every figure and of the page.

A synthetic pool (`mig_pool`) with embeddings in clusters, two scores, token counts, duplicates, and ten subsets of 5 %,
of which the first is by rank as MIG would give it (the choice itself is measured in mig_large.py). Conversations are
made when they are asked for. Fails where the page is larger than `MOST`.

    OMP_NUM_THREADS=1 python benchmarks/report.py [n]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from measuring import measured, record
from mig_pool import synthetic_pool

from mig_dagster.conversation import Conversation, Message
from mig_dagster.pool.schema import DUPLICATES
from mig_dagster.report.figures import FIGURES
from mig_dagster.report.inputs import ReportInputs, ReportPool, ReportSubset
from mig_dagster.report.page import report_page
from mig_dagster.report.page_head import head_of
from mig_dagster.selection import METHODS

MOST = 6e6  # bytes of the page
DIMENSIONS = 384
SOURCES = 20
SHARE = 0.05


def texts(rows: pl.DataFrame) -> list[Conversation]:
    """Return a conversation for each row."""
    said = [f"Question {row_id}: " + "why " * 60 for row_id in rows["row_id"]]
    return [Conversation((Message("user", text), Message("assistant", text * 3))) for text in said]


def embeddings(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return unit vectors (n, `DIMENSIONS`) around 200 centres."""
    centres = rng.normal(size=(200, DIMENSIONS)).astype(np.float32)
    vectors = centres[rng.integers(0, len(centres), n)]
    vectors += 0.6 * rng.standard_normal((n, DIMENSIONS), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def report_inputs(n: int) -> ReportInputs:
    """Return a pool of n rows and ten subsets of it."""
    rng = np.random.default_rng(0)
    given = synthetic_pool(n)
    ids = [f"{row:032x}" for row in range(n)]
    rows = pl.DataFrame(
        {
            "row_id": ids,
            "source": np.sort(rng.integers(0, SOURCES, n)).astype(str),
            "origin": [f"part.jsonl:{row}" for row in range(n)],
            "n_turns": rng.integers(1, 6, n).astype(np.int32),
            "n_chars": rng.lognormal(7, 1, n).astype(np.int64),
        }
    )
    removed = {"kind": "exact", "kept_source": rows["source"][0], "kept_origin": "part.jsonl:0", "kept_row_id": ids[0]}
    gone = rows.head(n // 50).select("source", "row_id", origin=pl.format("{} again", "origin"))
    duplicates = gone.with_columns(pl.lit(value).alias(name) for name, value in removed.items())
    pool = ReportPool(
        rows,
        texts,
        {"score": np.asarray(given["quality_scores"], np.float64), "ifd_ppl": rng.uniform(0.2, 1.1, n)},
        "lexical, turn_mean",
        [f"label {label}" for label in range(given["tags"].shape[1])],
        given["tags"],
        given["label_graph"],
        embeddings(n, rng),
        np.arange(n),
        rows["n_chars"].to_numpy() // 4,
        duplicates.select(DUPLICATES.names()),
    )
    k = int(n * SHARE)
    info = {"budget": "5%", "options": {}, "nested": True, "pool_rows": n}
    names = ["mig", *sorted(set(METHODS) - {"mig"})][:10]
    orders = [rng.permutation(n)[:k] for _ in names]
    subsets = [
        ReportSubset(f"{name}_subset", name, order, np.sort(rng.random(k))[::-1], info)
        for name, order in zip(names, orders, strict=True)
    ]
    return ReportInputs(pool, subsets)


def main() -> None:
    """Draw every figure and the page, and record what that takes."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    given = report_inputs(n)
    figures, runs = [], {}
    for draw in FIGURES:
        figure, run = measured(lambda draw=draw: draw(given))
        figures.append(figure)
        runs[figure.name] = run | {"lines": sum(table.height for table in figure.tables.values())}
        print(figure.name, runs[figure.name], flush=True)
    page, runs["page"] = measured(lambda: report_page(head_of(given, {"pool": "synthetic"}), figures))
    with tempfile.TemporaryDirectory() as folder:
        tables = {name: table for figure in figures for name, table in figure.tables.items()}
        for name, table in tables.items():
            table.write_parquet(Path(folder) / name)
        written = sum(file.stat().st_size for file in Path(folder).iterdir())
    size = len(page.encode())
    record(__file__, {"n": n, "page_bytes": size, "tables_bytes": written, "runs": runs})
    if size > MOST:
        raise SystemExit(f"the page of {n:,} rows has {size / 1e6:.1f} MB, more than {MOST / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
