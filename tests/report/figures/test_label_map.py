from dataclasses import replace
from importlib import import_module

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mig_dagster.report.figure import Chart, Listing
from mig_dagster.report.figures.label_map import label_map
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.report.maps.label_edges import STRONGEST
from mig_dagster.selection import objective
from tests.report.drawing import assert_draws
from tests.report.label_pools import many_labels, one_row
from tests.report.small_report import SCRIPT, small_inputs

module = import_module("mig_dagster.report.figures.label_map")  # its name is the function's in the package


def linked(seed: int = 0) -> ReportInputs:
    """Return a pool whose label graph has edges of different weights."""
    given = many_labels(seed=seed)
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.uniform(0.5, 1, (80, 80)) * (rng.random((80, 80)) < 0.04), 1)
    graph = csr_array(weights + weights.T + np.eye(80))
    return ReportInputs(replace(given.pool, label_graph=graph), given.subsets)


def chart_of(figure) -> Chart:
    return next(part for part in figure.parts if isinstance(part, Chart))


@pytest.mark.parametrize("given", [small_inputs(), linked(), linked(3)])
def test_each_label_has_its_share_of_the_information(given):
    pool = given.pool
    table = label_map(given).tables["label_map"]
    scores = np.nan_to_num(pool.scores["score"])
    graph = pool.label_graph.toarray()
    told = (scores[:, None] * pool.tags.toarray())[given.chosen.rows].sum(axis=0) @ (graph / graph.sum(axis=0))
    known = (told + 1e-6) ** 0.8 - 1e-6**0.8
    whole = objective(given.chosen.rows, tags=pool.tags, quality_scores=scores, label_graph=pool.label_graph)
    assert known.sum() == pytest.approx(whole)
    assert table["information"].to_list() == pytest.approx((known / whole)[table["index"].to_numpy()].tolist())
    assert table["information"].is_sorted(descending=True)


@pytest.mark.parametrize("given", [small_inputs(), linked(1)])
def test_coverage_compares_shares_of_rows_and_colours_end_at_eight_to_one(given):
    tags = given.pool.tags.toarray()
    figure = label_map(given)
    whole, taken = tags.mean(axis=0), tags[given.chosen.rows].mean(axis=0)
    for at, coverage, colour in figure.tables["label_map"].select("index", "coverage", "colour").iter_rows():
        assert coverage == pytest.approx(taken[at] / whole[at])
        assert colour == pytest.approx(np.clip(np.log2(max(coverage, 1e-9)), -3, 3))


def test_every_edge_of_the_graph_is_in_the_table_once_and_the_components_are_counted():
    given = linked(2)
    figure = label_map(given)
    graph = given.pool.label_graph.toarray()
    there = np.flatnonzero(given.pool.tags.sum(axis=0))
    expected = {(i, j): graph[i, j] for i in there for j in there if i < j and graph[i, j]}
    edges = figure.tables["label_map_edges"]
    assert {(i, j): weight for i, j, weight in edges.select("row", "column", "weight").iter_rows()} == expected
    sizes = np.bincount(connected_components(graph[there][:, there])[1])
    assert (
        f"{len(sizes)} components: the largest holds {sizes.max()} labels, {(sizes == 1).sum()} labels" in figure.about
    )


def test_the_strongest_edges_of_each_label_are_drawn():
    given = linked(4)
    figure = label_map(given)
    edges, drawn = figure.tables["label_map_edges"], chart_of(figure).data["edges"]
    weights = {}
    for i, j, weight in edges.select("row", "column", "weight").iter_rows():
        weights.setdefault(i, []).append(weight)
        weights.setdefault(j, []).append(weight)
    least = {at: sorted(each)[-STRONGEST:][0] for at, each in weights.items()}
    expected = [
        f"{given.pool.labels[i]} and {given.pool.labels[j]}"
        for i, j, weight in edges.select("row", "column", "weight").iter_rows()
        if weight >= least[i] or weight >= least[j]
    ]
    assert sorted(drawn["pair"]) == sorted(expected)


