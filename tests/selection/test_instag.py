import numpy as np
import pytest
from scipy.sparse import coo_array, csc_array, csr_array

from mig_dagster.selection import METHODS, instag, options, reads
from mig_dagster.selection.instag import NO_PASS, sweep
from mig_dagster.selection.tag_matrix import check_tags

GOLDEN = [{1, 2, 3}, {1, 2}, {4}, {3, 4}, set()]


def matrix(sets, m=None):
    """Return rows by labels, 1 where the row has the label."""
    dense = np.zeros((len(sets), m or 1 + max((label for row in sets for label in row), default=0)))
    for row, labels in enumerate(sets):
        dense[row, list(labels)] = 1
    return dense


def sets_of(tags):
    return [set(np.flatnonzero(row).tolist()) for row in np.asarray(tags)]


def pass_after_pass(k, sets):
    """Run Algorithm 1 as printed, with a stop where a pass adds nothing; return rows, gains, and each row's pass."""
    left = sorted(range(len(sets)), key=lambda row: -len(sets[row]))
    rows, gains, passes = [], [], []
    number = 0
    while len(rows) < k:
        number += 1
        held, skipped = set(), []
        for row in left:
            if len(rows) < k and len(held | sets[row]) > len(held):
                rows.append(row)
                gains.append(len(held | sets[row]) - len(held))
                passes.append(number)
                held |= sets[row]
            else:
                skipped.append(row)
        if not held:
            more = left[: k - len(rows)]
            return rows + more, gains + [0] * len(more), passes + [None] * len(more)
        left = skipped
    return rows, gains, passes


