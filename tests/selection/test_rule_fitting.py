"""The fitter against the normal equations and the textbook's formulas for what is read off them."""

import warnings

import numpy as np
import pytest
from scipy import stats

from mig_dagster.selection import SelectionWarning, fit_rule


def experiments(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return indicators in very different units, and log losses with noise."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 5))
    count = int(rng.integers(width + 2, 60))
    units = 10.0 ** rng.integers(-3, 4, width)
    means = {f"indicator_{i}": rng.normal(0, 1, count) * units[i] for i in range(width)}
    return means, rng.normal(size=count) + sum(
        values / unit for values, unit in zip(means.values(), units, strict=True)
    )


@pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")
@pytest.mark.parametrize("seed", range(200))
def test_equals_the_normal_equations(seed):
    means, losses = experiments(seed)
    fitted = fit_rule(means, losses)
    x = np.column_stack([np.ones(len(losses)), *means.values()])
    beta = np.linalg.solve(x.T @ x, x.T @ losses)
    residuals = losses - x @ beta
    spare = len(losses) - x.shape[1]
    errors = np.sqrt(residuals @ residuals / spare * np.diag(np.linalg.inv(x.T @ x)))
    lengths = np.sqrt((x**2).sum(axis=0))
    assert list(fitted.coefficients) == list(fitted.standard_errors) == list(fitted.p_values) == ["constant", *means]
    np.testing.assert_allclose(list(fitted.coefficients.values()), beta, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fitted.residuals, residuals, atol=1e-8)
    np.testing.assert_allclose(list(fitted.standard_errors.values()), errors, rtol=1e-7)
    np.testing.assert_allclose(
        list(fitted.p_values.values()), 2 * (1 - stats.t.cdf(np.abs(beta / errors), spare)), atol=1e-7
    )
    assert fitted.r_squared == pytest.approx(1 - residuals @ residuals / ((losses - losses.mean()) ** 2).sum())
    assert fitted.condition_number == pytest.approx(np.linalg.cond(x / lengths), rel=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_one_indicator_gives_what_polyfit_gives(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=12), rng.normal(size=12)
    (slope, start), covariance = np.polyfit(x, y, 1, cov=True)
    fitted = fit_rule({"X": x}, y)
    assert fitted.coefficients == {"constant": pytest.approx(start), "x": pytest.approx(slope)}
    assert list(fitted.standard_errors.values()) == pytest.approx(np.sqrt(np.diag(covariance))[::-1].tolist())


def test_four_exact_points_give_their_line():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    fitted = fit_rule({"x": x}, 2 - 3 * x)
    assert fitted.coefficients == {"constant": pytest.approx(2, abs=1e-12), "x": pytest.approx(-3, abs=1e-12)}
    assert fitted.residuals.tolist() == [0, 0, 0, 0]
    assert fitted.standard_errors == {"constant": 0, "x": 0}
    assert fitted.p_values == {"constant": 0, "x": 0}
    assert fitted.r_squared == 1


def test_losses_that_are_all_equal_say_that_no_indicator_matters():
    fitted = fit_rule({"x": [0.0, 1.0, 2.0, 5.0]}, [0.7] * 4)
    assert fitted.coefficients == {"constant": pytest.approx(0.7), "x": pytest.approx(0, abs=1e-12)}
    assert fitted.p_values == {"constant": 0, "x": 1}
    assert np.isnan(fitted.r_squared), "there is nothing to explain"


def test_as_many_experiments_as_coefficients_leave_nothing_to_judge_by():
    fitted = fit_rule({"x": [0.0, 1.0]}, [5.0, 3.0])
    assert fitted.coefficients == {"constant": pytest.approx(5), "x": pytest.approx(-2)}
    assert np.isnan(list(fitted.standard_errors.values())).all()
    assert np.isnan(list(fitted.p_values.values())).all()


def test_units_change_coefficients_only():
    rng = np.random.default_rng(0)
    x, y, losses = rng.normal(size=(3, 20))
    one, other = fit_rule({"x": x, "y": y}, losses), fit_rule({"x": 1e6 * x, "y": 1e-6 * y}, losses)
    assert other.coefficients["x"] == pytest.approx(one.coefficients["x"] / 1e6)
    assert other.p_values == pytest.approx(one.p_values)
    assert other.condition_number == pytest.approx(one.condition_number)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("exponent", [700, -1000])
def test_units_whose_squares_leave_float64_change_coefficients_only(exponent):
    rng = np.random.default_rng(0)
    x, y, losses = rng.normal(size=(3, 20))
    one, other = fit_rule({"x": x, "y": y}, losses), fit_rule({"x": np.ldexp(x, exponent), "y": y}, losses)
    expected = {**one.coefficients, "x": np.ldexp(one.coefficients["x"], -exponent)}
    assert other.coefficients == expected
    assert other.standard_errors["x"] == np.ldexp(one.standard_errors["x"], -exponent)
    assert (other.p_values, other.condition_number) == (one.p_values, one.condition_number)
    huge = fit_rule({"x": x, "y": y}, np.ldexp(losses, 700))
    assert (huge.r_squared, huge.p_values) == (one.r_squared, one.p_values)
    assert huge.residuals.tolist() == np.ldexp(one.residuals, 700).tolist()


def test_an_indicator_too_small_for_a_coefficient_is_refused():
    with pytest.raises(
        ValueError, match=r"indicator_means\['x'\] must be large enough .*got inf; give the indicator in"
    ):
        fit_rule({"x": [1e-310, 2e-310, 3e-310, 5e-310]}, [1, 2, 3, 5])


def test_inputs_are_not_changed():
    x, losses = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 4.0])
    fit_rule({"x": x}, losses)
    assert (x.tolist(), losses.tolist()) == ([0, 1, 2], [1, 1, 4])


