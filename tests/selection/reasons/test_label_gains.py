"""Which labels each row chosen by MIG raised, against dense loops over rows and labels."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from mig_dagster.selection import mig
from mig_dagster.selection.reasons import label_gains
from tests.selection.pools import dense_parts, phi_of, random_pool

OPTIONS = [
    {},
    {"gain": "exact"},
    {"norm": True},
    {"phi_type": "exp", "phi_alpha": 0.3},
    {"phi_b": 0.5, "phi_a": 0.01, "gain": "exact"},
    {"prop_weight": 0.0},
    {"prop_weight": 2.5, "norm": True, "gain": "exact"},
]


def told_of(pool, rows, options):
    settings = {name: value for name, value in options.items() if name != "gain"}
    return label_gains(rows, **pool, **settings)


def naive(pool, rows, *, gain="gradient", prop_weight=1.0, norm=False, **phi_options):
    """Return (rank, label) -> (direct, propagated, before, gain) by the definitions."""
    v, p = dense_parts(pool, prop_weight, norm)
    phi, _ = phi_of(**phi_options)
    known, found = np.zeros(v.shape[1]), {}
    for rank, row in enumerate(rows.tolist()):
        for label in range(v.shape[1]):
            direct = v[row, label] * p[label, label]
            through = sum(v[row, other] * p[other, label] for other in range(len(p)) if other != label)
            if direct + through > 0:
                x = known[label]
                found[rank, label] = (direct, through, x, phi(x + direct + through) - phi(x))
                known[label] += direct + through
    return found


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_equals_telling_the_labels_one_row_after_the_other(seed, options):
    pool = random_pool(seed, quantised=seed == 1)
    chosen = mig(40, **pool, **options)  # all of them: rows without labels and without a score too
    told = told_of(pool, chosen.rows, options)
    expected = naive(pool, chosen.rows, **options)
    assert list(zip(told.owners.tolist(), told.labels.tolist(), strict=True)) == sorted(expected)
    values = np.column_stack([told.direct, told.propagated, told.before, told.gain])
    np.testing.assert_allclose(values, [expected[key] for key in sorted(expected)], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_gains_add_up_to_the_objective(options):
    pool = random_pool(7, n=200, m=30)
    chosen = mig(60, **pool, **options)
    totals = told_of(pool, chosen.rows, options).totals()
    assert totals.sum() == pytest.approx(chosen.objective, rel=1e-12)
    if options.get("gain") == "exact":
        np.testing.assert_allclose(totals, chosen.gains, rtol=1e-12)


def test_without_propagation_nothing_reaches_a_label_that_the_row_does_not_carry():
    pool = random_pool(2)
    told = label_gains(np.arange(40), **pool, prop_weight=0.0)
    assert not told.propagated.any()
    carried = pool["tags"].toarray()[told.owners, told.labels]
    assert carried.all()


def test_a_repeated_tag_shares_the_score_as_mig_has_it():
    tags = csr_array((np.ones(3), [0, 0, 1], [0, 3]), shape=(1, 2))
    pool = {"tags": tags, "quality_scores": np.array([6.0]), "label_graph": csr_array(np.eye(2))}
    told = label_gains(np.array([0]), **pool, norm=True)
    assert told.direct.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("count", [1, 3, 5, 50])
def test_the_top_labels_of_each_row_are_those_of_highest_gain(count):
    pool = random_pool(5, n=80, m=20, quantised=True)
    told = label_gains(np.arange(80), **pool)
    expected = []
    for row in range(80):
        entries = range(told.starts[row], told.starts[row + 1])
        expected += sorted(entries, key=lambda at: (-told.gain[at], at))[:count]
    assert told.top(count).tolist() == expected


def test_no_rows_and_rows_that_tell_nothing_have_no_entries():
    pool = random_pool(0)
    silent = pool | {"quality_scores": np.zeros(40)}
    for told in (label_gains(np.empty(0, np.int64), **pool), label_gains(np.arange(40), **silent)):
        assert (len(told.labels), told.top().tolist()) == (0, [])
        assert not told.totals().any()
