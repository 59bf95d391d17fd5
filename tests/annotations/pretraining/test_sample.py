from collections import Counter

import numpy as np

from mig_dagster.annotations.pretraining import sampled_ids, split_held_out
from mig_dagster.conversation import hash_text

IDS = [hash_text(str(i)) for i in range(2_000)]


def test_the_sample_is_the_same_in_whatever_order_rows_come():
    shuffled = [IDS[i] for i in np.random.default_rng(0).permutation(len(IDS))]
    assert sampled_ids(shuffled, 300, seed=0) == sampled_ids(IDS, 300, seed=0)


def test_a_smaller_sample_is_the_beginning_of_a_larger_one():
    assert sampled_ids(IDS, 300, seed=0)[:100] == sampled_ids(IDS, 100, seed=0)


def test_another_seed_draws_independently():
    first, second = (set(sampled_ids(IDS, 1_000, seed)) for seed in (0, 1))
    assert 430 < len(first & second) < 570


def test_every_row_is_drawn_about_equally_often_over_seeds():
    drawn = Counter(row_id for seed in range(400) for row_id in sampled_ids(IDS[:50], 10, seed))
    assert len(drawn) == 50
    assert 40 < min(drawn.values()) <= max(drawn.values()) < 125


def test_all_rows_are_taken_where_there_are_no_more():
    assert sorted(sampled_ids(IDS[:7], 20, seed=0)) == sorted(IDS[:7])


def test_the_same_rows_are_held_out_in_whatever_order_they_come():
    trained, held_out = split_held_out(IDS, 0.05, 500)
    assert (len(trained), len(held_out)) == (1_900, 100)
    assert sorted(trained + held_out) == list(range(2_000))
    backwards = split_held_out(IDS[::-1], 0.05, 500)[1]
    assert {IDS[i] for i in held_out} == {IDS[::-1][i] for i in backwards}


def test_who_is_held_out_does_not_follow_from_who_is_in_the_sample():
    sample = sampled_ids(IDS, 1_000, seed=0)
    _, held_out = split_held_out(sample, 0.1, 500)
    assert 35 < sum(i < 500 for i in held_out) < 65


def test_at_least_one_and_at_most_so_many_are_held_out():
    assert len(split_held_out(IDS[:3], 0.05, 500)[1]) == 1
    assert len(split_held_out(IDS, 0.5, 30)[1]) == 30
