import gzip
import json
import math

import pytest

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports import TAG_IMPORTS, ifd_imports, quality_imports
from mig_dagster.annotations.imports.car import iqs_scores
from mig_dagster.annotations.imports.deita import deita_scores
from mig_dagster.annotations.imports.opendataarena import deita_scores as oda_deita
from mig_dagster.annotations.imports.opendataarena import ifd_ratio as oda_ifd
from mig_dagster.annotations.imports.superfiltering import ifd_values
from mig_dagster.annotations.imports.xsample import car_scores, ifd_ratio, imported_tags
from tests.annotations.rows import row, xsample_rows
from tests.shared_data import shared

WRONG = [True, "1.0", [], {}, math.nan, math.inf, 10**400, ["a"], [1.0, None], [1.5e308, 1.5e308]]


def mean(values):
    return math.fsum(values) / len(values)


def given(**meta):
    return row(("a", "1"), **meta)


def deita(quality, complexity):
    return given(annotation={"deita": {"quality_scores": quality, "complexity_scores": complexity}})


def first_value(imports, each):
    return next((found for one in imports if (found := one.read(each)) is not None), None)


def test_deita_scores_are_products_turn_by_turn():
    assert deita_scores(deita([2, 5], [3, 2])) == [6.0, 10.0]


@pytest.mark.parametrize("meta", [{}, {"annotation": None}, {"annotation": "x"}, {"annotation": {"deita": None}}])
def test_a_row_without_deita_scores_has_none(meta):
    assert deita_scores(given(**meta)) is None


@pytest.mark.parametrize("quality", [*WRONG, 1.0, [1.0, 2.0], [1e308, 1e308]])
def test_malformed_deita_scores_are_flagged(quality):
    assert deita_scores(deita(quality, [10.0])) == Defect("invalid_import")
    assert deita_scores(deita([10.0], quality)) == Defect("invalid_import")


@pytest.mark.parametrize("whole", [[1.0], {}, {"quality_scores": [1.0]}])
def test_half_of_the_deita_scores_is_none(whole):
    assert deita_scores(given(annotation={"deita": whole})) == Defect("invalid_import")


def test_a_score_is_cars_where_a_cluster_stands_beside_it():
    assert iqs_scores(given(score=1.5, label="7")) == [1.5]
    assert iqs_scores(given(score=-0.2, label="7")) == [-0.2]
    assert iqs_scores(given(score=1.5)) is None
    assert iqs_scores(given(score=1.5, label=3)) is None
    assert iqs_scores(given(label="7")) is None


@pytest.mark.parametrize("score", [None, *WRONG, [1.0, 2.0]])
def test_a_malformed_score_of_car_is_flagged(score):
    assert iqs_scores(given(score=score, label="7")) == Defect("invalid_import")


def test_xsamples_car_scores_are_one_a_turn():
    assert car_scores(given(annotation={"CaR": [1.0, 0.5]})) == [1.0, 0.5]
    assert car_scores(given(annotation={"CaR": None})) is None
    assert car_scores(given()) is None


@pytest.mark.parametrize("value", WRONG)
def test_malformed_car_scores_of_xsample_are_flagged(value):
    assert car_scores(given(annotation={"CaR": value})) == Defect("invalid_import")


@pytest.mark.parametrize("value", [*WRONG, 0, 0.0, -0.5, [1.0, 2.0]])
def test_a_ratio_that_is_not_positive_is_flagged_as_zero_stands_for_a_failure(value):
    assert ifd_ratio(given(ifd_score={"version": 100, "content": value})) == Defect("invalid_import")
    assert oda_ifd(given(QA_scores={"IFD": value})) == Defect("invalid_import")
    assert ifd_values(given(ifd_ppl=value)) == Defect("invalid_import")
    assert ifd_values(given(ifd_ppl=0.5, ppl_A_direct=value, ppl_A_condition=2.0)) == Defect("invalid_import")


def test_rows_without_a_ratio_have_none():
    for meta in ({}, {"ifd_score": None}, {"ifd_score": 0.5}, {"ifd_score": {"content": None}}):
        assert ifd_ratio(given(**meta)) is None
    assert oda_ifd(given(QA_scores={"IFD": None})) is None
    assert ifd_values(given(ppl_A_direct=3.0)) is None


def test_perplexities_of_superfiltering_give_losses_and_both_ratios():
    """The golden pair of losses (2.0, 2.5): ratio of losses 0.8, of perplexities 0.606531."""
    made = ifd_values(given(ifd_ppl=math.exp(-0.5), ppl_A_condition=math.exp(2.0), ppl_A_direct=math.exp(2.5)))
    assert made["ifd_ppl"] == pytest.approx(0.606531, abs=1e-6)
    assert made["ifd_loss"] == pytest.approx(0.8)
    assert (made["loss_conditioned"], made["loss_alone"]) == (pytest.approx(2.0), pytest.approx(2.5))
    assert made["ppl"] == pytest.approx(math.exp(2.0))
    assert ifd_values(given(ifd_ppl=0.5)) == {"ifd_ppl": 0.5}


def test_ratios_count_only_once_their_model_is_named():
    assert ifd_imports(None) == []
    each = given(ifd_score={"version": 1, "content": 0.7})
    assert first_value(ifd_imports("gpt2"), each) == {"ifd_ppl": 0.7}
    assert {one.annotator.model for one in ifd_imports("gpt2")} == {"gpt2"}


