"""What holds for every selection method, the ones that are added later included."""

import copy
import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ConfigDict, create_model
from scipy.sparse import csr_array

import mig_dagster.selection
from mig_dagster.selection import METHODS, Selection, options, reads
from tests.selection.inputs import Inputs, inputs, needed, rows_of

N = 40

NO_PREFIX = {"car": "how many rows the ranking and the clusters give depends on the budget"}
"""Methods whose choice for k is not the start of their choice for a larger k."""
DEPENDS_ON_ORDER = {"car": "k-means++ draws its first centres by row number"}
"""Methods that choose other rows when the rows come in another order."""
GAINS_CAN_RISE = {
    "car": "rows of the clusters follow those of the ranking",
    "zip": "every batch starts from nothing",
    "instag": "every pass starts from nothing",
}
"""Methods whose later rows may add more than earlier ones."""

SCORES = ["quality_scores", "ifd_scores", "lengths"]
SMALL = {"zip": {"k1": N, "k2": 6, "k3": 3}}
"""Options under which the rows of a small pool do not tie: ZIP looks at every row again at every step."""


@pytest.fixture(params=sorted(METHODS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def choose(name: str, k: Any, given: Inputs, **changed: Any) -> Selection:
    """Run a method on what it reads of `given`; warnings about small budgets are not the matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mig_dagster.selection.SelectionWarning)
        return METHODS[name](k, **needed(name, {**given, **changed}), **SMALL.get(name, {}))


def assert_is_a_selection(selection: Selection, k: int, n: int) -> None:
    rows, gains = selection.rows, selection.gains
    assert (rows.dtype, gains.dtype) == (np.int64, np.float64)
    assert len(gains) == len(rows) == len(set(rows.tolist()))
    assert set(rows.tolist()) <= set(range(n))
    assert np.isfinite(gains).all()
    assert len(rows) == k if selection.shortfall is None else len(rows) < k
    assert selection.clusters is None or selection.clusters.shape == (n,)


@pytest.mark.parametrize("k", [0, 1, 2, 17, N - 1, N])
@pytest.mark.parametrize("seed", range(3))
def test_k_different_rows_are_chosen_or_it_is_said_why_not(name, k, seed):
    selection = choose(name, k, inputs(N, seed))
    assert_is_a_selection(selection, k, N)
    assert selection.shortfall is None or re.search(r"\d", selection.shortfall), "a shortfall has numbers"


def test_gains_fall_from_rank_to_rank_where_ranks_mean_gains(name):
    rises = [np.diff(choose(name, k, inputs(N, seed)).gains).max(initial=0) for seed in range(5) for k in (6, 20)]
    assert (max(rises) > 1e-9) == (name in GAINS_CAN_RISE)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_the_smallest_pools_can_be_chosen_from(name, n):
    for k in range(n + 1):
        assert_is_a_selection(choose(name, k, inputs(n)), k, n)


@pytest.mark.parametrize(("k", "error"), [(N + 1, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)])
def test_a_budget_that_cannot_be_met_is_refused(name, k, error):
    with pytest.raises(error, match="k must be"):
        choose(name, k, inputs(N))


def test_the_same_input_gives_the_same_choice(name):
    first, second = (choose(name, 20, inputs(N)) for _ in range(2))
    assert first.rows.tolist() == second.rows.tolist()
    assert first.gains.tolist() == second.gains.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_rows_in_another_order_give_the_same_rows(name, seed):
    if name in DEPENDS_ON_ORDER:
        pytest.skip(DEPENDS_ON_ORDER[name])
    given = inputs(N, seed)
    order = np.random.default_rng(seed).permutation(N)
    chosen, permuted = choose(name, 20, given), choose(name, 20, rows_of(given, order))
    assert order[permuted.rows].tolist() == chosen.rows.tolist()
    np.testing.assert_allclose(permuted.gains, chosen.gains, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_smaller_budget_is_the_start_of_a_larger_one(name, seed):
    if name in NO_PREFIX:
        pytest.skip(NO_PREFIX[name])
    given = inputs(N, seed)
    largest = choose(name, N, given)
    for k in (1, 7, 20, 33):
        smaller = choose(name, k, given)
        assert smaller.rows.tolist() == largest.rows[:k].tolist()
        assert smaller.gains.tolist() == largest.gains[:k].tolist()


def test_a_selection_says_whether_it_is_the_start_of_larger_ones(name):
    assert choose(name, 20, inputs(N)).nested == (name not in NO_PREFIX)


@pytest.mark.parametrize("marked", sorted(NO_PREFIX))
def test_methods_marked_as_without_the_prefix_property_lack_it(marked):
    given = [inputs(N, seed) for seed in range(8)]
    assert any(choose(marked, 9, each).rows.tolist() != choose(marked, 20, each).rows[:9].tolist() for each in given)


def test_inputs_are_not_changed(name):
    given = inputs(N)
    for matrix in (given["tags"], given["label_graph"]):
        matrix.indices[:2] = matrix.indices[:2][::-1].copy()  # unsorted, so that sorting in place would show
        matrix.has_sorted_indices = False
    before = copy.deepcopy(given)
    choose(name, 20, given)
    for argument, value in given.items():
        assert_same(value, before[argument])


def assert_same(value: Any, before: Any) -> None:
    if isinstance(value, csr_array):
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(value, part), getattr(before, part))
    elif isinstance(value, dict):
        assert value.keys() == before.keys()
        for key in value:
            np.testing.assert_array_equal(value[key], before[key])
    else:
        np.testing.assert_array_equal(value, before)


def test_dense_matrices_and_lists_give_what_sparse_ones_and_arrays_give(name):
    given = inputs(N)
    plain = {key: value.toarray() if isinstance(value, csr_array) else value for key, value in given.items()}
    plain |= {key: given[key].tolist() for key in [*SCORES, "row_embeddings"]}
    plain["row_embeddings"] = given["row_embeddings"].astype(np.float32).tolist()
    given["row_embeddings"] = given["row_embeddings"].astype(np.float32)
    expected, found = choose(name, 20, given), choose(name, 20, plain)
    assert found.rows.tolist() == expected.rows.tolist()
    np.testing.assert_allclose(found.gains, expected.gains, rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_single_precision_gives_the_choice_of_double_precision(name, seed):
    given = inputs(N, seed)
    single = {key: as_single(value) for key, value in given.items()}
    assert choose(name, 20, single).rows.tolist() == choose(name, 20, given).rows.tolist()


def as_single(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_single(each) for key, each in value.items()}
    return value.astype(np.float32) if getattr(value, "dtype", None) == np.float64 else value


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_by_name(name, bad):
    given = inputs(N)
    for argument, value in needed(name, given).items():
        if isinstance(value, list) or value is given["lengths"]:
            continue
        with pytest.raises(ValueError, match=argument):
            choose(name, 5, given, **{argument: spoilt(value, bad)})


def spoilt(value: Any, bad: float) -> Any:
    if isinstance(value, dict):
        return {key: spoilt(each, bad) for key, each in value.items()}
    wrong = value.astype(np.float64)
    target = wrong.data if isinstance(wrong, csr_array) else wrong.reshape(-1)
    target[3] = bad
    return wrong


def with_several_inputs_by_row() -> list[tuple[str, str]]:
    """Return every input by row of the methods that read more than one."""
    by_row = {name: [each for each in reads(METHODS[name]) if each != "label_graph"] for name in sorted(METHODS)}
    return [(name, argument) for name, arguments in by_row.items() if len(arguments) > 1 for argument in arguments]


@pytest.mark.parametrize(("several", "argument"), with_several_inputs_by_row())
def test_inputs_of_different_lengths_are_refused(several, argument):
    given = needed(several, inputs(N))
    shorter = rows_of({argument: given[argument]}, np.arange(N - 1))
    with pytest.raises(ValueError, match=r"39|40"):
        choose(several, 5, {**given, **shorter})


def test_indicators_of_different_lengths_are_refused():
    given = inputs(N)
    given["indicators"]["rew"] = given["indicators"]["rew"][:-1]
    with pytest.raises(ValueError, match=r"indicators must have one number for each row"):
        choose("instruct_mining", 5, given)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_equal_rows_are_taken_from_the_lowest_up(name, k):
    given = rows_of(inputs(1), np.zeros(12, np.int64))
    selection = choose(name, k, given)
    assert_is_a_selection(selection, k, 12)
    assert selection.rows.tolist() == list(range(len(selection.rows)))


@pytest.mark.parametrize("seed", range(3))
def test_of_two_equal_rows_the_lower_one_comes_first(name, seed):
    once = inputs(15, seed)
    given = rows_of(once, np.tile(np.arange(15), 2))
    rows = choose(name, 30, given).rows.tolist()
    for row in range(15):
        if row + 15 in rows:
            assert row in rows[: rows.index(row + 15)], f"row {row + 15}, the copy of row {row}, came first"


def test_equal_scores_and_empty_rows_can_be_chosen_from(name):
    given = inputs(N)
    dull = {
        **given,
        **{score: np.full(N, given[score][0]) for score in SCORES},
        "tags": csr_array(given["tags"].shape),
        "serialized_rows": [""] * N,
        "responses": [""] * N,
        "sources": ["only"] * N,
        "row_embeddings": np.zeros((N, 6)),
        "indicators": {key: np.zeros(N) for key in given["indicators"]},
    }
    for k in (1, 11, N):
        assert_is_a_selection(choose(name, k, dull), k, N)


def test_options_become_a_form(name):
    """The Launchpad shows them typed: every option has a default of its own type."""
    strict = ConfigDict(strict=True, validate_default=True)
    model = create_model("form", __config__=strict, **options(METHODS[name]))
    assert model().model_dump() == {key: default for key, (_, default) in options(METHODS[name]).items()}


def test_every_input_is_one_that_the_project_knows(name):
    assert set(needed(name, inputs(3))) <= set(inputs(3))


def test_every_module_with_a_method_is_listed():
    folder = Path(mig_dagster.selection.__file__).parent
    written = {path.stem for path in folder.glob("*.py") if re.search(r"^@method$", path.read_text(), re.M)}
    assert written == {inspect.getmodule(function).__name__.rsplit(".", 1)[-1] for function in METHODS.values()}
    assert all(getattr(mig_dagster.selection, name) is function for name, function in METHODS.items())


def header(name: str) -> str:
    return inspect.getdoc(inspect.getmodule(METHODS[name])) or ""


def test_the_header_says_where_a_method_comes_from(name):
    for part in ("Paper ", "Reference ", "Departures "):
        assert re.search(rf"^{part}", header(name), re.M), f"the header of {name} has no line {part!r}"
    assert re.match(r"[^\n]+[.:]", header(name))


def test_the_tests_that_a_header_names_exist(name):
    known = {
        found
        for path in Path(__file__).parents[1].rglob("test_*.py")
        for found in re.findall(r"def (test_\w+)", path.read_text())
    }
    named = re.findall(r"\b(test_\w+)(?!\.py)\b", re.sub(r"test_\w+\.py", "", header(name)))
    assert [each for each in named if each not in known] == []
    files = re.findall(r"test_\w+\.py", header(name))
    assert [file for file in files if not Path(__file__).with_name(file).exists()] == []


def test_every_argument_and_option_is_documented(name):
    function = METHODS[name]
    text = inspect.getdoc(function) or ""
    parameters = inspect.signature(function).parameters
    assert [each for each in parameters if not re.search(rf"^\s+{each}: ", text, re.M)] == []
