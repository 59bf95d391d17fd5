import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

from mig_dagster.stages.imported_values import Origins, kolmogorov_smirnov, origins


def test_the_distance_of_two_samples_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.5, 5.0):
        first, second = rng.normal(size=57).round(1), rng.normal(shift, size=80).round(1)
        assert kolmogorov_smirnov(first, second) == pytest.approx(ks_2samp(first, second).statistic)


def test_imported_and_computed_values_are_told_apart():
    rows = pl.LazyFrame(
        {"provenance": ["imported", "computed", "imported", "computed"], "score": [1.0, 5.0, 3.0, None]}
    )
    assert origins(rows, pl.col("score")) == Origins(2, 1, (2.0, 5.0), 1.0)


def test_without_values_of_one_origin_there_is_no_distance():
    rows = pl.LazyFrame({"provenance": ["computed"], "score": [5.0]})
    assert origins(rows, pl.col("score")) == Origins(0, 1, (None, 5.0), None)
