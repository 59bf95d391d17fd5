"""Two choices compared rank by rank, up to near-ties."""

import math

import polars as pl
import pytest

from mig_dagster.stages.verify.rows import first_difference, same_bits, up_to_near_ties


def choice(rows, gains=None):
    gains = gains or [10.0 - place for place in range(len(rows))]
    return pl.DataFrame({"rank": range(1, len(rows) + 1), "row_id": list(rows), "gain": gains})


def test_the_last_bit_of_a_gain_tells_two_choices_apart():
    one, other = choice("ab", [2.0, 1.0]), choice("ab", [2.0, math.nextafter(1.0, 2)])
    assert same_bits(one, one.clone())
    assert not same_bits(one, other)
    assert not same_bits(choice("a", [0.0]), choice("a", [-0.0]))
    pick = first_difference(one, other)
    assert (pick.rank, pick.row, pick.row_now, pick.gain_now) == (2, "b", "b", math.nextafter(1.0, 2))


@pytest.mark.parametrize(("now", "rank", "row_now"), [("abd", 3, "d"), ("ab", 3, None), ("abcd", 4, "d")])
def test_the_first_difference_is_the_first_other_row_or_the_first_rank_only_one_has(now, rank, row_now):
    pick = first_difference(choice("abc"), choice(now))
    assert (pick.rank, pick.row_now) == (rank, row_now)


def test_gains_may_differ_by_a_billionth_and_no_more():
    stored = choice("ab", [2.0, 1.0])
    assert up_to_near_ties(stored, choice("ab", [2.0, 1.0 + 1e-10]), []) == ([], None)
    _, left = up_to_near_ties(stored, choice("ab", [2.0, 1.0 + 1e-8]), [2])
    assert (left.rank, left.row, left.row_now) == (2, "b", "b")


def test_rows_may_change_places_at_a_near_tie_and_nowhere_else():
    flips, left = up_to_near_ties(choice("abcd"), choice("acbd"), [2])
    assert left is None
    assert [(flip.pick.rank, flip.pick.row_now, flip.until, flip.apart) for flip in flips] == [(2, "c", 3, 0)]
    flips, left = up_to_near_ties(choice("abcd"), choice("acbd"), [1, 3])
    assert (flips, left.rank) == ([], 2)


def test_after_a_near_tie_a_choice_may_go_another_way_until_it_holds_the_same_rows_again():
    stored, now = choice("abcdef"), choice("acdbfe", [10.0, 9.0, 7.5, 7.4, 6.0, 5.0])
    flips, left = up_to_near_ties(stored, now, [2])
    assert [(flip.pick.rank, flip.until) for flip in flips] == [(2, 4)]
    assert (left.rank, left.row, left.row_now) == (5, "e", "f")


def test_a_choice_that_never_comes_back_says_how_many_rows_are_apart():
    flips, left = up_to_near_ties(choice("abcd"), choice("axyz"), [2])
    assert left is None
    assert [(flip.pick.rank, flip.until, flip.apart) for flip in flips] == [(2, None, 3)]


def test_a_choice_with_a_row_less_is_another_choice():
    _, left = up_to_near_ties(choice("abc"), choice("ab"), [3, 2])
    assert (left.rank, left.row, left.row_now) == (3, "c", None)
