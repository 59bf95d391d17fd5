"""Batches of like length under a budget of padded tokens, halved when the memory does not hold one.

Padding is work thrown away: with rows sorted by length and batches cut by tokens instead of rows, nearly every position
that a model computes is a token (benchmarks/encoder_batching.py, benchmarks/model_scoring.py).
"""

from collections.abc import Callable, Sequence

PADDING_SHARE = 0.05
"""A batch ends before the text that would make more of it padding, our choice."""

FULL = 8
"""... once it holds this fraction of the budget: smaller ones would leave a GPU idle."""

_NO_MEMORY = ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "MPS backend out of memory")
"""What torch says, in a plain RuntimeError, where the memory of a CPU, of cuBLAS or of an Apple GPU is spent."""


def run_in_token_batches(lengths: Sequence[int], budget: int, run: Callable[[list[int]], None]) -> int:
    """Call `run` with batches of positions, longest texts first, until every position was in one.

    A batch holds at least one text and no more than fit into the budget when all are padded to its longest; it ends
    earlier where padding would take more than `PADDING_SHARE` of it. When torch is out of memory the batch's tokens are
    halved, and that is the budget from then on.

    Args:
        lengths: tokens of each text, at least 0.
        budget: padded tokens in a batch, at least 1.
        run: computes and keeps one batch; may run out of memory before it keeps, and is then called again with less.

    Returns:
        The budget that was left at the end.

    Raises:
        MemoryError: a single text did not fit.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    start = 0
    while start < len(order):
        batch = _next_batch(lengths, order, start, budget)
        longest = max(1, lengths[batch[0]])
        if _fits(run, batch):
            start += len(batch)
            continue
        if len(batch) == 1:
            raise MemoryError(
                f"one text of {longest} tokens does not fit into the device's memory: lower max_tokens, take a smaller "
                "model or a shorter dtype, or free memory that other processes hold"
            )
        budget = max(1, longest * len(batch) // 2)
    return budget


def _next_batch(lengths: Sequence[int], order: Sequence[int], start: int, budget: int) -> list[int]:
    longest = max(1, lengths[order[start]])
    batch, tokens = [order[start]], longest
    for i in order[start + 1 : start + max(1, budget // longest)]:
        tokens += max(1, lengths[i])
        padded = longest * len(batch)
        if padded * FULL >= budget and tokens < (1 - PADDING_SHARE) * (padded + longest):
            break
        batch.append(i)
    return batch


def _fits(run: Callable[[list[int]], None], batch: list[int]) -> bool:
    import torch

    try:
        run(batch)
    except RuntimeError as problem:
        if not (isinstance(problem, torch.OutOfMemoryError) or any(words in str(problem) for words in _NO_MEMORY)):
            raise
        # The memory is freed only once the exception, which holds the frames, is gone.
    else:
        return True
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return False
