import numpy as np
import pytest
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, lil_array

from mig_dagster.selection import mig, objective, propagation
from tests.selection.pools import WORKED, random_pool

pytestmark = pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")

ONE = {"tags": np.ones((2, 1)), "quality_scores": np.ones(2), "label_graph": np.ones((1, 1))}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"k": -1}, "k must be at least 0, got -1"),
        ({"k": 3}, "k must be at most the 2 rows of the pool, got 3; lower k to 2"),
        (
            {"quality_scores": [1, -0.5]},
            "quality_scores must be at least 0, got -0.5 at row 1 .1 such rows.; add a constant",
        ),
        ({"quality_scores": [np.nan, 1]}, "quality_scores must be finite, got nan at row 0"),
        ({"quality_scores": [1, None]}, "quality_scores must be finite, got nan at row 1"),
        ({"quality_scores": [1, np.inf]}, "quality_scores must be finite, got inf at row 1"),
        ({"quality_scores": [1]}, r"one number for each of the 2 rows, got shape \(1,\)"),
        ({"quality_scores": [[1], [1]]}, r"one number for each of the 2 rows, got shape \(2, 1\)"),
        ({"quality_scores": [1e308, 1e308]}, r"too large to add up, got 1e\+308; divide them"),
        ({"tags": [[1], [2]]}, "tags must hold only 0 and 1, got 2"),
        ({"tags": [[1], [-1]]}, "tags must hold only 0 and 1, got -1"),
        ({"tags": csr_array([[1.0], [0.5]])}, "tags must hold only 0 and 1, got 0.5"),
        ({"tags": [[1], [np.nan]]}, "tags must hold only 0 and 1, got nan"),
        ({"tags": [1, 1]}, r"tags must be a matrix of rows by labels, got shape \(2,\)"),
        ({"label_graph": np.ones((2, 2))}, r"label_graph must be labels by labels as tags has 1, got shape \(2, 2\)"),
        ({"label_graph": np.ones((1, 2))}, r"label_graph must be labels by labels as tags has 1, got shape \(1, 2\)"),
        ({"label_graph": [[-1.0]]}, "label_graph must have finite weights of at least 0, got -1.0; use a threshold"),
        ({"label_graph": [[np.nan]]}, "label_graph must have finite weights of at least 0, got nan"),
        ({"label_graph": [[np.inf]]}, "label_graph must have finite weights of at least 0, got inf"),
        ({"label_graph": [[0.0]]}, "label_graph must keep its diagonal, got weight 0 between label 0 and itself"),
        ({"prop_weight": -0.1}, "prop_weight must be finite and at least 0, got -0.1"),
        ({"prop_weight": np.nan}, "prop_weight must be finite and at least 0, got nan"),
        ({"phi_b": 0.0}, "phi_b must be finite, above 0 and at most 1, got 0.0; phi is concave and increasing"),
        ({"phi_b": 1.1}, "phi_b must be finite, above 0 and at most 1, got 1.1"),
        ({"phi_b": np.nan}, "phi_b must be finite, above 0 and at most 1, got nan"),
        ({"phi_a": 0.0}, "phi_a must be finite and at least 1e-300, got 0.0; phi' at 0 needs it"),
        ({"phi_a": -1.0}, "phi_a must be finite and at least 1e-300"),
        ({"phi_a": np.inf}, "phi_a must be finite"),
        ({"phi_alpha": 0.0}, "phi_alpha must be finite and above 0, got 0.0"),
        ({"phi_alpha": np.inf}, "phi_alpha must be finite and above 0, got inf"),
        ({"phi_type": "log"}, r"phi_type must be one of \['exp', 'pow'\], got 'log'"),
        ({"gain": "lazy"}, r"gain must be one of \['exact', 'gradient'\], got 'lazy'"),
        ({"device": "tpu"}, 'device must be None, "cpu", "cuda" or "cuda:<number>", got \'tpu\''),
        ({"device": "cuda:x"}, "device must be None"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not there, torch sees .* CUDA devices; pass device=None"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name_value_and_remedy(changed, message):
    with pytest.raises(ValueError, match=message):
        mig(**{"k": 2, **ONE, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"phi_a": "1e-6"}, "phi_a must be a number, got '1e-6'; pass an int or a float"),
        ({"phi_b": None}, "phi_b must be a number, got None"),
        ({"phi_alpha": True}, "phi_alpha must be a number, got True"),
        ({"prop_weight": "1"}, "prop_weight must be a number, got '1'"),
        ({"tags": [["1"], ["0"]]}, "tags must hold real numbers, got <U1"),
        ({"tags": np.ones((2, 1), complex)}, "tags must hold real numbers, got complex128"),
        ({"tags": csr_array(np.ones((2, 1), complex))}, "tags must hold real numbers, got complex128; convert them"),
        ({"tags": np.ma.masked_array(np.ones((2, 1)))}, "tags must not be a masked array, its mask would be lost"),
        ({"label_graph": [["1"]]}, "label_graph must hold real numbers, got <U1"),
        ({"label_graph": csr_array([[1j]])}, "label_graph must hold real numbers, got complex128"),
        ({"quality_scores": ["1", "2"]}, "quality_scores must hold real numbers, got <U1; convert them first"),
    ],
)
def test_what_is_no_number_is_refused_by_name(changed, message):
    with pytest.raises(TypeError, match=message):
        mig(**{"k": 2, **ONE, **changed})


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("gain", ["gradient", "exact"])
@pytest.mark.parametrize(
    ("phi", "message"),
    [
        (
            {"phi_type": "exp", "phi_alpha": 1e300},
            r"phi_alpha=1e\+300 makes gains of quality_scores up to 1000000000.0 infinite; lower phi_alpha or divide",
        ),
        ({"phi_a": 1e-300}, r"phi_a=1e-300 makes gains of quality_scores up to 1000000000.0 infinite; raise phi_a or"),
    ],
)
def test_a_phi_too_steep_for_the_scores_is_named(gain, phi, message):
    pool = {**ONE, "quality_scores": [1e9, 1e9]}
    with pytest.raises(ValueError, match=message):
        mig(2, **pool, **phi, gain=gain)
    less = {"phi_alpha": 1e290} if "phi_alpha" in phi else {"phi_a": 1e-290}
    assert np.isfinite(mig(2, **pool, **{**phi, **less}, gain=gain).gains).all()