def random_tags(seed):
    """Return pools of few to many labels, sparse to full, with rows without labels and rows that repeat."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 60)), int(rng.integers(1, 15))
    tags = rng.random((n, m)) < rng.choice([0.05, 0.2, 0.5, 0.9])
    if seed % 3 == 0:
        tags = tags[rng.integers(0, max(1, n // 4), n)]  # every row several times
    return tags.astype(float)


def passes_of(tags):
    """Return (n,) the pass of each row."""
    given, _ = check_tags(tags)
    order = np.argsort(-np.diff(given.indptr), kind="stable")
    passes = np.empty(len(order), np.int64)
    passes[order], _ = sweep(given, order)
    return passes


@pytest.mark.parametrize("seed", range(400))
def test_one_sweep_takes_the_rows_of_the_passes_in_their_order(seed):
    tags = random_tags(seed)
    n = len(tags)
    for k in {1, n // 2, n}:
        rows, gains, _ = pass_after_pass(k, sets_of(tags))
        chosen = instag(k, tags=tags)
        assert chosen.rows.tolist() == rows
        assert chosen.gains.tolist() == gains


@pytest.mark.parametrize("chunk", [1, 7])
def test_rows_in_several_chunks_are_one_sweep(chunk):
    for seed in range(30):
        tags, _ = check_tags(random_tags(seed))
        order = np.argsort(-np.diff(tags.indptr), kind="stable")
        for one, several in zip(sweep(tags, order), sweep(tags, order, chunk), strict=True):
            assert one.tolist() == several.tolist()


def test_golden_case():
    assert instag(4, tags=matrix(GOLDEN)).rows.tolist() == [0, 3, 1, 2]
    chosen = instag(5, tags=matrix(GOLDEN))
    assert chosen.rows.tolist() == [0, 3, 1, 2, 4]
    assert chosen.gains.tolist() == [3, 1, 2, 1, 0]


def test_ties_go_to_the_lower_row():
    """Each row has two of three labels: the two looked at first cover all, the other is left to the second pass."""
    assert instag(3, tags=matrix([{0, 1}, {1, 2}, {0, 2}])).rows.tolist() == [0, 1, 2]
    assert instag(3, tags=matrix([{0}, {0}, {0}])).rows.tolist() == [0, 1, 2]


def test_rows_without_labels_come_last():
    chosen = instag(4, tags=matrix([set(), {0}, set(), {0}]))
    assert chosen.rows.tolist() == [1, 3, 0, 2]
    assert chosen.gains.tolist() == [1, 1, 0, 0]
    assert instag(2, tags=np.zeros((3, 4))).rows.tolist() == [0, 1]
    assert instag(2, tags=np.zeros((3, 0))).rows.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(50))
def test_the_first_pass_covers_every_label_and_holds_every_row_with_a_label_of_its_own(seed):
    tags = random_tags(seed)
    passes = passes_of(tags)
    first = passes == 1
    occurring = tags.any(axis=0)
    assert (tags[first].any(axis=0) == occurring).all()
    own = tags[:, tags.sum(axis=0) == 1].any(axis=1)
    assert first[own].all()
    chosen = instag(int(first.sum()), tags=tags)
    assert set(chosen.rows.tolist()) == set(np.flatnonzero(first).tolist())
    assert chosen.gains.sum() == occurring.sum(), "the gains of a pass count each of its labels once"


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_copy_of_a_row_lands_in_a_later_pass(seed):
    tags = random_tags(seed)
    passes = passes_of(tags)
    for row, other in zip(*np.triu_indices(len(tags), 1), strict=True):
        if tags[row].any() and (tags[row] == tags[other]).all():
            assert passes[row] < passes[other]
    assert (passes[~tags.any(axis=1)] == NO_PASS).all()


def test_the_pass_of_a_row_is_the_one_the_loop_takes_it_in():
    for seed in range(30):
        tags = random_tags(seed)
        rows, _, passes = pass_after_pass(len(tags), sets_of(tags))
        assert passes_of(tags)[rows].tolist() == [NO_PASS if number is None else number for number in passes]


def test_the_choice_for_fewer_rows_is_the_start_of_the_choice_for_more():
    tags = random_tags(7)
    whole = instag(len(tags), tags=tags)
    for k in range(len(tags)):
        part = instag(k, tags=tags)
        assert part.rows.tolist() == whole.rows[:k].tolist()
        assert part.gains.tolist() == whole.gains[:k].tolist()


def test_the_names_of_labels_do_not_matter():
    tags = random_tags(5)
    other = tags[:, np.random.default_rng(0).permutation(tags.shape[1])]
    assert instag(len(tags), tags=tags).rows.tolist() == instag(len(tags), tags=other).rows.tolist()


@pytest.mark.parametrize("form", [csr_array, csc_array, coo_array, lambda tags: tags.astype(bool)])
def test_sparse_and_dense_tags_give_the_same_rows_and_stay_as_they_are(form):
    tags = random_tags(11)
    given = form(tags)
    chosen = instag(len(tags), tags=given)
    assert chosen.rows.tolist() == instag(len(tags), tags=tags).rows.tolist()
    dense = given if isinstance(given, np.ndarray) else given.toarray()
    assert (dense == tags).all()


def test_a_repeated_entry_counts_once():
    """Row 0 names one label three times: it is no more complex than that label."""
    tags = coo_array((np.ones(5), ([0, 0, 0, 1, 1], [0, 0, 0, 0, 1])), shape=(2, 2))
    chosen = instag(2, tags=tags)
    assert chosen.rows.tolist() == [1, 0]
    assert chosen.gains.tolist() == [2, 1]


def test_an_empty_pool_gives_no_rows():
    for tags in (np.zeros((0, 3)), matrix(GOLDEN)):
        empty = instag(0, tags=tags)
        assert (empty.rows.dtype, empty.gains.dtype, len(empty.rows)) == (np.int64, np.float64, 0)


def test_it_is_a_method_that_reads_tags():
    assert METHODS["instag"] is instag
    assert (reads(instag), options(instag)) == (("tags",), {})


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="k must be at most the 5 rows of the pool, got 6"):
        instag(6, tags=matrix(GOLDEN))
    with pytest.raises(TypeError, match=r"k must be an int, got 0\.1"):
        instag(0.1, tags=matrix(GOLDEN))
    with pytest.raises(ValueError, match="tags must hold only 0 and 1, got 2"):
        instag(1, tags=np.array([[1, 2]]))
    with pytest.raises(ValueError, match=r"tags must be a matrix of rows by labels, got shape \(2,\)"):
        instag(1, tags=np.ones(2))
