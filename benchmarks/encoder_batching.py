"""What token-budget batching saves an encoder, on real conversations, with a check that embeddings stay the same.

Run: OMP_NUM_THREADS=1 python benchmarks/encoder_batching.py [--texts 600]
Writes encoder_batching.json beside this file. Needs a folder `shared` beside the checkout, and all-MiniLM-L6-v2.

Every way encodes the same texts with the same model: one text a batch; 32 texts a batch in the order given, which pads
each to the longest of its batch ("naive"); sentence-transformers' own `encode`, which sorts by characters; and
`SentenceEncoder`, which sorts by tokens and fills a budget of padded tokens.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.encoder import SentenceEncoder

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
Vectors = npt.NDArray[np.float32]


def conversations(n: int) -> list[str]:
    """Return n conversations of three sources, short questions and long answers mixed."""
    sources = ("dolly/dolly_3k.json", "gpteacher/roleplay.json", "llamafactory/alpaca_en_demo.json")
    records = [record for source in sources for record in json.loads((DATA / source).read_text("utf-8"))]
    fields = ("instruction", "context", "input", "response", "output")
    texts = ["\n".join(record[field] for field in fields if record.get(field)) for record in records]
    return [texts[i] for i in np.random.default_rng(0).permutation(len(texts))[:n]]


def in_order(encoder: SentenceEncoder, texts: list[str], size: int) -> Vectors:
    """Encode in batches of so many texts, in the order given."""
    import torch

    with torch.inference_mode():
        return np.concatenate([encoder._forward(texts[i : i + size]) for i in range(0, len(texts), size)])


def measure(
    run: Callable[[], Vectors], reference: Vectors | None, tokens: int, n: int
) -> tuple[dict[str, Any], Vectors]:
    """Time one way to encode, and compare its embeddings with the reference's."""
    cpu, wall = time.process_time(), time.perf_counter()
    vectors = run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    cosine = 1.0 if reference is None else float((vectors * reference).sum(axis=1).min())
    result = {
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "texts_per_cpu_s": round(n / cpu, 1),
        "tokens_per_cpu_s": round(tokens / cpu),
        "least_cosine_with_one_by_one": round(cosine, 6),
    }
    return result, vectors


def padding_efficiency(lengths: list[int], batches: list[list[int]]) -> float:
    """Return tokens over padded tokens."""
    return round(sum(lengths) / sum(max(lengths[i] for i in batch) * len(batch) for batch in batches), 3)


def budget_batches(lengths: list[int], budget: int) -> list[list[int]]:
    """Return the batches that the encoder makes."""
    from mig_dagster.annotations.token_batches import run_in_token_batches

    batches: list[list[int]] = []
    run_in_token_batches(lengths, budget, batches.append)
    return batches


def main() -> None:
    """Measure every way and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=600)
    n = parser.parse_args().texts
    texts = conversations(n)
    encoder, smaller, half = SentenceEncoder(), SentenceEncoder(batch_tokens=2048), SentenceEncoder(dtype="bfloat16")
    for loaded in (encoder, smaller, half):
        loaded.encode(texts[:32])
    lengths = encoder.token_lengths(texts)
    tokens = sum(lengths)
    ways: dict[str, Callable[[], Vectors]] = {
        "one_by_one": lambda: in_order(encoder, texts, 1),
        "naive_32": lambda: in_order(encoder, texts, 32),
        "sentence_transformers_32": lambda: encoder._model.encode(texts, normalize_embeddings=True),
        "token_budget_2048": lambda: smaller.encode(texts),
        "token_budget_4096": lambda: encoder.encode(texts),
        "token_budget_4096_bfloat16": lambda: half.encode(texts),
    }
    results: dict[str, Any] = {}
    reference = None
    for name, run in ways.items():
        results[name], vectors = measure(run, reference, tokens, n)
        reference = vectors if reference is None else reference
        print(name, results[name])
    naive = results["naive_32"]["cpu_s"]
    document = {
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, {cpu_name()}",
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
        ).stdout.strip(),
        "model": encoder.files.name,
        "texts": n,
        "tokens": tokens,
        "padding_efficiency": {
            "naive_32": padding_efficiency(lengths, [list(range(i, min(i + 32, n))) for i in range(0, n, 32)]),
            "token_budget_2048": padding_efficiency(lengths, budget_batches(lengths, 2048)),
            "token_budget_4096": padding_efficiency(lengths, budget_batches(lengths, 4096)),
        },
        "times_faster_than_naive": {name: round(naive / result["cpu_s"], 2) for name, result in results.items()},
        "results": results,
    }
    (HERE / "encoder_batching.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def cpu_name() -> str:
    """Return the processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
