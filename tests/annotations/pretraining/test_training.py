import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from mig_dagster.annotations.pretraining.training import batches, new_model, packed_loss, positions, step_count, train
from tests.annotations.pretraining.small_texts import SMALL


def documents(lengths):
    """Return documents in which every token is another number."""
    starts = np.cumsum([0, *lengths])
    return [np.arange(start, end) for start, end in pairwise(starts)]


def test_sequences_are_documents_end_to_end_each_shown_once_before_any_is_shown_again():
    given = documents([5, 9, 30, 3, 17] * 10)
    settings = replace(SMALL, sequence_tokens=20, batch_sequences=2)
    shown = list(batches(given, settings, steps=16))
    assert {batch.shape for batch in shown} == {(2, 20)}
    assert len(set(np.concatenate(shown).ravel().tolist())) == 16 * 2 * 20  # of 640 tokens, none twice
    first = np.concatenate([batch[0] for batch in shown])
    assert np.isin(np.flatnonzero(np.diff(first) != 1), np.flatnonzero(np.isin(first, [d[-1] for d in given]))).all()


def test_documents_are_drawn_again_in_another_order_when_all_were_shown():
    given = documents([8] * 12)
    settings = replace(SMALL, sequence_tokens=8, batch_sequences=1)
    shown = [tuple(batch[0]) for batch in batches(given, settings, steps=24)]
    assert sorted(shown[:12]) == sorted(shown[12:])
    assert shown[:12] != shown[12:]


def test_a_small_pool_gets_fewer_steps():
    settings = replace(SMALL, sequence_tokens=10, batch_sequences=2, steps=100, passes=4)
    assert step_count(documents([10] * 50), settings) == 100
    assert step_count(documents([10] * 5), settings) == 10
    assert step_count(documents([3]), settings) == 2  # sequences of three tokens, two a step


def test_a_function_of_position_is_learned_and_progress_tells_of_it():
    settings = replace(SMALL, width=32, steps=100, passes=40)
    model = new_model(settings, 16)
    told = []
    given = [np.array([1, *([5, 6, 7, 8] * 6), 2])] * 30
    curve, tokens = train(model, given, settings, told.append)
    assert curve[0][1] > math.log(16) - 0.5
    assert curve[-1][1] < 0.5
    assert [p.step for p in told] == list(range(1, 101))
    assert tokens == told[-1].tokens == 100 * 4 * 32
    assert told[-1].seconds_left == 0
    assert told[0].tokens_per_second > 0
    assert curve[-1] == (100, told[-1].loss)


def test_torchs_own_random_numbers_are_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(new_model(SMALL, 16), [np.arange(1, 16)] * 20, replace(SMALL, steps=2))
    assert torch.equal(torch.rand(3), expected)


def test_a_document_sees_none_of_those_packed_with_it():
    """Else a model learns that what came before says nothing of what comes, the opposite of what IFD asks it."""
    rng = np.random.default_rng(0)
    first, second, third = (np.array([1, *rng.integers(3, 50, n), 2]) for n in (9, 14, 30))
    packed = np.concatenate([first, second, third])[None, 3:40]  # begins and ends inside a document
    assert positions(packed)[0].tolist() == [*range(8), *range(16), *range(13)]
    model = new_model(SMALL, 50).eval()
    ends = [8, 24]
    parts = np.split(packed, ends, axis=1)
    with torch.inference_mode():
        together = float(packed_loss(model, packed)) * 36
        alone = sum(float(packed_loss(model, part)) * (part.shape[1] - 1) for part in parts)
        last = [model(input_ids=torch.from_numpy(part), use_cache=False).logits[0, -1] for part in parts[:2]]
        crossing = torch.log_softmax(torch.stack(last), -1)[[0, 1], packed[0, ends]]
    assert together == pytest.approx(alone - float(crossing.sum()), rel=1e-5)


def test_a_model_begins_by_making_likelier_what_was_there_before():
    """Random weights know nothing of copying, and a minute is too short to find it."""
    model = new_model(replace(SMALL, width=64), 300).eval()
    seen, again = torch.arange(10, 20), torch.arange(100, 110)
    with torch.inference_mode():
        logits = model(input_ids=torch.cat([torch.tensor([1]), seen])[None], use_cache=False).logits[0, -1]
    assert logits[seen].mean() > logits[again].mean() + logits.std() / 2
