import re

import numpy as np
import pytest

from mig_dagster.selection import expected_loss, fit_rule, instruct_mining
from mig_dagster.selection.indicator_names import INDICATORS, by_name
from mig_dagster.selection.instruct_mining import RULES

V1 = {"Rew": [1.0], "Len": [200.0], "Knn_6": [0.8]}
V2 = {"Rew": [2.0], "Und": [0.9], "Nat": [0.8], "Coh": [0.95]}


def pool(seed: int, n: int | None = None) -> dict[str, np.ndarray]:
    """Return whole numbers, so that many rows tie."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40)) if n is None else n
    return {name: rng.integers(0, 3, n).astype(float) for name in ("rew", "len", "knn_6", "und", "nat", "coh")}


def naive(k: int, indicators: dict[str, np.ndarray], rule: str) -> list[int]:
    n = len(indicators["rew"])
    if rule == "v1":
        loss = [
            1.0694 - 0.1498 * indicators["rew"][i] + 8.257e-5 * indicators["len"][i] - 0.9350 * indicators["knn_6"][i]
            for i in range(n)
        ]
    else:
        loss = [
            0.0274
            - 0.0078 * indicators["rew"][i]
            + 0.4421 * indicators["und"][i]
            - 0.3212 * indicators["nat"][i]
            - 0.1520 * indicators["coh"][i]
            for i in range(n)
        ]
    return sorted(range(n), key=lambda i: (loss[i], i))[:k]


@pytest.mark.parametrize("rule", ["v1", "v2"])
@pytest.mark.parametrize("seed", range(150))
def test_chooses_the_rows_of_smallest_loss(rule, seed):
    given = pool(seed)
    n = len(given["rew"])
    k = seed % (n + 1)
    selection = instruct_mining(k, indicators=given, rule=rule)
    assert selection.rows.tolist() == naive(k, given, rule)
    np.testing.assert_array_equal(selection.gains, -expected_loss(given, rule=rule)[selection.rows])
    assert selection.shortfall is None


@pytest.mark.parametrize(("rule", "given", "loss"), [("v1", V1, 0.188114), ("v2", V2, 0.008330)])
def test_golden_losses(rule, given, loss):
    assert expected_loss(given, rule=rule).tolist() == [pytest.approx(loss, abs=1e-12)]
    assert expected_loss({name.upper(): value for name, value in given.items()}, rule=rule)[0] == pytest.approx(loss)


def test_the_default_is_the_rule_of_the_first_version():
    given = pool(4)
    assert instruct_mining(1, indicators=given).rows.tolist() == naive(1, given, "v1")


def test_every_number_of_a_rule_has_a_source_and_every_indicator_is_known():
    for rule in RULES.values():
        assert "2307.06290" in rule.source
        assert set(rule.coefficients) - {"constant"} <= set(INDICATORS)
    assert "[2nd]" in RULES["v2"].source


@pytest.mark.parametrize("constant", [-5.0, 0.0, 1.0684, 100.0])
def test_the_constant_never_changes_the_order(constant):
    given = pool(11, 40)
    own = {**RULES["v1"].coefficients, "constant": constant}
    rows = instruct_mining(40, indicators=given, rule="fitted", coefficients=own).rows
    assert rows.tolist() == naive(40, given, "v1")


@pytest.mark.parametrize("rule", ["v1", "v2"])
@pytest.mark.parametrize("seed", range(20))
def test_more_reward_never_worsens_a_rank(rule, seed):
    given = pool(seed, 30)
    before = instruct_mining(30, indicators=given, rule=rule).rows.tolist()
    row = seed % 30
    better = {**given, "rew": given["rew"] + 0.7 * (np.arange(30) == row)}
    assert instruct_mining(30, indicators=better, rule=rule).rows.tolist().index(row) <= before.index(row)


@pytest.mark.parametrize("seed", range(5))
def test_a_smaller_budget_is_the_start_of_a_larger_one(seed):
    given = pool(seed, 25)
    whole = instruct_mining(25, indicators=given).rows.tolist()
    for k in range(25):
        assert instruct_mining(k, indicators=given).rows.tolist() == whole[:k]


def test_rows_of_equal_loss_come_in_pool_order():
    given = {"rew": np.ones(9), "len": np.full(9, 7), "knn_6": np.zeros(9)}
    assert instruct_mining(5, indicators=given).rows.tolist() == [0, 1, 2, 3, 4]


def test_a_fitted_rule_is_its_own_coefficients():
    means = {"Rew": [0.0, 1.0, 2.0, 3.0], "mine": [1.0, 0.0, 0.0, 1.0]}
    fitted = fit_rule(means, [0.5, 0.1, -0.2, 0.3])
    rows = {"rew": [3.0, 0.0, 1.0], "MINE": [0.0, 1.0, 1.0]}
    own = fitted.coefficients
    expected = [own["constant"] + own["rew"] * r + own["mine"] * m for r, m in zip(*rows.values(), strict=True)]
    assert expected_loss(rows, rule="fitted", coefficients=own) == pytest.approx(expected, rel=1e-12)
    in_capitals = {name.upper(): value for name, value in own.items()}
    selection = instruct_mining(3, indicators=rows, rule="fitted", coefficients=in_capitals)
    assert selection.rows.tolist() == np.argsort(expected).tolist()


def test_indicators_that_the_rule_does_not_use_are_not_looked_at():
    given = {**pool(3, 10), "mtld": [np.nan], "ppl": "nothing"}
    assert instruct_mining(10, indicators=given).rows.tolist() == naive(10, given, "v1")


def test_no_rows_of_none():
    selection = instruct_mining(0, indicators={"rew": [], "len": [], "knn_6": []})
    assert (selection.rows.dtype, selection.gains.dtype) == (np.int64, np.float64)
    assert len(selection.rows) == len(selection.gains) == 0


@pytest.mark.parametrize(
    ("dropped", "rule", "remedy"),
    [
        ("knn_6", "v1", "neighbours.knn_distances"),
        ("rew", "v1", "a reward model"),
        ("len", "v1", "`indicators` annotator"),
        ("und", "v2", "MingZhong/unieval-dialog"),
        ("nat", "v2", "MingZhong/unieval-dialog"),
        ("coh", "v2", "MingZhong/unieval-dialog"),
    ],
)
def test_a_missing_indicator_is_named_with_what_gives_it(dropped, rule, remedy):
    given = {name: values for name, values in pool(1).items() if name != dropped}
    with pytest.raises(
        ValueError, match=f"indicators must hold .*rule='{rule}', {dropped} missing.*{re.escape(remedy)}"
    ):
        instruct_mining(1, indicators=given, rule=rule)


def test_all_missing_indicators_are_named():
    with pytest.raises(ValueError, match=r"rew, len, knn_6 missing, got none: rew is .*; len is .*; knn_6 is "):
        instruct_mining(0, indicators={})
    with pytest.raises(ValueError, match=r"zest missing, got rew: zest is an indicator of your own"):
        expected_loss({"rew": [1.0]}, rule="fitted", coefficients={"constant": 0.0, "zest": 1.0})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_indicators_that_are_not_finite_are_refused_by_name(bad):
    with pytest.raises(ValueError, match=r"indicators\['len'\] must be finite, got .* at row 1"):
        instruct_mining(1, indicators={"rew": [0, 1], "LEN": [1, bad], "knn_6": [0, 1]})


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_loss_that_is_not_finite_is_refused_with_its_row_and_indicator():
    own = {"constant": 0, "a": 1e200, "b": -1e200}
    with pytest.raises(
        ValueError,
        match=r"expected loss must be finite, got nan at row 0 \(1 such rows\), most of it from "
        r"indicators\['a'\], 1e\+200 there, times its coefficient 1e\+200; give the indicator in a larger unit",
    ):
        instruct_mining(2, indicators={"a": [1e200, 1, 2], "b": [1e200, 1, 3]}, rule="fitted", coefficients=own)
    with pytest.raises(ValueError, match=r"got -inf at row 1 .*indicators\['b'\], 1e\+250 there"):
        expected_loss({"a": [1, 1], "b": [1, 1e250]}, rule="fitted", coefficients=own)


def test_indicators_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"indicators must have one number for each row, got {'rew': 2, 'len': 3"):
        instruct_mining(1, indicators={"rew": [0, 1], "len": [1, 2, 3], "knn_6": [0, 1]})


def test_names_that_differ_in_case_only_are_refused():
    with pytest.raises(ValueError, match="indicators must have each name once in any case, got 'REW' twice"):
        instruct_mining(1, indicators={"rew": [0], "REW": [0], "len": [1], "knn_6": [0]})
    with pytest.raises(TypeError, match="indicators must have names of type str, got 6"):
        by_name({6: [0]}, "indicators")


def test_rule_and_coefficients_must_fit_each_other():
    given = pool(1)
    with pytest.raises(ValueError, match=r"rule must be one of \['v1', 'v2', 'fitted'\], got 'v3'"):
        instruct_mining(1, indicators=given, rule="v3")
    with pytest.raises(ValueError, match=r"coefficients must be None with rule='v2'.*pass rule=.fitted"):
        instruct_mining(1, indicators=given, rule="v2", coefficients={"constant": 1.0, "rew": 1.0})
    with pytest.raises(ValueError, match=r'coefficients must be given with rule="fitted": pass fit_rule'):
        instruct_mining(1, indicators=given, rule="fitted")
    with pytest.raises(ValueError, match=r'coefficients must hold "constant" and at least one .*"constant": 0\.0'):
        instruct_mining(1, indicators=given, rule="fitted", coefficients={"rew": 1.0})
    with pytest.raises(ValueError, match=r'coefficients must hold "constant" and at least one'):
        instruct_mining(1, indicators=given, rule="fitted", coefficients={"constant": 1.0})
    with pytest.raises(ValueError, match="coefficients must be finite"):
        instruct_mining(1, indicators=given, rule="fitted", coefficients={"constant": 1.0, "rew": np.nan})
    with pytest.raises(ValueError, match="k must be at most the 1 rows of the pool, got 2"):
        instruct_mining(2, indicators=V1)
    with pytest.raises(TypeError, match="k must be an int"):
        instruct_mining(1.0, indicators=V1)
