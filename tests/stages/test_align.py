"""Every argument of a method, from frames in any order to arrays in the order of the pool."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mig_dagster.selection.neighbours import knn_distances
from mig_dagster.stages import wide_inputs
from mig_dagster.stages.align import PoolFrames, align

N = 7
IDS = [f"id{i}" for i in range(N)]
SOURCES = ["s1"] * 4 + ["s2"] * 3
VECTORS = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
FLAG = {"flag": pl.String}


def conversation(i):
    turns = [{"role": "user", "content": f"ask {i}"}, {"role": "assistant", "content": f"answer {i}"}]
    more = [{"role": "user", "content": "more"}, {"role": "assistant", "content": "again"}]
    full = {"tool_calls": None, "reasoning_content": None}
    return [turn | full for turn in (turns + more if i == 2 else turns)]


def frames(**changes):
    signal = {"row_id": IDS, "source": SOURCES, "flag": [None] * N}
    given = {
        "pool": pl.LazyFrame(
            {
                "row_id": IDS,
                "source": SOURCES,
                "origin": [f"f:{i}" for i in range(N)],
                "n_turns": [1] * N,
                "n_chars": [10 * i for i in range(N)],
            }
        ),
        "row_embeddings": pl.LazyFrame(
            signal | {"embedding": VECTORS}, schema_overrides=FLAG | {"embedding": pl.Array(pl.Float32, 3)}
        ),
        "ifd_scores": pl.LazyFrame(
            signal | {"ifd_loss": [0.5 + i / 100 for i in range(N)], "ifd_ppl": [0.9 - i / 100 for i in range(N)]},
            schema_overrides=FLAG,
        ),
        "indicators": pl.LazyFrame(
            signal | {"Rew": [float(i) for i in range(N)], "Len": list(range(N)), "annotator": ["a"] * N},
            schema_overrides=FLAG,
        ),
        "raw_pool": pl.LazyFrame(
            {
                "row_id": IDS,
                "source": SOURCES,
                "origin": [f"f:{i}" for i in range(N)],
                "messages": [conversation(i) for i in range(N)],
                "tools": [None] * (N - 1) + ['[{"b": 1, "a": 2}]'],
            }
        ),
    }
    return PoolFrames(**(given | changes))


def shuffled(given):
    """The same frames with every signal's lines in another order."""
    names = ("row_embeddings", "ifd_scores", "indicators", "raw_pool")
    return replace(given, **{name: getattr(given, name).reverse() for name in names})


@pytest.fixture(params=[2, 8192])
def batch_rows(request, monkeypatch):
    monkeypatch.setattr(wide_inputs, "BATCH_ROWS", request.param)


def test_embeddings_come_in_the_order_of_the_pool(batch_rows):
    given = align(shuffled(frames()), ["row_embeddings"]).arguments["row_embeddings"]
    assert given.dtype == np.float32
    assert (given == VECTORS).all()


def test_rows_without_an_embedding_are_excluded_with_the_reason():
    vectors = [None if i in (1, 5) else VECTORS[i].tolist() for i in range(N)]
    columns = {"row_id": IDS[:6], "embedding": vectors[:6], "flag": [None, "empty_text", None, None, None, None]}
    signal = pl.LazyFrame(columns, schema_overrides=FLAG | {"embedding": pl.Array(pl.Float32, 3)})
    aligned = align(frames(row_embeddings=signal), ["row_embeddings"])
    assert aligned.excluded.rows() == [
        ("id1", "s1", "row_embeddings: empty_text"),
        ("id5", "s2", "row_embeddings: missing"),
        ("id6", "s2", "row_embeddings: missing"),
    ]
    assert (aligned.arguments["row_embeddings"] == VECTORS[[0, 2, 3, 4]]).all()


def test_the_variant_says_which_ratio_is_read():
    given = shuffled(frames())
    ppl, loss = [0.9 - i / 100 for i in range(N)], [0.5 + i / 100 for i in range(N)]
    assert align(given, ["ifd_scores"]).arguments["ifd_scores"].tolist() == ppl
    assert align(given, ["ifd_scores"], {"variant": "ppl"}).arguments["ifd_scores"].tolist() == ppl
    assert align(given, ["ifd_scores"], {"variant": "loss"}).arguments["ifd_scores"].tolist() == loss


def test_one_ratio_never_stands_in_for_the_other():
    only = frames().ifd_scores.select("row_id", "ifd_ppl", "flag")
    with pytest.raises(ValueError, match=r"ifd_scores has no column 'ifd_loss', found row_id, ifd_ppl, flag: .* mixed"):
        align(frames(ifd_scores=only), ["ifd_scores"], {"variant": "loss"})


def test_indicators_keep_their_names_and_leave_out_what_is_no_indicator():
    given = align(shuffled(frames()), ["indicators"]).arguments["indicators"]
    assert {name: values.tolist() for name, values in given.items()} == {
        "Rew": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "Len": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    }
    assert all(values.dtype == np.float64 for values in given.values())


def test_a_row_that_lacks_an_indicator_is_excluded():
    rew = pl.when(pl.col("row_id") == "id3").then(None).otherwise(pl.col("Rew")).alias("Rew")
    aligned = align(frames(indicators=frames().indicators.with_columns(rew)), ["indicators"])
    assert aligned.excluded.rows() == [("id3", "s1", "indicators: missing")]
    assert aligned.arguments["indicators"]["Len"].tolist() == [0, 1, 2, 4, 5, 6]


