"""ZIP with continued compression states against compressing every list from scratch: the same ratios, the same rows.

`candidate`: one candidate after 2 MB of chosen text, the whole list compressed as the reference does it, and a copy of
the state after the common text. `small`: the whole algorithm, both ways. `large`: the whole algorithm at the size of a
real pool, with wall time too, because zlib runs on all cores at once; from scratch it would take days, so it is not
tried. Rows are made up: conversations of some 600 bytes from Zipf-distributed words.

    python benchmarks/zip_selection.py [n] [k]
"""

import json
import os
import random
import subprocess
import sys
import time
import zlib
from itertools import accumulate
from typing import Any

from measuring import cpu_seconds, measured, record

from mig_dagster.selection import zip as select_by_zip
from mig_dagster.selection.compression import GrowingList, available_cores, compressor

PREFIX_BYTES = 2_000_000
FROM_SCRATCH, CONTINUED = 20, 2_000  # candidates
SMALL = {"k1": 400, "k2": 40, "k3": 20}


def conversations(n: int, seed: int = 0) -> list[str]:
    """Return n canonical JSON texts of one question and one answer."""
    rng = random.Random(seed)
    syllables = [a + b + c for a in "bcdfghlmnprst" for b in "aeiou" for c in ("", "n", "r", "s", "l")]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(30_000)]
    weights = list(accumulate(1 / (rank + 5) for rank in range(len(words))))

    def text(mean: int) -> str:
        return " ".join(rng.choices(words, cum_weights=weights, k=max(1, int(rng.lognormvariate(0, 0.7) * mean)))) + "."

    return [
        json.dumps({"messages": [{"content": text(12), "role": "user"}, {"content": text(40), "role": "assistant"}]})
        for _ in range(n)
    ]


def ratio(rows: list[str]) -> float:
    """Return R of a list, from scratch."""
    plain = ("[" + ", ".join(rows) + "]").encode()
    return len(plain) / len(zlib.compress(plain, 9))


def from_scratch(k: int, rows: list[str], k1: int, k2: int, k3: int) -> list[int]:
    """Choose as `zip` does, compressing every list as a whole."""
    stale = [ratio([row]) for row in rows]
    chosen: list[int] = []
    while len(chosen) < k:
        left = sorted(set(range(len(rows))) - set(chosen), key=lambda row: (stale[row], row))
        text = [rows[row] for row in chosen]
        for row in left[:k1]:
            stale[row] = ratio([*text, rows[row]])
        shortlist = sorted(left[:k1], key=lambda row: (stale[row], row))[:k2]
        for row in shortlist:
            stale[row] = 1e6
        batch: list[int] = []
        while len(batch) < k3:
            text = [rows[row] for row in batch]
            batch.append(min(set(shortlist) - set(batch), key=lambda row: (ratio([*text, rows[row]]), row)))
        chosen += batch
    return chosen[:k]


def candidate() -> dict[str, Any]:
    """Time one candidate both ways after 2 MB of chosen text."""
    rows = conversations(2 * PREFIX_BYTES // 500)
    chosen: list[str] = []
    while sum(map(len, chosen)) < PREFIX_BYTES:
        chosen += rows[len(chosen) : len(chosen) + 100]
    candidates = rows[-CONTINUED:]
    seconds, expected = cpu_seconds(lambda: [ratio([*chosen, row]) for row in candidates[:FROM_SCRATCH]])
    scratch = seconds / FROM_SCRATCH
    growing = GrowingList()
    for row in chosen:
        growing.append(row.encode())
    seconds, found = cpu_seconds(growing.ratios, [row.encode() for row in candidates])
    continued = seconds / CONTINUED
    return {
        "prefix_bytes": sum(map(len, chosen)),
        "from_scratch_cpu_ms": 1e3 * scratch,
        "continued_cpu_ms": 1e3 * continued,
        "ratio": scratch / continued,
        "same_ratios": found[:FROM_SCRATCH] == expected,
    }


def small(n: int = 3_000, k: int = 200) -> dict[str, Any]:
    """Run the whole algorithm both ways."""
    rows = conversations(n)
    continued, ours = cpu_seconds(lambda: select_by_zip(k, serialized_rows=rows, **SMALL).rows.tolist())
    scratch, theirs = cpu_seconds(lambda: from_scratch(k, rows, **SMALL))
    sizes = {"n": n, "k": k, **SMALL, "zip_cpu_s": continued, "from_scratch_cpu_s": scratch}
    return {**sizes, "ratio": scratch / continued, "same_rows": ours == theirs}


def large(n: int, k: int) -> dict[str, Any]:
    """Run the whole algorithm at the size of a real pool; for a process that does nothing else."""
    rows = conversations(n)
    load = os.getloadavg()[0]  # of others, who make the wall time longer
    start = time.perf_counter()
    chosen, run = measured(lambda: select_by_zip(k, serialized_rows=rows))
    return {
        "n": n,
        "k": k,
        "mean_bytes": sum(map(len, rows)) / n,
        "wall_s": time.perf_counter() - start,
        "cores": available_cores(),
        "load_average_before": load,
        **run,
        "ratio_of_the_choice": chosen.objective,
        "ratio_of_the_first_k_rows": ratio(rows[:k]),
    }


def main(n: int = 65_000, k: int = 5_000) -> None:
    """Run the three."""
    found = subprocess.check_output([sys.executable, __file__, "large", str(n), str(k)])
    record(
        __file__, {"compressor": compressor(), "candidate": candidate(), "small": small(), "large": json.loads(found)}
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["large"]:
        print(json.dumps(large(*map(int, sys.argv[2:]))))
    else:
        main(*map(int, sys.argv[1:]))
