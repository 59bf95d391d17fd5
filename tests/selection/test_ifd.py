from typing import Literal

import numpy as np
import pytest

from mig_dagster.selection import METHODS, ifd, options, reads

GOLDEN = [0.5, 1.0, 0.9, 0.9, 1.2]  # the published case has a sixth row without a score, which is left out before


def by_the_references_rules(k, ratios, upper, variant):
    """Filter and sort as each reference does; Cherry's own output is this one sorted by index."""
    rows = range(len(ratios))
    if variant == "loss":
        ascending = sorted((ratios[row], row) for row in rows if not ratios[row] > upper)
        return [row for _, row in reversed(ascending[len(ascending) - min(k, len(ascending)) :])]
    kept = [row for row in rows if ratios[row] < upper]
    return sorted(kept, key=lambda row: ratios[row], reverse=True)[:k]  # Python's sort keeps equal ones in order


def random_ratios(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 50))
    return np.round(rng.uniform(0, 1.5, n), 1) if seed % 2 else rng.lognormal(-0.3, 0.4, n)


@pytest.mark.parametrize("variant", ["loss", "ppl"])
@pytest.mark.parametrize("seed", range(200))
def test_rows_are_those_of_the_references_rules(variant, seed):
    ratios = random_ratios(seed)
    upper = 1.0 if seed % 3 else 0.7
    before = ratios.copy()
    for k in {0, len(ratios) // 3, len(ratios)}:
        chosen = ifd(k, ifd_scores=ratios, upper=upper, variant=variant)
        assert chosen.rows.tolist() == by_the_references_rules(k, ratios.tolist(), upper, variant)
        assert chosen.gains.tolist() == ratios[chosen.rows].tolist()
        assert (chosen.shortfall is None) == (len(chosen.rows) == k)
    assert (ratios == before).all()


@pytest.mark.parametrize(("variant", "rows"), [("loss", [1, 3]), ("ppl", [2, 3])])
def test_golden_case(variant, rows):
    chosen = ifd(2, ifd_scores=GOLDEN, variant=variant)
    assert chosen.rows.tolist() == rows
    assert chosen.gains.tolist() == [GOLDEN[row] for row in rows]


def test_equal_ratios_go_to_the_higher_row_under_loss_and_to_the_lower_under_ppl():
    assert ifd(1, ifd_scores=[0.9, 0.9], variant="loss").rows.tolist() == [1]
    assert ifd(1, ifd_scores=[0.9, 0.9], variant="ppl").rows.tolist() == [0]
    assert ifd(4, ifd_scores=[0.5] * 4, variant="loss").rows.tolist() == [3, 2, 1, 0]


def test_the_two_ratios_order_the_published_pair_oppositely():
    """Losses (cond, uncond) = (2.0, 2.5) and (0.3, 0.5): which variant the scores are of must be known."""
    cond, uncond = np.array([2.0, 0.3]), np.array([2.5, 0.5])
    losses, perplexities = cond / uncond, np.exp(cond) / np.exp(uncond)
    assert losses == pytest.approx([0.8, 0.6])
    assert perplexities == pytest.approx([0.606531, 0.818731], abs=1e-6)
    assert ifd(2, ifd_scores=losses, variant="loss").rows.tolist() == [0, 1]
    assert ifd(2, ifd_scores=perplexities, variant="ppl").rows.tolist() == [1, 0]


def test_rows_come_by_rank_where_the_reference_sorts_them_by_index():
    assert ifd(2, ifd_scores=[0.2, 0.5, 0.9], variant="loss").rows.tolist() == [2, 1]


def test_a_ratio_of_just_the_bound_is_kept_under_loss_alone():
    assert ifd(1, ifd_scores=[1.0], variant="loss").rows.tolist() == [0]
    assert len(ifd(1, ifd_scores=[1.0], variant="ppl").rows) == 0


def test_the_bound_can_be_moved():
    assert ifd(2, ifd_scores=GOLDEN, upper=2.0).rows.tolist() == [4, 1]
    assert ifd(1, ifd_scores=GOLDEN, upper=0.9).rows.tolist() == [0]


def test_a_shortfall_says_how_many_rows_are_beyond_the_bound():
    chosen = ifd(4, ifd_scores=GOLDEN)
    assert chosen.rows.tolist() == [2, 3, 0]
    assert chosen.shortfall == (
        "3 rows instead of 4: only 3 of the 5 rows have an IFD ratio below 1, 2 lie beyond; lower k or raise upper"
    )
    shortfall = ifd(5, ifd_scores=GOLDEN, variant="loss").shortfall
    assert shortfall is not None
    assert "only 4 of the 5 rows have an IFD ratio of at most 1" in shortfall


@pytest.mark.parametrize("variant", ["loss", "ppl"])
def test_more_rows_only_append_and_rows_beyond_the_bound_change_nothing(variant):
    ratios = random_ratios(101)
    whole = ifd(len(ratios), ifd_scores=ratios, variant=variant).rows.tolist()
    assert all(ifd(k, ifd_scores=ratios, variant=variant).rows.tolist() == whole[:k] for k in range(len(whole)))
    with_others = np.concatenate([ratios, [1.01, 7.0, 1.3]])
    assert ifd(len(whole), ifd_scores=with_others, variant=variant).rows.tolist() == whole


def test_no_rows_for_k_zero():
    for scores in ([], GOLDEN):
        empty = ifd(0, ifd_scores=scores)
        assert (empty.rows.dtype, empty.gains.dtype, len(empty.rows)) == (np.int64, np.float64, 0)
        assert empty.shortfall is None


def test_a_missing_score_is_refused():
    with pytest.raises(
        ValueError, match=r"ifd_scores must be finite, got nan at row 1 .*leave rows without a value out"
    ):
        ifd(1, ifd_scores=[0.5, np.nan])


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"ifd_scores must be at least 0, got -0\.5 at row 0 .*; leave such rows"):
        ifd(1, ifd_scores=[-0.5])
    with pytest.raises(ValueError, match="k must be at most the 5 rows of the pool, got 6"):
        ifd(6, ifd_scores=GOLDEN)
    with pytest.raises(TypeError, match=r"k must be an int, got 2\.0"):
        ifd(2.0, ifd_scores=GOLDEN)
    with pytest.raises(ValueError, match="variant must be 'loss' or 'ppl', got 'PPL'"):
        ifd(1, ifd_scores=GOLDEN, variant="PPL")


@pytest.mark.parametrize("upper", [0, -1.0, np.nan, np.inf])
def test_a_bound_that_is_no_bound_is_refused(upper):
    with pytest.raises(ValueError, match="upper must be finite and above 0, got"):
        ifd(1, ifd_scores=GOLDEN, upper=upper)


@pytest.mark.parametrize("upper", ["1", None, True])
def test_a_bound_that_is_no_number_is_refused(upper):
    with pytest.raises(TypeError, match="upper must be a number, got"):
        ifd(1, ifd_scores=GOLDEN, upper=upper)


def test_it_is_a_method_whose_variant_is_an_option():
    assert METHODS["ifd"] is ifd
    assert reads(ifd) == ("ifd_scores",)
    assert options(ifd) == {"upper": (float, 1.0), "variant": (Literal["loss", "ppl"], "ppl")}
