"""Budgets in tokens over a pool with signals: what is chosen, what is said of it, who is left out."""

import numpy as np
import polars as pl
import pytest

from mig_dagster.selection import METHODS
from mig_dagster.selection.token_budget import choose_within
from mig_dagster.stages.align import align
from mig_dagster.stages.compare.comparison import Compared, compare_subsets
from mig_dagster.stages.subset import choose_subset
from mig_dagster.stages.token_signal import tokens_by_row
from tests.stages.small_pool import SmallPool

POOL = SmallPool(40)
TOKENS = np.random.default_rng(4).integers(5, 60, POOL.n)
TRAINED = TOKENS // 2


def counted(**changes):
    """The pool with token counts; row 5 has none."""
    counts = pl.LazyFrame(
        {
            "row_id": POOL.ids,
            "source": POOL.sources,
            "tokens": pl.Series([None if i == 5 else int(t) for i, t in enumerate(TOKENS)], dtype=pl.Int64),
            "trained_tokens": pl.Series([None if i == 5 else int(t) for i, t in enumerate(TRAINED)], dtype=pl.Int64),
            "flag": ["template_refused" if i == 5 else None for i in range(POOL.n)],
        },
        schema_overrides={"flag": pl.String},
    )
    return POOL.frames(**({"token_counts": counts} | changes))


def choose(method, budget, frames=None, **settings):
    return choose_subset(method, frames or counted(), budget=budget, settings=settings, max_null_share=0.2)


@pytest.mark.parametrize(("budget", "counts"), [("300tok", TOKENS), ("150trained", TRAINED)])
@pytest.mark.parametrize("method", ["mig", "random", "car"])
def test_a_subset_is_what_the_tokens_buy(method, budget, counts):
    made = choose(method, budget)
    rows = [POOL.ids.index(row_id) for row_id in made.rows["row_id"]]
    used = {"tokens": int(TOKENS[rows].sum()), "trained_tokens": int(TRAINED[rows].sum())}
    asked = int("".join(filter(str.isdigit, budget)))
    assert made.info["tokens"]["used"] == used
    assert made.info["tokens"]["asked"] == asked
    assert 0 < counts[rows].sum() <= asked
    assert made.info["k"] == made.info["rows"] == len(rows)


@pytest.mark.parametrize("method", ["mig", "random"])
def test_rows_are_those_of_the_selection_on_the_same_arrays(method):
    made = choose(method, "400tok")
    given = align(counted(), [*made_reads(method), "token_counts"])
    costs = given.arguments.pop("token_counts")["tokens"]
    own = choose_within(method, 400, costs=costs, arguments=given.arguments, settings={}, filled={})
    assert made.rows["row_id"].to_list() == given.rows["row_id"].gather(own.rows).to_list()
    assert made.info["nested"] == own.nested == (method == "random")
    assert made.info["tokens"]["pool"]["tokens"] == costs.sum()


def made_reads(method):
    from mig_dagster.selection import reads

    return reads(METHODS[method])


def test_a_row_without_counts_is_excluded_under_tokens_alone():
    under_tokens, under_rows = choose("random", "300tok"), choose("random", "10")
    assert under_tokens.excluded.filter(row_id=POOL.ids[5])["reason"].to_list() == ["token_counts: template_refused"]
    assert not under_rows.excluded.height
    assert under_rows.info["tokens"] is None


def test_tokens_without_counts_name_what_to_make():
    with pytest.raises(ValueError, match="reads token_counts, which is not there: materialise token_counts first"):
        choose("random", "300tok", POOL.frames())


def test_more_tokens_than_there_are_take_all_rows_and_warn():
    made = choose("random", "1Mtok")
    assert made.rows.height == POOL.n - 1
    assert any("the budget asks for 1000000 tokens" in warning for warning in made.info["warnings"])


def test_migs_default_under_tokens_is_the_exact_gain_and_another_is_warned_of():
    made, asked = choose("mig", "300tok"), choose("mig", "300tok", gain="gradient")
    assert made.info["options"]["gain"] == "exact"
    assert not made.info["warnings"]
    assert asked.info["options"]["gain"] == "gradient"
    assert any("no guarantee under a budget in tokens" in warning for warning in asked.info["warnings"])
    assert choose("mig", "5").info["options"]["gain"] == "gradient"


def test_the_comparison_shows_the_tokens_of_the_signal():
    def never(texts):
        raise AssertionError("the tokens are there")

    never.name = "never"
    made = choose("random", "300tok")
    tables = compare_subsets(
        counted(), [Compared.of("random", made.rows, made.info)], count_tokens=never, tokenizer="the signal's"
    )
    line = tables["rows"].filter(name="random")
    assert line["tokens"].to_list() == [made.info["tokens"]["used"]["tokens"]]
    assert tables["rows"].drop_nulls("tokens")["tokenizer"].unique().to_list() == ["the signal's"]


def test_tokens_by_row_are_those_of_the_signal_and_none_of_a_row_without():
    rows = POOL.frames().pool.select("row_id", "source").collect()
    expected = np.where(np.arange(POOL.n) == 5, 0, TOKENS)
    np.testing.assert_array_equal(tokens_by_row(rows, counted().token_counts), expected)
