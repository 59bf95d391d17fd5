import json
from typing import Any

import numpy as np
import pytest

from mig_dagster.selection import SelectionWarning, car, choose_from_clusters, cluster_rows
from tests.selection.test_clustering import by_scikit_learn, clustered
from tests.shared_data import shared


def rows_of_the_rule(scores: np.ndarray, clusters: np.ndarray, n1: int, n2: int) -> list[int]:
    """Return rows as CaR's code orders them: a ranking, then the rows sorted by (label as text, score) descending."""
    ranking = sorted(range(len(scores)), key=lambda row: scores[row], reverse=True)
    chosen = ranking[:n1]
    taken: dict[str, int] = {}
    for row in sorted(range(len(scores)), key=lambda row: (str(clusters[row]), scores[row]), reverse=True):
        label = str(clusters[row])
        taken[label] = taken.get(label, 0) + 1
        if taken[label] <= n2 and row not in chosen:
            chosen.append(row)
    return chosen


def rows_of_exact_budget(k: int, scores: np.ndarray, clusters: np.ndarray, n2: int) -> list[int]:
    """Return the rule's rows for the first n1 that gives k of them."""
    for n1 in range(len(scores) + 1):
        rows = rows_of_the_rule(scores, clusters, n1, n2)
        if len(rows) >= k:
            return rows
    raise AssertionError("n1 = n gives every row")


