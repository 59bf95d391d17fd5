"""The ranges of scorers, which checks hold scores to."""

import math

import pytest

from mig_dagster.annotations.quality import SCORERS, scale_of


@pytest.mark.parametrize(
    ("scorer", "aggregation", "limits"),
    [
        ("lexical", "turn_mean", (1, 6)),
        ("lexical", "turn_sum", (1, math.inf)),
        ("deita", "turn_mean", (1, 36)),
        ("deita", "turn_sum", (1, math.inf)),
        ("iqs", "turn_sum", (-math.inf, math.inf)),
        ("tag_count", "turn_sum", (0, math.inf)),
        ("imported:score", "turn_mean", (-math.inf, math.inf)),
    ],
)
def test_a_sum_over_turns_leaves_the_range_upwards_only(scorer, aggregation, limits):
    assert scale_of(scorer).limits(aggregation) == limits


def test_every_scorer_has_a_scale():
    assert list(SCORERS) == ["lexical", "deita", "iqs", "reward", "constant", "tag_count"]
