import random
import subprocess
import sys
import textwrap

import pytest
import torch

from mig_dagster.annotations.token_batches import run_in_token_batches


def batches(lengths, budget):
    seen = []
    run_in_token_batches(lengths, budget, seen.append)
    return seen


def test_batches_hold_texts_of_like_length_within_the_budget():
    assert batches([3, 10, 1, 9, 2, 3], 20) == [[1, 3], [0, 5], [4, 2]]


@pytest.mark.parametrize("seed", range(5))
def test_every_text_is_in_one_batch_and_no_batch_is_over_the_budget(seed):
    draw = random.Random(seed)
    lengths = [draw.randrange(0, 50) for _ in range(200)]
    made = batches(lengths, 120)
    assert sorted(i for batch in made for i in batch) == list(range(200))
    assert all(max(lengths[i] for i in batch) * len(batch) <= 120 for batch in made)


def test_a_batch_ends_where_padding_would_take_more_than_a_twentieth():
    lengths = [*range(200, 100, -1), *range(20, 10, -1)]
    made = batches(lengths, 2_000)
    padded = [max(lengths[i] for i in batch) * len(batch) for batch in made]
    assert sum(lengths) / sum(padded) > 0.95
    assert all(size >= 2_000 / 8 for size in padded[:-1]), "too small for a GPU"


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own():
    assert batches([500, 3], 100) == [[0], [1]]


def test_texts_without_tokens_are_batched_too():
    assert batches([0, 0, 0], 2) == [[0, 1], [2]]


def test_nothing_to_do_runs_nothing():
    assert batches([], 10) == []


class Device:
    """A device whose memory holds so many padded tokens."""

    def __init__(self, lengths, memory):
        self.lengths, self.memory = lengths, memory
        self.done, self.failures = [], 0

    def __call__(self, batch):
        if max(self.lengths[i] for i in batch) * len(batch) > self.memory:
            self.failures += 1
            raise torch.OutOfMemoryError("simulated")
        self.done.append(batch)


def test_out_of_memory_halves_the_budget_and_goes_on():
    device = Device([10] * 32, memory=60)
    left = run_in_token_batches(device.lengths, 320, device)
    assert device.failures == 3  # 320, 160, 80 padded tokens did not fit, 40 do
    assert left == 40
    assert sorted(i for batch in device.done for i in batch) == list(range(32))


def test_a_budget_far_above_the_work_is_halved_from_what_was_tried():
    device = Device([10] * 4, memory=20)
    assert run_in_token_batches(device.lengths, 1_000_000, device) == 20
    assert device.failures == 1


def test_a_single_text_that_does_not_fit_is_an_error_with_the_remedy():
    device = Device([10, 90, 10], memory=60)
    with pytest.raises(MemoryError, match=r"one text of 90 tokens does not fit.*lower max_tokens"):
        run_in_token_batches(device.lengths, 100, device)


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    def run(batch):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run_in_token_batches([1], 10, run)


def test_a_cpu_that_runs_out_of_memory_gets_smaller_batches_too():
    """In a process of its own that may not grow: torch raises a plain RuntimeError there."""
    code = """
        import resource
        from pathlib import Path
        import torch
        from mig_dagster.annotations.token_batches import run_in_token_batches

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + (1 << 30), resource.RLIM_INFINITY))
        done = []

        def run(batch):
            torch.empty(len(batch) * 100, 1 << 20, dtype=torch.uint8)
            done.extend(batch)

        left = run_in_token_batches([100] * 64, 6400, run)
        assert sorted(done) == list(range(64)), done
        assert 100 <= left < 1024, left
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
