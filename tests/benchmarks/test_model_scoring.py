"""The benchmarks of model scoring run, at toy size on a CPU, and count what they say they count."""

import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


def tiny_shapes():
    from random_models import Shape

    return {
        "llama": Shape("llama", 2, 32, 64, 4, 4, 300, 256),
        "minilm": Shape("bert", 2, 32, 64, 4, 4, 1_100, 64),
        "mpnet": Shape("mpnet", 2, 32, 64, 4, 4, 1_100, 66),
        "e5_mistral": Shape("mistral", 2, 32, 64, 4, 2, 1_100, 64),
    }


def test_the_gpu_benchmark_measures_every_use(scripts):
    import model_scoring_gpu as benchmark

    rate = benchmark.dense_rate("cpu", 64, "float32", times=2)
    results = benchmark.measure(12, 1_024, "cpu", "float32", tiny_shapes(), rate)
    assert list(results) == ["llama_deita", "llama_ifd", "minilm", "mpnet", "e5_mistral"]
    for result in results.values():
        assert result["tokens_per_s"] > 0
        assert 0 < result["model_flop_utilisation"] < 10
        assert result["peak_gb"] is None
    assert results["llama_deita"]["without_mask"] is True
    assert results["minilm"]["sentences"] == 96


def test_operations_are_those_of_the_products_that_torch_counts(scripts):
    import torch
    from random_models import build
    from torch.utils.flop_counter import FlopCounterMode

    for name, shape in tiny_shapes().items():
        model = build(shape, "AutoModel", "cpu", "float32")
        model.set_attn_implementation("eager")  # torch does not count sdpa on a CPU; this computes what a mask hides
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            model(input_ids=torch.ones(1, 50, dtype=torch.long))
        hidden = 4.0 * shape.layers * shape.width * 50 * 49 / 2 if name in ("llama", "e5_mistral") else 0
        pooler = {"minilm": 1, "mpnet": 1}.get(name, 0) * 2 * shape.width**2
        assert shape.operations(50) + hidden + pooler == pytest.approx(counter.get_total_flops()), name


def test_the_7b_shape_is_llamas(scripts):
    from random_models import LLAMA_7B

    assert LLAMA_7B.weights + 2 * LLAMA_7B.width * LLAMA_7B.vocabulary == pytest.approx(6.738e9, rel=1e-3)


def test_without_a_gpu_the_gpu_benchmark_says_so(scripts, monkeypatch):
    import model_scoring_gpu as benchmark
    import torch

    monkeypatch.setattr(sys, "argv", ["model_scoring_gpu.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs a CUDA device, and torch sees none"):
        benchmark.main()


def test_without_real_data_the_cpu_benchmark_says_so(scripts, tmp_path):
    from real_texts import turns

    with pytest.raises(SystemExit, match=r"needs real conversations, but dolly/dolly_3k\.json, .* is not in"):
        turns(3, tmp_path)


def test_the_cpu_benchmark_compares_three_ways_that_say_the_same(scripts):
    import model_scoring as benchmark
    from scored_models import Encoded, Losses, load_causal, load_encoder

    draw = np.random.default_rng(0)
    words = ["the", "sea", "is", "wide", "and", "blue", "seventeen"]
    pairs = [tuple(" ".join(draw.choice(words, draw.integers(1, 30))) for _ in range(2)) for _ in range(40)]
    models = {
        "llama": (lambda n: benchmark.llama(n, 1, 16), load_causal, Losses),
        "bert": (lambda n: benchmark.bert(n, 1, 16, 2), load_encoder, Encoded),
    }
    for result in benchmark.measure(pairs, models, 48, 256, 300).values():
        assert result["naive_32"]["largest_difference"] < 1e-4
        assert result["token_budget"]["largest_difference"] < 1e-4
        assert result["token_budget"]["padding_share"] < result["naive_32"]["padding_share"]
        assert result["times_faster_than_naive_32"] > 0