def test_opendataarena_has_one_score_of_each_kind():
    scores = {"Q_scores": {"Deita_Complexity": 2.5}, "QA_scores": {"Deita_Quality": 4.0, "IFD": 0.75}}
    assert oda_deita(given(**scores)) == [10.0]
    assert oda_ifd(given(**scores)) == {"ifd_ppl": 0.75}
    as_text = {name: str(value) for name, value in scores.items()}
    assert oda_deita(given(**as_text)) == [10.0]
    assert oda_deita(given(Q_scores={"Deita_Complexity": 2.5}, QA_scores={"Deita_Quality": None})) is None
    assert oda_deita(given(Q_scores={"Deita_Complexity": "x"})) == Defect("invalid_import")
    assert oda_deita(given(QA_scores="{'Deita_Quality': open('x')}")) == Defect("invalid_import")
    assert oda_deita(given(QA_scores="no object")) is None


def test_the_scores_of_one_scorer_never_count_for_another():
    each = given(
        score=1.5, label="0", annotation={"deita": {"quality_scores": [2.0, 3.0], "complexity_scores": [2.0, 1.0]}}
    )
    assert first_value(quality_imports("iqs", "turn_mean", mean), each) == {"score": 1.5}
    assert first_value(quality_imports("deita", "turn_mean", mean), each) == {"score": 3.5}
    assert first_value(quality_imports("deita", "turn_sum", math.fsum), each) == {"score": 7.0}
    assert quality_imports("lexical", "turn_mean", mean) == []
    names = {
        one.annotator.fingerprint for how in ("turn_mean", "turn_sum") for one in quality_imports("deita", how, mean)
    }
    assert len(names) == 4


def test_any_other_column_is_reached_by_its_name():
    each = given(scores={"QA": {"All": {"Correctness": 9}}}, QA_scores='{"Reward_Model": -3.5}', **{"a.b": [1, 2]})
    for column, value in {"scores.QA.All.Correctness": 9.0, "QA_scores.Reward_Model": -3.5, "a.b": 1.5}.items():
        (one,) = quality_imports(f"imported:{column}", "turn_mean", mean)
        assert one.read(each) == {"score": value}
        assert (one.annotator.name, one.annotator.model) == ("imported", column)
    (absent,) = quality_imports("imported:scores.Q", "turn_mean", mean)
    assert absent.read(each) is None
    assert absent.read(given(scores={"Q": {"All": 1}})) == Defect("invalid_import")


@pytest.mark.parametrize("text", ["{broken", "{[1]: 2}", '{"a":' * 100_000, "{'a':" * 100_000])
def test_text_that_begins_as_an_object_and_is_none_is_flagged(text):
    (column,) = quality_imports("imported:scores.Q", "turn_mean", mean)
    assert column.read(given(scores=text)) == Defect("invalid_import")


def test_a_column_without_a_name_is_refused():
    with pytest.raises(ValueError, match="scorer 'imported:' names no column: write imported:<column>"):
        quality_imports("imported:", "turn_mean", mean)


def test_tags_of_the_real_xsample_file():
    rows = xsample_rows(shared("data/annotated/xsample_example.jsonl"))
    counts = [len(imported_tags(each)["tags"]) for each in rows]
    assert counts == [3, 3, 4, 7, 6, 3, 7, 1, 5]  # the reference's, without its third line, which is no JSON
    assert TAG_IMPORTS[0].read(rows[0])["tags"] == ["code translation", "code understanding", "code comment"]


def test_scores_and_ratios_of_the_real_xsample_file():
    rows = xsample_rows(shared("data/annotated/xsample_example.jsonl"))
    golden = [7.283683, 5.960247, 7.200770, 15.315029, 14.336861, 13.747663, 10.035537, 12.429288, 5.423317]
    scores = [first_value(quality_imports("deita", "turn_mean", mean), each)["score"] for each in rows]
    assert scores == pytest.approx(golden, abs=1e-6)
    iqs = [first_value(quality_imports("iqs", "turn_mean", mean), each)["score"] for each in rows]
    assert iqs[:2] == pytest.approx([1.0000001, 1.2125811], abs=1e-6)
    ratios = [first_value(ifd_imports("llama"), each)["ifd_ppl"] for each in rows]
    assert (min(ratios), max(ratios)) == (pytest.approx(0.134020, abs=1e-6), pytest.approx(0.916928, abs=1e-6))


def test_scores_of_the_real_car_file():
    records = json.loads(shared("data/annotated/car_selected_result.json").read_text("utf-8"))
    rows = [row((r["instruction"], r["output"]), score=r["score"], label=r["label"]) for r in records]
    imports = quality_imports("iqs", "turn_mean", mean)
    scores = sorted((first_value(imports, each)["score"] for each in rows), reverse=True)
    assert len(scores) == 1013
    assert scores[:3] == pytest.approx([1.532609, 1.517220, 1.506640], abs=1e-6)
    assert all(first_value(quality_imports("deita", "turn_mean", mean), each) is None for each in rows)


def test_the_real_opendataarena_file_carries_no_score_of_its_own():
    with gzip.open(shared("data/annotated/oda_example_input.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [row((r["instruction"], r["output"]), **r) for r in map(json.loads, file)]
    assert len(rows) == 1000
    assert all(first_value(quality_imports("deita", "turn_mean", mean), each) is None for each in rows)
    assert all(first_value(ifd_imports("gpt2"), each) is None for each in rows)
