"""IterIT against the loop it replaces: same TF-IDF matrix, same run, same rows; and scikit-learn's vectoriser.

`preparing` is all that comes between the TF-IDF matrix and the first pick, `selecting` the picks, each the best of
three; the loop runs once, on a CSC matrix that is there. It has the shape of the reference's: every step sums all rows
of the whole matrix, slices the chosen row out of it and multiplies each of that row's columns. It leaves out what costs
the reference more: zeroing the chosen row entry by entry. `row_sums` is the part of the loop that sums rows. Memory is
the peak of a fresh process above its texts.

    OMP_NUM_THREADS=1 python benchmarks/iterit.py [n] [k] [n of the whole run]
"""

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
from measuring import cpu_seconds, measured, record
from scipy.sparse import csr_array

from mig_dagster.selection import iterit
from mig_dagster.selection.copies import next_copies
from mig_dagster.selection.iterit import greedy
from mig_dagster.selection.ngrams import ngram_counts, tfidf
from mig_dagster.selection.novelty import Novelty

DECAY = 0.1
WORDS, PHRASES = 50_000, 1_000_000


def synthetic_answers(n: int, seed: int = 0) -> tuple[list[str], Any]:
    """Return answers of about 125 words, phrases of one to six words from a common stock, Zipf-like; and IFD scores."""
    rng = np.random.default_rng(seed)
    words = np.array([f"w{number}" for number in range(WORDS)])
    zipf = 1.0 / (np.arange(WORDS) + 3.0)
    lengths = rng.integers(1, 7, PHRASES)
    drawn = np.split(words[rng.choice(WORDS, int(lengths.sum()), p=zipf / zipf.sum())], np.cumsum(lengths)[:-1])
    phrases = np.array([" ".join(phrase) for phrase in drawn])
    popularity = 1.0 / (np.arange(PHRASES) + 20.0) ** 0.8
    counts = np.clip(rng.lognormal(3.4, 0.6, n), 1, 400).astype(int)
    chosen = phrases[rng.choice(PHRASES, int(counts.sum()), p=popularity / popularity.sum())]
    texts = [", ".join(answer) for answer in np.split(chosen, np.cumsum(counts)[:-1])]
    return texts, rng.uniform(0.3, 1.0, n)


def whole_matrix(k: int, columns: Any, ifd: Any) -> tuple[list[int], float]:
    """Choose by the loop; return the rows, and the seconds of it that summed rows. Changes the matrix `columns`."""
    left, rows, summing = ifd.copy(), [], 0.0
    for _ in range(k):
        start = time.process_time()
        scores = left * np.asarray(columns.sum(axis=1)).ravel()
        summing += time.process_time() - start
        row = int(scores.argmax())
        rows.append(row)
        left[row] = 0
        for column in columns[[row]].nonzero()[1]:
            columns.data[columns.indptr[column] : columns.indptr[column + 1]] *= DECAY
    return rows, summing


def lazily(k: int, matrix: csr_array, texts: list[str], ifd: Any) -> tuple[list[int], dict[str, float]]:
    """Choose as `iterit` does, three times from the start; return the rows, and the least seconds of both parts."""
    parts: dict[str, list[float]] = {"preparing_cpu_s": [], "selecting_cpu_s": []}
    for _ in range(3):
        preparing, (novelty, waiting) = cpu_seconds(lambda: (Novelty(matrix, DECAY), next_copies(ifd, texts)))
        selecting, (rows, _) = cpu_seconds(greedy, k, ifd, novelty, waiting)
        parts["preparing_cpu_s"].append(preparing)
        parts["selecting_cpu_s"].append(selecting)
    return rows.tolist(), {name: min(seconds) for name, seconds in parts.items()}


def counts_of_scikit_learn(texts: list[str]) -> csr_array:
    """Return the counts of the vectoriser the reference uses, in canonical form."""
    from sklearn.feature_extraction.text import CountVectorizer

    counts = csr_array(CountVectorizer(ngram_range=(1, 3), dtype=np.float64).fit_transform(texts))
    counts.sort_indices()
    return counts


def measure(n: int, k: int) -> dict[str, float]:
    """Choose from `n` answers, vectorising and all; for a process that does nothing else."""
    texts, ifd = synthetic_answers(n)
    _, figures = measured(lambda: iterit(k, ifd_scores=ifd, responses=texts, decay=DECAY))
    return {"n": n, "k": k, **figures}


def main(n: int = 20_000, k: int = 2_000, n_whole: int = 65_000) -> None:
    """Time both, check that they choose the same rows in the same order, and run a whole pool."""
    texts, ifd = synthetic_answers(n)
    counting, counts = cpu_seconds(ngram_counts, texts, best_of=3)
    theirs, expected = cpu_seconds(counts_of_scikit_learn, texts)
    vectorising, matrix = cpu_seconds(tfidf, texts)
    rows, ours = lazily(k, matrix, texts, ifd)
    loop, (looped, summing) = cpu_seconds(whole_matrix, k, matrix.tocsc(), ifd)
    results: dict[str, Any] = {"n": n, "k": k, "decay": DECAY, "text_mb": sum(map(len, texts)) / 1e6}
    results |= {"entries": matrix.nnz, "phrases": matrix.shape[1], "tfidf_cpu_s": vectorising, **ours}
    results |= {"loop_cpu_s": loop, "row_sums_cpu_s": summing, "same_rows": rows == looped}
    results |= {"loop_ratio": loop / ours["selecting_cpu_s"], "row_sums_ratio": summing / ours["selecting_cpu_s"]}
    results["loop_ratio_with_preparing"] = loop / sum(ours.values())
    results |= {"counting_cpu_s": counting, "scikit_learn_counting_cpu_s": theirs, "counting_ratio": theirs / counting}
    results["same_counts"] = counts.shape == expected.shape and (counts != expected).nnz == 0
    for size, budget in ((n, k), (n_whole, 5_000)):
        command = [sys.executable, __file__, "measure", str(size), str(budget)]
        results[f"whole_{size}"] = json.loads(subprocess.check_output(command))
    record(__file__, results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(*map(int, sys.argv[2:]))))
    else:
        main(*map(int, sys.argv[1:]))