def random_pool(seed: int, tied: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of either sign and clusters 0 to 120, some empty."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    scores = rng.integers(-2, 3, n).astype(float) if tied else rng.normal(size=n)
    return scores, rng.choice(rng.choice(121, int(rng.integers(1, 16)), replace=False), n)


POOLS = [random_pool(seed, tied=seed % 2 == 1) for seed in range(400)]


def test_rows_are_those_of_the_published_rule():
    rng = np.random.default_rng(0)
    for scores, clusters in POOLS:
        n1, n2 = int(rng.integers(0, len(scores) + 3)), int(rng.integers(0, 4))
        expected = rows_of_the_rule(scores, clusters, n1, n2)
        found = choose_from_clusters(len(expected), quality_scores=scores, clusters=clusters, n1=n1, n2=n2)
        assert (found.rows.tolist(), found.shortfall) == (expected, None)
        assert found.gains.tolist() == scores[expected].tolist()
        assert found.clusters.tolist() == clusters.tolist()
        assert (found.rows.dtype, found.gains.dtype, found.clusters.dtype) == (np.int64, np.float64, np.int64)


def test_the_top_of_the_ranking_is_extended_to_exactly_k_rows():
    for number, (scores, clusters) in enumerate(POOLS[:200]):
        n2 = number % 4
        for k in range(len(rows_of_the_rule(scores, clusters, 0, n2)), len(scores) + 1, 3):
            found = choose_from_clusters(k, quality_scores=scores, clusters=clusters, n2=n2)
            assert found.rows.tolist() == rows_of_exact_budget(k, scores, clusters, n2)


def test_the_default_gives_exactly_k_rows():
    for scores, clusters in POOLS[:200]:
        count = len(set(clusters.tolist()))
        for k in {count, len(scores) // 2, len(scores)}:
            if k >= count:
                n2 = max(1, round(k * 161 / 1161 / count))
                found = choose_from_clusters(k, quality_scores=scores, clusters=clusters)
                assert found.rows.tolist() == rows_of_exact_budget(k, scores, clusters, n2)
                assert len(found.rows) == k


def test_the_top_and_the_best_of_every_cluster_are_chosen():
    for scores, clusters in POOLS:
        count, ranking = len(set(clusters.tolist())), np.argsort(-scores, kind="stable").tolist()
        rows = choose_from_clusters((count + len(scores)) // 2, quality_scores=scores, clusters=clusters, n2=1).rows
        assert set(clusters[rows].tolist()) == set(clusters.tolist())
        best = {next(row for row in ranking if clusters[row] == each) for each in set(clusters.tolist())}
        assert best <= set(rows.tolist())
        n1 = len(scores) // 2
        rows = choose_from_clusters(len(scores), quality_scores=scores, clusters=clusters, n1=n1, n2=2).rows
        assert rows[:n1].tolist() == ranking[:n1]


def test_no_rows_of_clusters_leave_the_ranking():
    scores, clusters = random_pool(3)
    for given in ({"n2": 0}, {"n1": 7, "n2": 0}):
        rows = choose_from_clusters(7, quality_scores=scores, clusters=clusters, **given).rows
        assert rows.tolist() == np.argsort(-scores, kind="stable")[:7].tolist()


def test_clusters_come_in_descending_order_of_their_number_as_text():
    numbers = np.array([0, 1, 2, 3, 10, 13, 99, 103, 112])
    chosen = choose_from_clusters(9, quality_scores=np.zeros(9), clusters=numbers, n1=0, n2=1)
    assert numbers[chosen.rows].tolist() == [99, 3, 2, 13, 112, 103, 10, 1, 0]


def test_golden_budget_of_50_000_rows_of_939_thousand_takes_ten_of_each_of_685_clusters():
    """MIG's setting: 6,850 rows of clusters, at most, and the rest from the ranking."""
    rng = np.random.default_rng(0)
    n, k, count = 939_000, 50_000, 685
    scores, clusters = rng.normal(size=n), rng.integers(0, count, n)
    found = choose_from_clusters(k, quality_scores=scores, clusters=clusters)
    with_ten = choose_from_clusters(k, quality_scores=scores, clusters=clusters, n2=10)
    assert found.rows.tolist() == with_ten.rows.tolist()
    assert len(found.rows) == k
    assert np.bincount(clusters[found.rows], minlength=count).min() >= 10


def test_golden_selection_of_alpaca():
    """The published 1,013 rows: all that the file shows of the rule.

    It holds the chosen rows' scores and labels only. Checked is that the rule, given these rows as the pool, returns
    each in its place, and that they agree with n1 = 1000, n2 = 1 and 161 clusters. Which of Alpaca's 52,002 rows are
    chosen, and the labels themselves, cannot be checked: the other rows' scores and all embeddings are missing.
    """
    published = json.loads(shared("data/annotated/car_selected_result.json").read_text())
    scores = np.array([row["score"] for row in published])
    clusters = np.array([int(row["label"]) for row in published])
    assert (len(scores), len(set(clusters.tolist())), len(set(clusters[:1000].tolist()))) == (1013, 161, 148)
    assert scores[[0, 999]] == pytest.approx([1.5326087, 0.9136851], abs=5e-8)
    assert int(np.sqrt(52_002 / 2)) == 161
    assert clusters[1000:].tolist() == [76, 56, 47, 46, 44, 43, 36, 30, 3, 2, 13, 112, 103]
    for numbers in ({"n1": 1000, "n2": 1}, {"n2": 1}, {}):
        found = choose_from_clusters(1013, quality_scores=scores, clusters=clusters, **numbers)
        assert found.rows.tolist() == list(range(1013))
    assert rows_of_the_rule(scores, clusters, 1000, 1) == list(range(1013))


def test_equal_rows_both_count():
    chosen = car(3, quality_scores=[1, 5, 5], row_embeddings=[[0, 1], [1, 0], [1, 0]])
    assert chosen.rows.tolist() == [1, 2, 0]


@pytest.mark.parametrize("seed", range(20))
def test_car_clusters_by_principal_components_and_k_means(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(40, 400)), int(rng.integers(20, 40))
    vectors, scores = clustered(n, 10, seed), rng.normal(size=n)
    labels = by_scikit_learn(vectors, int(np.sqrt(n / 2)))
    n2 = max(1, round(k * 161 / 1161 / len(set(labels.tolist()))))
    found = car(k, quality_scores=scores, row_embeddings=vectors)
    assert found.clusters.tolist() == labels.tolist()
    assert found.rows.tolist() == rows_of_exact_budget(k, scores, labels, n2)


def test_car_hands_its_options_on():
    vectors, scores = clustered(100, 6, 0), np.random.default_rng(0).normal(size=100)
    options: dict[str, Any] = {"clusters": 5, "variance": 0.6, "seed": 3}
    found = car(12, quality_scores=scores, row_embeddings=vectors, n1=9, n2=2, device="cpu", **options)
    labels = cluster_rows(vectors, **options)
    assert found.clusters.tolist() == labels.tolist()
    assert found.rows.tolist() == rows_of_the_rule(scores, labels, 9, 2)[:12]


def test_stored_labels_give_the_same_choice():
    vectors, scores = clustered(100, 6, 1), np.random.default_rng(1).normal(size=100)
    first = car(20, quality_scores=scores, row_embeddings=vectors)
    again = choose_from_clusters(20, quality_scores=scores, clusters=first.clusters)
    assert again.rows.tolist() == first.rows.tolist()


def test_published_numbers_that_give_too_few_rows_say_so():
    scores, clusters = np.arange(10.0), np.arange(10) % 2
    found = choose_from_clusters(6, quality_scores=scores, clusters=clusters, n1=3, n2=2)
    assert found.rows.tolist() == [9, 8, 7, 6]
    assert found.shortfall == (
        "n1=3 and n2=2 give 4 of the pool's 10 rows, fewer than k=6; raise n1 or n2, or leave n1 out for exactly k rows"
    )


def test_published_numbers_that_give_more_are_cut():
    scores, clusters = np.arange(10.0), np.arange(10) // 2
    with pytest.warns(
        SelectionWarning, match="n1=2 and n2=1 give 6 .* k=4: the last 2 are cut, 2 of 5 clusters have no"
    ):
        found = choose_from_clusters(4, quality_scores=scores, clusters=clusters, n1=2, n2=1)
    assert (found.rows.tolist(), found.shortfall) == ([9, 8, 7, 5], None)


@pytest.mark.parametrize("n2", [None, 1])
def test_fewer_rows_than_clusters_are_the_best_of_the_clusters_best_and_a_warning(n2):
    scores, clusters = np.array([3.0, 9, 3, 8, -1, 7]), np.array([0, 1, 2, 1, 3, 4])
    with pytest.warns(
        SelectionWarning, match="rows of the 5 clusters are 5, more than k=3: .* 2 of 5 clusters have no"
    ):
        found = choose_from_clusters(3, quality_scores=scores, clusters=clusters, n2=n2)
    assert (found.rows.tolist(), found.shortfall) == ([1, 5, 0], None)


@pytest.mark.parametrize("numbers", [{}, {"n2": 2}, {"n1": 0, "n2": 1}])
def test_no_rows_are_asked_for_and_none_come_without_a_warning(numbers, recwarn):
    found = choose_from_clusters(0, quality_scores=[1.0, 2.0], clusters=[0, 1], **numbers)
    assert (found.rows.tolist(), found.gains.tolist(), found.shortfall) == ([], [], None)
    assert (found.rows.dtype, found.gains.dtype) == (np.int64, np.float64)
    assert not recwarn


def test_an_empty_pool_and_a_pool_of_one_row():
    assert car(0, quality_scores=[], row_embeddings=np.empty((0, 3))).rows.tolist() == []
    assert car(0, quality_scores=[], row_embeddings=[]).rows.tolist() == []
    assert car(1, quality_scores=[-2.0], row_embeddings=[[1.0, 0.0]]).rows.tolist() == [0]
    assert choose_from_clusters(0, quality_scores=[], clusters=[]).clusters.dtype == np.int64


def test_a_smaller_budget_is_no_start_of_a_larger_one():
    scores, clusters = np.arange(8.0), np.array([0, 0, 1, 1, 1, 1, 1, 1])
    few, more = (choose_from_clusters(k, quality_scores=scores, clusters=clusters).rows.tolist() for k in (3, 4))
    assert (few, more) == ([7, 6, 1], [7, 6, 5, 1])


@pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")
def test_only_with_both_numbers_given_is_a_smaller_budget_the_start_of_a_larger_one():
    scores, clusters = np.arange(12.0), np.arange(12) % 3
    given: dict[str, Any] = {"quality_scores": scores, "clusters": clusters}
    found = [choose_from_clusters(k, **given, n1=2, n2=2) for k in range(13)]
    for selection in found:
        assert selection.nested
        assert selection.rows.tolist() == found[-1].rows[: len(selection.rows)].tolist()
    assert not choose_from_clusters(4, **given, n2=1).nested
    assert not choose_from_clusters(4, **given).nested


@pytest.mark.parametrize(
    ("numbers", "error", "message"),
    [
        ({"n1": 5}, ValueError, "n1=5 needs n2, the rows of every cluster: give both, or n2 alone"),
        ({"n1": -1, "n2": 1}, ValueError, "n1 must be at least 0, got -1"),
        ({"n2": -1}, ValueError, "n2 must be at least 0, got -1"),
        ({"n2": 1.5}, TypeError, r"n2 must be an int, got 1\.5"),
        ({"n1": True, "n2": 1}, TypeError, "n1 must be an int, got True"),
    ],
)
def test_numbers_of_rows_that_make_no_sense_are_refused(numbers, error, message):
    with pytest.raises(error, match=message):
        choose_from_clusters(2, quality_scores=[1, 2, 3], clusters=[0, 0, 1], **numbers)
    with pytest.raises(error, match=message):
        car(2, quality_scores=[1, 2, 3], row_embeddings=np.eye(3), **numbers)


@pytest.mark.parametrize("clusters", [[0, 1], [[0], [1], [2]], [0.0, 1.0, 2.0], [True, False, True]])
def test_clusters_that_are_no_integers_of_the_rows_are_refused(clusters):
    with pytest.raises(ValueError, match="clusters must be one integer for each of the 3 rows, got shape"):
        choose_from_clusters(2, quality_scores=[1, 2, 3], clusters=clusters)


def test_clusters_that_would_become_others_are_refused():
    with pytest.raises(TypeError, match="clusters must hold real numbers, got <U1"):
        choose_from_clusters(1, quality_scores=[1, 2], clusters=["0", "1"])
    with pytest.raises(TypeError, match="clusters must not be a masked array"):
        choose_from_clusters(1, quality_scores=[1, 2], clusters=np.ma.masked_array([0, 1], [False, True]))
    large = np.array([2**63, 1], np.uint64)
    with pytest.raises(ValueError, match=r"clusters must be below 2\*\*63, got 9223372036854775808; number"):
        choose_from_clusters(1, quality_scores=[1, 2], clusters=large)
    assert choose_from_clusters(2, quality_scores=[1, 2], clusters=large - 1).clusters.tolist() == [2**63 - 1, 0]


def test_a_clusters_rows_are_rounded_to_the_nearest_number():
    """1000 * 161 / 1161 rows of 50 clusters: 2.77 of each, so 3."""
    rng = np.random.default_rng(0)
    scores, clusters = rng.normal(size=5000), rng.integers(0, 50, 5000)
    scores[clusters == 7] -= 100  # the ranking has none of these
    rows = choose_from_clusters(1000, quality_scores=scores, clusters=clusters).rows
    assert np.count_nonzero(clusters[rows] == 7) == 3


def test_inputs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="row_embeddings must be a matrix of 3 rows"):
        car(2, quality_scores=[1, 2, 3], row_embeddings=np.eye(4))
    with pytest.raises(ValueError, match="quality_scores must be finite"):
        car(2, quality_scores=[1, np.nan, 3], row_embeddings=np.eye(3))
    with pytest.raises(ValueError, match="k must be at most the 3 rows"):
        car(4, quality_scores=[1, 2, 3], row_embeddings=np.eye(3))
    with pytest.raises(ValueError, match="quality_scores must have one number"):
        choose_from_clusters(1, quality_scores=[[1.0]], clusters=[0])