def test_a_row_that_lacks_an_indicator_no_rule_asks_for_stays():
    never = frames().indicators.with_columns(knn_6=pl.lit(0.5), Nat=pl.lit(None, pl.Float64))
    aligned = align(frames(indicators=never), ["indicators"], {"rule": "v1", "coefficients": None})
    assert aligned.excluded.height == 0
    assert list(aligned.arguments["indicators"]) == ["Rew", "Len", "knn_6"]
    fitted = align(frames(indicators=never), ["indicators"], {"rule": "fitted", "coefficients": {"rew": 1, "nat": 2}})
    assert fitted.excluded["reason"].unique().to_list() == ["indicators: missing"]


@pytest.mark.parametrize("asked", [{"rule": "v1"}, {"rule": "fitted", "coefficients": {"constant": 0, "KNN_6": 1}}])
def test_distances_to_neighbours_are_measured_in_the_pool_when_a_rule_reads_them(asked):
    given = align(shuffled(frames()), ["indicators"], asked).arguments["indicators"]
    np.testing.assert_allclose(given["knn_6"], knn_distances(VECTORS, 6))
    farther = align(frames(), ["indicators"], {"coefficients": {"knn_2": 1.0}}).arguments["indicators"]
    np.testing.assert_allclose(farther["knn_2"], knn_distances(VECTORS, 2))


def test_a_row_without_an_embedding_has_no_neighbours_and_is_excluded():
    lacking = frames().row_embeddings.filter(pl.col("row_id") != "id3")
    aligned = align(frames(row_embeddings=lacking), ["indicators"], {"rule": "v1"})
    assert aligned.excluded.rows() == [("id3", "s1", "row_embeddings: missing")]
    assert len(aligned.arguments["indicators"]["knn_6"]) == N - 1
    with pytest.raises(ValueError, match="reads row_embeddings, which is not there"):
        align(frames(row_embeddings=None), ["indicators"], {"rule": "v1"})


def test_the_only_row_of_a_pool_has_no_neighbour_to_be_far_from():
    one = frames(pool=frames().pool.head(1))
    assert align(one, ["indicators"], {"rule": "v1"}).arguments["indicators"]["knn_6"].tolist() == [0.0]


def test_an_indicator_may_be_called_like_a_column_of_the_pool():
    named = frames().indicators.rename({"Rew": "origin", "Len": "score"})
    assert list(align(frames(indicators=named), ["indicators"]).arguments["indicators"]) == ["origin", "score"]


def test_rows_are_serialised_as_their_row_id_sees_them(batch_rows):
    texts = align(shuffled(frames()), ["serialized_rows"]).arguments["serialized_rows"]
    assert json.loads(texts[0]) == {
        "messages": [{"role": "user", "content": "ask 0"}, {"role": "assistant", "content": "answer 0"}]
    }
    assert texts[6].endswith('"tools":[{"a":2,"b":1}]}')


def test_responses_are_all_answers_of_a_row(batch_rows):
    responses = align(shuffled(frames()), ["responses"]).arguments["responses"]
    assert responses == [f"answer {i}" + ("\nagain" if i == 2 else "") for i in range(N)]


def test_what_the_pool_itself_says():
    given = align(frames(), ["row_ids", "sources", "lengths"]).arguments
    assert (given["row_ids"], given["sources"]) == (IDS, SOURCES)
    assert given["lengths"].dtype == np.int64
    assert given["lengths"].tolist() == [10 * i for i in range(N)]


def test_a_row_that_lacks_two_signals_is_excluded_once():
    short = frames()
    given = replace(short, ifd_scores=short.ifd_scores.head(5), row_embeddings=short.row_embeddings.head(4))
    aligned = align(given, ["ifd_scores", "row_embeddings"])
    assert aligned.excluded["reason"].to_list() == ["row_embeddings: missing"] * 3
    assert len(aligned.arguments["ifd_scores"]) == len(aligned.arguments["row_embeddings"]) == 4


def test_a_row_whose_conversation_is_gone_is_an_error():
    with pytest.raises(
        LookupError, match=r"2 rows of the pool are not in raw_pool, as s2/f:5: the source changed since; materialise"
    ):
        align(frames(raw_pool=frames().raw_pool.head(5)), ["responses"])


def test_an_empty_pool_gives_empty_arguments():
    reads = ["row_embeddings", "ifd_scores", "indicators", "responses", "row_ids", "lengths"]
    given = align(frames(pool=frames().pool.head(0)), reads).arguments
    assert given["row_embeddings"].shape == (0, 3)
    assert (given["responses"], given["row_ids"]) == ([], [])
    assert [len(given[name]) for name in ("ifd_scores", "lengths")] == [0, 0]


@pytest.mark.parametrize(
    ("argument", "asset"),
    [
        ("row_embeddings", "row_embeddings"),
        ("ifd_scores", "ifd_scores"),
        ("indicators", "indicators"),
        ("serialized_rows", "raw_pool"),
        ("responses", "raw_pool"),
    ],
)
def test_an_input_that_is_not_there_is_named(argument, asset):
    with pytest.raises(ValueError, match=f"the method reads {asset}, which is not there: materialise {asset} first"):
        align(frames(**{asset: None}), [argument])
