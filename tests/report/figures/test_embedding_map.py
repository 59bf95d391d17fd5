from dataclasses import replace
from importlib import import_module

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from mig_dagster.report.figure import Chart
from mig_dagster.report.figures.embedding_map import embedding_map
from mig_dagster.report.inputs import ReportInputs
from tests.report.drawing import assert_draws
from tests.report.label_pools import one_row
from tests.report.small_report import SCRIPT, small_inputs

module = import_module("mig_dagster.report.figures.embedding_map")  # its name is the function's in the package


@pytest.fixture(scope="module")
def figure():
    return embedding_map(small_inputs())


def test_the_file_has_a_line_for_each_row_with_an_embedding_in_pool_order(figure):
    given = small_inputs()
    table = figure.tables["embedding_map"]
    there = [row for row in range(60) if row != 2]
    assert table["row_id"].to_list() == [f"id{row:04d}" for row in there]
    assert table["source"].to_list() == given.pool.rows["source"][there].to_list()
    ranks = {int(row): rank for rank, row in enumerate(given.chosen.rows, start=1)}
    assert table["rank"].to_list() == [ranks.get(row) for row in there]
    assert table["chosen"].to_list() == [row in ranks for row in there]
    assert table["score"].to_list() == [None, *given.pool.scores["score"][there[1:]].tolist()]
    assert table["text"][5].startswith(f"ask id{there[5]:04d}")


def test_labels_of_a_row_are_written_out(figure):
    given = small_inputs()
    tags = given.pool.tags.toarray()
    for row_id, labels in figure.tables["embedding_map"].select("row_id", "labels").iter_rows():
        assert labels == ", ".join(given.pool.labels[at] for at in np.flatnonzero(tags[int(row_id[2:])]))


def test_neighbours_are_lines_of_the_file_by_cosine_distance_as_embedding_atlas_reads_them(figure, tmp_path):
    given = small_inputs()
    path = tmp_path / "embedding_map.parquet"
    figure.tables["embedding_map"].write_parquet(path)
    table = pl.read_parquet(path)
    assert table.schema["neighbors"] == pl.Struct({"ids": pl.List(pl.Int64), "distances": pl.List(pl.Float64)})
    assert table.schema["projection_x"] == table.schema["projection_y"] == pl.Float32
    vectors = given.pool.embeddings.astype(np.float64)
    apart = 1 - vectors @ vectors.T
    np.fill_diagonal(apart, np.inf)
    for line, found in enumerate(table["neighbors"]):
        assert found["ids"] == np.argsort(apart[line])[:15].tolist()
        assert found["distances"] == pytest.approx(np.sort(apart[line])[:15].tolist(), abs=1e-6)


def test_every_row_is_drawn_of_a_small_pool_and_it_says_how_many(figure):
    chart = figure.parts[0]
    assert chart.data["chosen"].height + chart.data["pool"].height == 59
    assert "Rows without an embedding: 1." in figure.about
    assert "holds all of the 59 rows" in figure.about


def test_of_a_large_pool_a_sample_is_in_the_file_and_fewer_are_drawn(monkeypatch):
    monkeypatch.setattr(module, "IN_FILE", 40)
    monkeypatch.setattr(module, "DRAWN_POOL", 12)
    monkeypatch.setattr(module, "DRAWN_CHOSEN", 7)
    monkeypatch.setattr(module, "LANDMARKS", 15)
    given = small_inputs(200)
    many = replace(given.chosen, rows=np.random.default_rng(0).permutation(200)[:60], gains=np.zeros(60))
    figure = embedding_map(ReportInputs(given.pool, [many]))
    table = figure.tables["embedding_map"]
    assert table.height == 40
    assert int(table["chosen"].sum()) == 20
    assert set(table["source"]) == set(given.pool.rows["source"])
    assert max(each for ids in table["neighbors"].struct.field("ids") for each in ids) < 40
    assert figure.parts[0].data["pool"].height == 12
    assert figure.parts[0].data["chosen"].height == 7
    assert "a sample of each source, 40 of the 199 rows with an embedding (20 chosen)" in figure.about


def test_the_picture_is_the_same_every_time(figure):
    assert embedding_map(small_inputs()).tables["embedding_map"].equals(figure.tables["embedding_map"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"embeddings": None, "place": None}, "the pool has no embeddings"),
        ({"embeddings": np.empty((0, 8), np.float32), "place": np.full(60, -1)}, "no row of the pool has an embedding"),
    ],
)
def test_without_embeddings_there_is_no_map_and_it_says_why(changes, why):
    figure = embedding_map(small_inputs(**changes))
    assert not figure.parts
    assert why in figure.missing


def test_a_pool_without_tags_and_scores_has_none_in_the_file():
    table = embedding_map(small_inputs(tags=None, scores={})).tables["embedding_map"]
    assert table["labels"].null_count() == table["score"].null_count() == 59


def test_rows_without_labels_have_an_empty_text():
    table = embedding_map(small_inputs(tags=csr_array((60, 5)))).tables["embedding_map"]
    assert set(table["labels"]) == {""}


def test_text_of_rows_stays_as_it_is(figure):
    assert SCRIPT[:40] in figure.tables["embedding_map"]["text"][0]


@pytest.mark.parametrize("given", [small_inputs(), one_row(), small_inputs(tags=None, scores={})])
def test_the_chart_draws_without_a_warning(given, capfd):
    parts = embedding_map(given).parts
    assert_draws(next(part for part in parts if isinstance(part, Chart)), capfd)