@pytest.mark.parametrize("gain", ["gradient", "exact"])
@pytest.mark.parametrize("prop_weight", [1.0, 0.0, 7.0])
@pytest.mark.parametrize("exponent", [1022, -1000])
def test_the_unit_of_the_label_graph_does_not_matter(gain, prop_weight, exponent):
    """By columns, whose sums are 1: at 2 ** 1022 a plain sum overflows, and nothing would gain anything."""
    pool = random_pool(4, 40, 8)
    dense = pool["label_graph"].toarray()
    expected = mig(40, **pool, gain=gain, prop_weight=prop_weight)
    other = {**pool, "label_graph": np.ldexp(dense, exponent)}
    chosen = mig(40, **other, gain=gain, prop_weight=prop_weight)
    assert chosen.rows.tolist() == expected.rows.tolist()
    assert chosen.gains.tolist() == expected.gains.tolist()


def test_a_weight_of_the_edges_of_any_size_leaves_columns_that_sum_to_one():
    shares = propagation(np.full((4, 4), 0.99), 1e308).toarray()
    assert shares == pytest.approx((1 - np.eye(4)) / 3)


@pytest.mark.parametrize("k", [1.0, "1", None, True, np.float64(2)])
def test_k_must_be_a_whole_number(k):
    with pytest.raises(TypeError, match=r"k must be an int, got .*; turn a share"):
        mig(k, **ONE)


def test_k_may_be_a_numpy_int():
    assert mig(np.int32(1), **ONE).rows.tolist() == [0]