@pytest.mark.parametrize(
    ("means", "named"),
    [
        ({"a": [1, 2, 3, 5], "b": [2, 4, 6, 10], "c": [0, 1, 0, 2]}, "a, b"),
        ({"a": [1, 2, 3, 5], "nat": [0.9] * 4}, "constant, nat"),
        ({"a": [1, 2, 3, 5], "zero": [0] * 4}, "zero"),
        ({"a": [1, 2, 3, 5], "b": [2, 1, 0, 1], "sum": [3, 3, 3, 6]}, "a, b, sum"),
        ({"a": [0.1, 0.2, 0.3, 0.7], "b": [3e5 + 0.1, 3e5 + 0.2, 3e5 + 0.3, 3e5 + 0.7]}, "constant, b"),
    ],
)
def test_indicators_that_determine_each_other_are_refused_by_name(means, named):
    with pytest.raises(ValueError, match=f"indicator_means must not determine each other, but {named} do.*leave one"):
        fit_rule({name: [*values, *values] for name, values in means.items()}, np.arange(8.0) ** 2)


def test_indicators_that_go_together_closely_are_warned_of():
    rng = np.random.default_rng(1)
    x, other = rng.normal(size=(2, 30))
    losses = rng.normal(size=30)
    means = {"x": x, "nearly_x": x + 0.01 * rng.normal(size=30), "other": other}
    with pytest.warns(
        SelectionWarning, match=r"the condition number is \d+, above 30: x, nearly_x go together"
    ) as told:
        assert fit_rule(means, losses).condition_number > 30
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit_rule({"x": x, "other": other}, losses).condition_number < 30


def test_experiments_must_suffice():
    with pytest.raises(ValueError, match=r"at least 3 experiments, one for each of constant, a, b, got 2; run more"):
        fit_rule({"a": [1, 2], "B": [1, 3]}, [0, 1])


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="indicator_means must hold at least one indicator, got none"):
        fit_rule({}, [1.0, 2.0])
    with pytest.raises(ValueError, match='indicator_means must not hold "constant"'):
        fit_rule({"Constant": [1.0, 1.0]}, [1.0, 2.0])
    with pytest.raises(ValueError, match="indicator_means must have each name once"):
        fit_rule({"a": [1.0, 2.0], "A": [1.0, 2.0]}, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"indicator_means\['a'\] must have one number for each of the 2 rows"):
        fit_rule({"a": [1.0, 2.0, 3.0]}, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"indicator_means\['a'\] must be finite, got nan at row 1"):
        fit_rule({"a": [1.0, np.nan]}, [1.0, 2.0])
    with pytest.raises(ValueError, match="log_losses must be finite, got inf at row 0"):
        fit_rule({"a": [1.0, 2.0]}, [np.inf, 2.0])
