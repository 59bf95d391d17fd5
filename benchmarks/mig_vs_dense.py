"""MIG against the dense loops it replaces, same pool, same run, same rows: CPU seconds from the same sparse inputs.

`mig` is the best of three, the dense loops run once.
`masked_copy` is the shape of the reference's loop: every step copies the rows not yet taken before it multiplies.
`copy_free` is the best a dense loop can do: one matrix-vector product a step over a matrix built once.

    OMP_NUM_THREADS=1 python benchmarks/mig_vs_dense.py [n] [k]
"""

import sys
import warnings
from typing import Any

import torch
from measuring import cpu_seconds, record
from mig_pool import LABELS, synthetic_pool

from mig_dagster.selection import SelectionWarning, mig, propagation

B, A = 0.8, 1e-6


def information(pool: dict[str, Any]) -> torch.Tensor:
    """Return what each row tells each label, dense float32 (n, m) as the reference holds it."""
    tags = torch.from_numpy(pool["tags"].toarray())
    scores = torch.from_numpy(pool["quality_scores"]).float()
    return (tags * scores[:, None]) @ torch.from_numpy(propagation(pool["label_graph"]).toarray()).float()


def masked_copy(k: int, pool: dict[str, Any]) -> list[int]:
    """Gradient rule, dense, with a copy of the remaining rows at every step."""
    told = information(pool)
    left = torch.ones(len(told), dtype=torch.bool)
    known, rows = torch.zeros(told.shape[1]), []
    for _ in range(k):
        gains = told[left] @ (B * (known + A) ** (B - 1))
        row = int(torch.nonzero(left).squeeze()[gains.argmax()])
        left[row] = False
        known += told[row]
        rows.append(row)
    return rows


def copy_free(k: int, pool: dict[str, Any]) -> list[int]:
    """Gradient rule, dense, without copies."""
    told = information(pool)
    known, rows = torch.zeros(told.shape[1]), []
    for _ in range(k):
        gains = told @ (B * (known + A) ** (B - 1))
        gains[rows] = -1
        rows.append(int(gains.argmax()))
        known += told[rows[-1]]
    return rows


def sparse(k: int, pool: dict[str, Any]) -> list[int]:
    """Choose by the project's own `mig`."""
    return mig(k, **pool).rows.tolist()


def main(n: int = 20_000, k: int = 1_000) -> None:
    """Time the three and check that they choose the same rows in the same order."""
    warnings.simplefilter("ignore", SelectionWarning)
    torch.set_num_threads(1)
    pool = synthetic_pool(n)
    ours, rows = cpu_seconds(sparse, k, pool, best_of=3)
    results: dict[str, Any] = {"n": n, "m": LABELS, "k": k, "gain": "gradient", "mig_cpu_s": ours}
    for loop in (copy_free, masked_copy):
        seconds, theirs = cpu_seconds(loop, k, pool)
        name = loop.__name__
        results |= {f"{name}_cpu_s": seconds, f"{name}_ratio": seconds / ours, f"{name}_same_rows": theirs == rows}
    record(__file__, results)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