def test_a_label_that_no_row_carries_needs_no_diagonal():
    pool = {"tags": [[1, 0]], "quality_scores": [2.0], "label_graph": [[1.0, 0], [0, 0]]}
    assert mig(1, **pool, gain="exact").objective == pytest.approx(2**0.8, abs=1e-4)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 0], "rows must be distinct, got 1 repeated"),
        ([2], r"rows must be in 0..1, got 2..2"),
        ([-1], r"rows must be in 0..1, got -1..-1"),
        ([0.5], "rows must be a list of pool indices, got float64"),
        ([[0]], r"rows must be a list of pool indices, got int64 of shape \(1, 1\)"),
    ],
)
def test_objective_refuses_what_is_no_set_of_rows(rows, message):
    with pytest.raises(ValueError, match=message):
        objective(rows, **ONE)


def test_objective_of_no_rows_is_zero():
    assert objective([], **ONE) == 0


def test_propagation_refuses_what_is_not_square():
    with pytest.raises(ValueError, match=r"label_graph must be square, labels by labels, got shape \(1, 2\)"):
        propagation(np.ones((1, 2)))


@pytest.mark.parametrize("gain", ["gradient", "exact"])
@pytest.mark.parametrize(
    "form",
    [
        lambda t: t.toarray(),
        lambda t: t.toarray().astype(bool),
        lambda t: t.toarray().tolist(),
        lambda t: t.astype(bool),
        lambda t: t.astype(np.int8),
        lambda t: t.astype(np.float32),
        lambda t: t.toarray().astype(np.float16),
        lambda t: t.toarray().astype(np.longdouble),
        lambda t: t.toarray().astype(object),
        csr_matrix,
        csc_array,
        coo_array,
        lil_array,
        lambda t: csr_array((t.data, t.indices.astype(np.int64), t.indptr.astype(np.int64)), shape=t.shape),
    ],
)
def test_tags_in_any_form_give_the_same_rows(gain, form):
    pool = random_pool(1, 50, 10)
    expected = mig(50, **pool, gain=gain)
    chosen = mig(50, **{**pool, "tags": form(pool["tags"])}, gain=gain)
    assert chosen.rows.tolist() == expected.rows.tolist()
    assert chosen.gains.tolist() == expected.gains.tolist()


def repeated(dtype=float):
    """Labels [a, a, c] out of order, with a stored zero."""
    data = np.array([1, 1, 1, 0], dtype)
    return csr_array((data, np.array([2, 0, 0, 1]), np.array([0, 4])), shape=(1, 3))


@pytest.mark.parametrize(
    "tags", [repeated(), repeated(bool), repeated(np.int8), coo_array(repeated()), csc_array(repeated())]
)
def test_norm_divides_by_all_entries_even_repeated_ones(tags):
    """Score 6 on labels [a, a, c] gives a and c 2 each; without norm 6 each."""
    pool = {"tags": tags, "quality_scores": [6.0], "label_graph": np.eye(3)}
    assert mig(1, **pool, norm=True, phi_b=1.0).gains == pytest.approx([4.0])
    assert mig(1, **pool, norm=False, phi_b=1.0).gains == pytest.approx([12.0])


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("gain", ["gradient", "exact"])
def test_inputs_are_not_changed(norm, gain):
    tags = repeated()
    graph = csr_array((np.ones(4), np.array([0, 0, 1, 2]), np.array([0, 2, 3, 4])), shape=(3, 3))
    scores = np.array([6.0])
    arrays = [tags.data, tags.indices, tags.indptr, graph.data, graph.indices, graph.indptr, scores]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    mig(1, tags=tags, quality_scores=scores, label_graph=graph, norm=norm, gain=gain)
    assert all((old == new).all() for old, new in zip(before, arrays, strict=True))


def test_read_only_canonical_inputs_are_fine():
    for part in (WORKED["tags"], WORKED["label_graph"]):
        for array in (part.data, part.indices, part.indptr):
            array.setflags(write=False)
    assert mig(5, **WORKED).rows.tolist() == mig(5, **WORKED, device="cpu").rows.tolist() == [3, 0, 1, 2, 4]


def test_float32_inputs_give_float64_results():
    pool = random_pool(2, 60, 10)
    small = {
        **pool,
        "quality_scores": pool["quality_scores"].astype(np.float32),
        "tags": pool["tags"].astype(np.float32),
    }
    wide = {**pool, "quality_scores": small["quality_scores"].astype(np.float64)}
    assert mig(60, **small).gains.tolist() == mig(60, **wide).gains.tolist()
