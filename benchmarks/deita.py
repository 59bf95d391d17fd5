"""DEITA's filter against the loop of its reference code: CPU seconds of one thread, the same rows, and memory.

`one_row_at_a_time` works as the reference does with batch_size=1: for every row it gathers the embeddings of all rows
kept, hands them to torch, scales them to length 1, twice, and multiplies. `deita` is the best of five at the small
size, once at the large one, where the loop would take an hour and is not run. Where the processor multiplies bfloat16
`deita` begins with that; `float32_only` is the same without, as on a processor that cannot.

    OMP_NUM_THREADS=1 python benchmarks/deita.py [n] [large_n]
"""

import sys
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from clustered_embeddings import clustered_embeddings
from measuring import measured, record
from numpy.typing import NDArray

from mig_dagster.selection import Selection, deita
from mig_dagster.selection.rounded_products import multiplies_bfloat16

THRESHOLDS = (0.9, 0.75)
REPEATS = 5


def pool(n: int) -> dict[str, NDArray[Any]]:
    """Return embeddings (n, 384) and scores without ties."""
    scores = np.random.default_rng(1).lognormal(2, 0.4, n)
    return {"quality_scores": scores, "row_embeddings": clustered_embeddings(n)}


def cosines(one: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return the cosines of one row with others, scaling all of them twice as the reference does."""
    for _ in range(2):
        one = one / one.norm(dim=1)[:, None]
        others = others / others.norm(dim=1)[:, None]
    return torch.mm(one, others.t())


def one_row_at_a_time(quality_scores: NDArray[Any], row_embeddings: NDArray[Any], threshold: float) -> list[int]:
    """Filter the whole pool, in float32."""
    order = np.argsort(-quality_scores, kind="stable")
    embeddings = row_embeddings[order].astype(np.float64)  # a DataFrame column of lists gives these
    kept = [0]
    for row in range(1, len(order)):
        one = torch.tensor(embeddings[row : row + 1], dtype=torch.float32)
        others = torch.tensor(embeddings[kept], dtype=torch.float32)
        within = cosines(one, one).tril(-1)  # a batch of one row: nothing, but it is computed
        if not (torch.any(cosines(one, others) > threshold) | torch.any(within > threshold)):
            kept.append(row)
    return order[kept].tolist()


def float32_only(*args: Any, **given: Any) -> Selection:
    """Run `deita` as on a processor without bfloat16."""
    with patch("mig_dagster.selection.cosine_filter.multiplies_bfloat16", lambda device: False):
        return deita(*args, **given)


def best(n: int, run: Callable[..., Selection], **given: Any) -> tuple[Selection, float]:
    """Return what a run over the whole pool chooses, and the CPU seconds of the best of some runs."""
    runs = [measured(lambda: run(n, **given)) for _ in range(REPEATS)]
    return runs[0][0], min(each["cpu_s"] for _, each in runs)


def against_the_loop(n: int, threshold: float) -> dict[str, Any]:
    """Run both on one pool and check that they keep the same rows in the same order."""
    given = pool(n)
    chosen, ours = best(n, deita, **given, threshold=threshold)
    plain, plain_s = best(n, float32_only, **given, threshold=threshold)
    start = time.process_time()
    theirs = one_row_at_a_time(**given, threshold=threshold)
    loop = time.process_time() - start
    return {
        "n": n,
        "threshold": threshold,
        "kept": len(theirs),
        "deita_cpu_s": ours,
        "loop_cpu_s": loop,
        "ratio": loop / ours,
        "float32_only_cpu_s": plain_s,
        "float32_only_ratio": loop / plain_s,
        "same_rows": chosen.rows.tolist() == plain.rows.tolist() == theirs,
    }


def alone(n: int, threshold: float) -> dict[str, Any]:
    """Run `deita` over a whole large pool."""
    given = pool(n)
    chosen, run = measured(lambda: deita(n, **given, threshold=threshold))
    plain, plain_run = measured(lambda: float32_only(n, **given, threshold=threshold))
    return {
        "n": n,
        "threshold": threshold,
        "kept": len(chosen.rows),
        **run,
        "float32_only_cpu_s": plain_run["cpu_s"],
        "same_rows": chosen.rows.tolist() == plain.rows.tolist(),
    }


def main(n: int = 6_000, large_n: int = 50_000) -> None:
    """Time both at the small size and ours at the large one."""
    torch.set_num_threads(1)
    deita(2, **pool(20))  # what is loaded on first use is not the method's
    results = {
        "d": 384,
        "hardware_multiplies_bfloat16": multiplies_bfloat16(torch.device("cpu")),
        "large": [alone(large_n, threshold) for threshold in THRESHOLDS],
        "small": [against_the_loop(n, threshold) for threshold in THRESHOLDS],
    }
    record(__file__, results)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