def test_neighbours_are_named_by_weight_and_examples_are_the_first_chosen_rows_of_a_label():
    given = linked()
    graph, tags = given.pool.label_graph.toarray(), given.pool.tags.toarray()
    drawn = chart_of(label_map(given)).data["labels"]
    for label, neighbours, rows in drawn.select("label", "neighbours", "rows").iter_rows():
        at = given.pool.labels.index(label)
        others = [j for j in np.argsort(-graph[at], kind="stable") if j != at and graph[at, j]][:5]
        assert neighbours == ", ".join(f"{given.pool.labels[j]} ({graph[at, j]:.2f})" for j in others)
        firsts = [row for row in given.chosen.rows if tags[row, at]][:2]
        assert [text.split()[1] for text in rows.split(" | ") if text] == [f"id{row:04d}" for row in firsts]


def test_labels_whose_share_grew_and_fell_are_listed_by_how_much():
    given = linked()
    grew, fell = [part for part in label_map(given).parts if isinstance(part, Listing)]
    tags = given.pool.tags.toarray()
    change = tags[given.chosen.rows].mean(axis=0) - tags.mean(axis=0)
    names = given.pool.labels
    changes = {name: change[names.index(name)] for name in names}
    assert grew.lines[0][0] == max(names, key=lambda name: round(changes[name], 12))
    assert [changes[line[0]] for line in fell.lines] == pytest.approx(np.sort(change)[: len(fell.lines)].tolist())


def test_only_so_many_labels_are_drawn_and_it_says_so(monkeypatch):
    monkeypatch.setattr(module, "DRAWN", 20)
    monkeypatch.setattr(module, "MAPPED", 40)
    monkeypatch.setattr(module, "EXAMPLES", 5)
    given = linked()
    figure = label_map(given)
    chart = chart_of(figure)
    assert chart.data["labels"].height == 20
    assert chart.data["labels"].filter(pl.col("rows") != "").height <= 5
    table = figure.tables["label_map"]
    assert table.height > 60
    assert table["x"].drop_nulls().len() == 40
    assert f"20 labels of {table.height}, those of most information" in figure.about


def test_circles_have_areas_as_the_shares_within_limits():
    table = label_map(linked()).tables["label_map"]
    free = table.filter((pl.col("area") > module.LEAST_AREA) & (pl.col("area") < module.MOST_AREA))
    assert free.height > 10
    assert (free["area"] / free["information"]).to_numpy() == pytest.approx(free["area"][0] / free["information"][0])


def test_the_map_is_the_same_every_time():
    first, second = label_map(linked()), label_map(linked())
    assert first.tables["label_map"].equals(second.tables["label_map"])


def test_a_pool_without_scores_counts_every_row_the_same_and_says_so():
    figure = label_map(small_inputs(scores={}))
    assert figure.about.endswith("The pool has no scores: every row counts 1.")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tags": None}, "the pool has no tags"),
        ({"label_graph": None}, "the pool has no label graph"),
        ({"tags": csr_array((60, 5))}, "no row of the pool carries a label"),
    ],
)
def test_without_labels_or_their_graph_there_is_no_map_and_it_says_why(changes, why):
    figure = label_map(small_inputs(**changes))
    assert not figure.parts
    assert why in figure.missing


def test_chosen_rows_without_a_label_leave_rings_of_no_share():
    given = small_inputs()
    none = replace(given.chosen, rows=np.array([1]), gains=np.zeros(1))
    table = label_map(ReportInputs(given.pool, [none])).tables["label_map"]
    assert table["information"].to_list() == [0.0] * 5
    assert table["colour"].to_list() == [-3.0] * 5


def test_text_of_rows_and_labels_stays_as_it_is():
    drawn = chart_of(label_map(small_inputs())).data["labels"]
    assert f"travel{SCRIPT}" in drawn["label"]
    assert "<script>" in drawn["rows"][0]


@pytest.mark.parametrize("given", [small_inputs(), linked(), one_row(), many_labels()])
def test_the_chart_draws_without_a_warning(given, capfd):
    assert_draws(chart_of(label_map(given)), capfd)


def test_a_listing_of_nothing_is_left_out():
    given = small_inputs()
    whole = replace(given.chosen, rows=np.arange(given.pool.n), gains=np.zeros(given.pool.n))
    assert [part for part in label_map(replace(given, subsets=[whole])).parts if isinstance(part, Listing)] == []
