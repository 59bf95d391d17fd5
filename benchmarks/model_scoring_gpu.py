"""How fast a GPU scores: a 7B Llama as DEITA's scorer and as IFD's, and sentence encoders, all with random weights.

Run: python benchmarks/model_scoring_gpu.py [--items 1024] [--batch-tokens 16384]
Writes model_scoring_gpu.json beside this file, with the GPU's name. Needs a CUDA device with 40 GB or more; no model
and no data. Takes about five minutes on an A100.

Scoring goes through `score_items`, as every annotator does, and includes all that happens on the CPU. Model FLOP
utilisation is the rate at which the operations that the tokens need are done (`Shape.operations`; padding does not
count) over that of dense bf16 products of 8192 x 8192 in the same call. Lengths are drawn, seeded: log-normal around a
median of 300 tokens, a tenth above 1,100, cut at 2,048; for sentences, a median of 40, a tenth above 110, cut at 512.
The last two thirds of an item are its answer.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from measuring import record
from random_models import E5_MISTRAL, LLAMA_7B, MINILM, MPNET, RandomCausal, Shape, random_encoder
from scored_models import Item, Losses, NextToken, by_token_budget

LONGEST, LONGEST_SENTENCE = 2_048, 512


def drawn_lengths(n: int, median: float, longest: int) -> npt.NDArray[np.int64]:
    """Return n log-normal lengths in [4, longest], a tenth of which are above 3.6 medians."""
    drawn = np.random.default_rng(0).lognormal(np.log(median), 1.0, n)
    return np.clip(drawn, 4, longest).astype(np.int64)


def drawn_items(n: int, median: float, longest: int, vocabulary: int) -> list[Item]:
    """Return items of random tokens."""
    draw = np.random.default_rng(1)
    lengths = drawn_lengths(n, median, longest).tolist()
    return [Item(draw.integers(3, vocabulary, length).tolist(), max(1, length // 3)) for length in lengths]


def dense_rate(device: str, size: int, dtype: str = "bfloat16", times: int = 20) -> float:
    """Return operations a second of a dense product of squares, the best of three series."""
    import torch

    one, other = (torch.randn(size, size, device=device, dtype=getattr(torch, dtype)) for _ in range(2))
    one @ other
    best = float("inf")
    for _ in range(3):
        finish(device)
        started = time.perf_counter()
        for _ in range(times):
            one @ other
        finish(device)
        best = min(best, (time.perf_counter() - started) / times)
    return 2 * size**3 / best


def scored(scorer: Losses, items: list[Item], asked: Callable[[Item], int], rate: float) -> dict[str, Any]:
    """Return the speed of a scorer over items, `rate` being that of dense products."""
    shape, device = scorer.model.shape, scorer.model.spec.device
    by_token_budget(scorer, items[:: max(1, len(items) // 16)])  # loads, and picks the kernels
    forget_peak(device)
    started = time.perf_counter()
    result = by_token_budget(scorer, items)
    seconds = time.perf_counter() - started
    if not np.isfinite(result.values).all():
        raise FloatingPointError("a random model gave a value that is not finite: its speed means nothing")
    operations = sum(shape.operations(item.tokens, asked(item)) for item in items)
    return {
        "items": len(items),
        "tokens": result.tokens,
        "seconds": round(seconds, 3),
        "tokens_per_s": round(result.tokens / seconds),
        "tflops": operations / seconds / 1e12,
        "model_flop_utilisation": operations / seconds / rate,
        "padding_share": round(result.padding_share, 4),
        "batch_tokens_left": scorer.batch_tokens,
        "head_alone": scorer.model.traits.head_alone,
        "without_mask": scorer.model.traits.causal,
        "peak_gb": peak_gb(device),
    }


def embedded(shape: Shape, n: int, rate: float, **how: Any) -> dict[str, Any]:
    """Return the speed of a sentence encoder of a shape over n sentences, tokenisation included."""
    draw = np.random.default_rng(2)
    longest = min(LONGEST_SENTENCE, shape.positions - 2)
    lengths = drawn_lengths(n, 40, longest).tolist()
    texts = [" ".join(f"w{i}" for i in draw.integers(0, 900, length).tolist()) for length in lengths]
    with TemporaryDirectory() as scratch:
        encoder = random_encoder(shape, Path(scratch), max_tokens=longest, **how)
        encoder.encode(texts[:: max(1, n // 64)])
        forget_peak(encoder.spec.device)
        started = time.perf_counter()
        encoder.encode(texts)
        seconds = time.perf_counter() - started
    operations = sum(shape.operations(length) for length in lengths)
    return {
        "sentences": n,
        "tokens": sum(lengths),
        "seconds": round(seconds, 3),
        "sentences_per_s": round(n / seconds),
        "tokens_per_s": round(sum(lengths) / seconds),
        "model_flop_utilisation": operations / seconds / rate,
        "peak_gb": peak_gb(encoder.spec.device),
    }


def finish(device: str) -> None:
    """Wait for the device."""
    import torch

    if device != "cpu":
        torch.cuda.synchronize(device)


def forget_peak(device: str) -> None:
    """Forget how much memory was taken so far."""
    import torch

    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)


def peak_gb(device: str) -> float | None:
    """Return the most memory that was taken, weights included; None on a CPU."""
    import torch

    return None if device == "cpu" else round(torch.cuda.max_memory_allocated(device) / 1e9, 2)


def measure(items: int, batch_tokens: int, device: str, dtype: str, shapes: dict[str, Shape], rate: float) -> Any:
    """Return the speed of each use: the shape named "llama" scores items, the others embed eight times as many."""
    shapes = dict(shapes)
    llama = RandomCausal(shapes.pop("llama"), device, dtype, LONGEST)
    given = drawn_items(items, 300, min(LONGEST, llama.limit), llama.shape.vocabulary)
    results = {
        "llama_deita": scored(NextToken(llama, batch_tokens), given, lambda item: 1, rate),
        "llama_ifd": scored(Losses(llama, batch_tokens), given, lambda item: item.tokens - item.answer, rate),
    }
    print(results)
    llama.release()
    for name, shape in shapes.items():
        results[name] = embedded(shape, 8 * items, rate, device=device, dtype=dtype, batch_tokens=batch_tokens)
        print(name, results[name])
    return results


def main() -> None:
    """Measure on the first CUDA device and write the results; without one say so."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_024)
    parser.add_argument("--batch-tokens", type=int, default=16_384)
    given = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("needs a CUDA device, and torch sees none: benchmarks/model_scoring.py measures on a CPU")
    device = "cuda:0"
    rate = dense_rate(device, 8_192)
    shapes = {"llama": LLAMA_7B, "minilm": MINILM, "mpnet": MPNET, "e5_mistral": E5_MISTRAL}
    results = measure(given.items, given.batch_tokens, device, "bfloat16", shapes, rate)
    where = {"gpu": torch.cuda.get_device_name(device), "dense_bf16_tflops": round(rate / 1e12, 1)}
    record(__file__, {**where, "batch_tokens": given.batch_tokens, "results": results})


if __name__ == "__main__":
    main()
