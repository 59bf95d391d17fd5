import numpy as np
import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.ifd import Perplexity, ifd_rows
from mig_dagster.annotations.indicators import Mtld, Reward, TokenLength, indicator_rows
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.quality import ConstantScorer
from mig_dagster.annotations.quality.lexical import lexical_score
from mig_dagster.annotations.token_counts import TokenCounter
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row

PLAIN, WORDLESS, SILENT = row(("Say so.", "So it is said.")), row(("How much?", "42")), row(("Who?", ""))


@pytest.fixture(scope="module")
def length(tiny_llama):
    return TokenLength("len", TokenCounter(CausalLanguageModel(ModelSpec(str(tiny_llama)))))


def test_each_indicator_is_a_column_over_the_distinct_rows(length):
    made = indicator_rows([PLAIN, WORDLESS, PLAIN], [length, Mtld(), Reward()])
    assert made.row_ids == [PLAIN.row_id, WORDLESS.row_id]
    assert list(made.values) == ["len", "mtld", "rew"]
    assert all(column.dtype == np.float64 and column.shape == (2,) for column in made.values.values())


def test_a_value_that_is_missing_leaves_the_others_of_its_row(length):
    made = indicator_rows([PLAIN, WORDLESS, SILENT], [length, Mtld(), Reward()])
    assert made.partial
    assert made.flags == [None, "empty_text", "empty_text"]
    assert np.isnan(made.values["mtld"]).tolist() == [False, True, True]
    assert np.isnan(made.values["rew"]).tolist() == [False, False, True]
    assert not np.isnan(made.values["len"]).any()


def test_without_a_reward_model_the_lexical_rule_stands_in_under_its_own_name():
    made = indicator_rows([PLAIN], [Reward()])
    assert made.values["rew"].tolist() == [lexical_score("Say so.", "So it is said.")]
    (annotator,) = made.used.values()
    assert annotator.parameters["rew"]["name"] == "lexical"


def test_any_scorer_of_rows_can_be_the_reward():
    made = indicator_rows([PLAIN, SILENT], [Reward(ConstantScorer())])
    assert made.values["rew"][0] == 1.0
    (annotator,) = made.used.values()
    assert annotator.parameters["rew"]["name"] == "constant"


def test_perplexity_after_ifd_runs_no_model_again(tiny_llama):
    files = MemoryFiles()
    ratios = ifd_rows([PLAIN], CausalLanguageModel(ModelSpec(str(tiny_llama))), cache=FragmentCache(files))
    model = CausalLanguageModel(ModelSpec(str(tiny_llama)))
    made = indicator_rows([PLAIN], [Perplexity(model)], FragmentCache(files))
    assert made.values["ppl"].tolist() == ratios.values["ppl"].tolist()
    assert "model" not in model.__dict__


def test_who_gave_them_is_all_that_any_of_them_depends_on(length):
    one, two = indicator_rows([PLAIN], [Mtld()]), indicator_rows([PLAIN], [Mtld(), length])
    assert one.annotators != two.annotators
    assert one.annotators == indicator_rows([WORDLESS], [Mtld()]).annotators


def test_what_the_cache_knows_is_not_measured_again(monkeypatch):
    files = MemoryFiles()
    first = indicator_rows([PLAIN, WORDLESS], [Mtld()], FragmentCache(files))
    monkeypatch.setattr("mig_dagster.annotations.indicators.mtld.mtld", lambda words: pytest.fail("measured again"))
    again = indicator_rows([WORDLESS, PLAIN], [Mtld()], FragmentCache(files))
    np.testing.assert_array_equal(again.values["mtld"][::-1], first.values["mtld"])
    assert again.flags == first.flags[::-1]


def test_no_rows_give_empty_columns():
    made = indicator_rows([], [Mtld()])
    assert made.values["mtld"].shape == (0,)
    assert made.used == {}


def test_no_indicator_and_one_twice_are_refused():
    with pytest.raises(ValueError, match="indicators must hold at least one, got none"):
        indicator_rows([], [])
    with pytest.raises(ValueError, match="indicators must have different names, got 'mtld' twice"):
        indicator_rows([], [Mtld(), Mtld()])
