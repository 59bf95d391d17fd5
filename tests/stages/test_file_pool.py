"""Files become a pool with what the methods read, and nothing else."""

import json

import pytest

from mig_dagster.annotations import FragmentCache
from mig_dagster.sources import Source
from mig_dagster.stages.file_pool import file_pool
from mig_dagster.stages.label_space import VocabularyOptions
from mig_dagster.stages.pool_options import (
    EmbeddingOptions,
    EncoderOptions,
    GraphOptions,
    PoolOptions,
    QualityOptions,
    TagOptions,
)
from mig_dagster.stages.stored_frames import stored_frames
from mig_dagster.storage import Lake, Store


@pytest.fixture
def sources(tmp_path):
    """Two sources that share a row."""
    found = []
    for name, numbers in (("a", range(4)), ("b", range(3, 6))):
        rows = [{"instruction": f"ask {i}", "output": f"answer {i}"} for i in numbers]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found.append(Source(name, str(path)))
    return found


def make(sources, needed, tmp_path, model, told=None, **options):
    told = [] if told is None else told
    pool = file_pool(
        sources,
        needed,
        options=PoolOptions(encoder=EncoderOptions(model=str(model)), **options),
        cache=FragmentCache(Store(tmp_path / "cache")),
        lake=Lake(Store(tmp_path / "lake")),
        models=tmp_path / "cache",
        on_progress=lambda what, done, total: told.append(what),
    )
    return pool, told


@pytest.mark.parametrize("needed", [["row_ids"], ["lengths", "sources"], ["serialized_rows"]])
def test_what_the_pool_itself_says_needs_no_model(sources, tmp_path, needed):
    pool, told = make(sources, needed, tmp_path, tmp_path / "no model")
    assert pool.frames.pool.collect().height == 6
    assert pool.frames.raw_pool.collect().height == 7
    assert (pool.duplicates, pool.signals, pool.frames.tags) == (1, [], None)
    assert pool.records["a"] == {"records": 4, "accepted": 4, "rejected": {}, "blank": 0}
    assert told[-1] == "looking for duplicates"


def test_only_the_signals_asked_for_are_computed(sources, tmp_path, tiny_model):
    pool, _ = make(sources, ["row_embeddings"], tmp_path, tiny_model)
    assert [manifest.asset for manifest in pool.signals] == ["row_embeddings", "row_embeddings"]
    assert pool.frames.row_embeddings.collect().height == 7
    assert (pool.frames.quality_scores, pool.frames.vocabulary) == (None, None)


def test_labels_come_without_their_graph_where_no_method_reads_it(sources, tmp_path, tiny_model):
    vocabulary = VocabularyOptions(min_count=1, merge_distance=None)
    pool, _ = make(sources, ["tags"], tmp_path, tiny_model, label_vocabulary=vocabulary)
    assert pool.frames.vocabulary is not None
    assert (pool.frames.edges, pool.frames.labels) == (None, None)
    pool, _ = make(sources, ["label_graph", "tags"], tmp_path, tiny_model, label_vocabulary=vocabulary)
    assert pool.frames.labels.collect()["label"].to_list() == sorted(pool.frames.vocabulary.labels)


def test_the_text_that_is_embedded_can_be_chosen(sources, tmp_path, tiny_model):
    vectors = []
    for text in ("instruction", "conversation"):
        pool, _ = make(sources, ["row_embeddings"], tmp_path, tiny_model, row_embeddings=EmbeddingOptions(text))
        vectors.append(pool.frames.row_embeddings.collect()["embedding"].to_numpy())
    assert (vectors[0] != vectors[1]).any()


def test_the_same_pool_made_again_takes_no_more_room(sources, tmp_path):
    pools = [make(sources, [], tmp_path, tmp_path / "no model")[0] for _ in range(2)]
    assert pools[0].inputs == pools[1].inputs
    lake = Lake(Store(tmp_path / "lake"))
    assert [len(lake.history("raw_pool", name)) for name in "ab"] == [1, 1]
    assert (len(lake.history("pool")), lake.current("pool")) == (1, None)


def test_what_was_made_can_be_read_again_by_its_versions(sources, tmp_path, tiny_model):
    vocabulary = VocabularyOptions(min_count=1, merge_distance=None)
    needed = ["tags", "label_graph", "quality_scores"]
    made, _ = make(sources, needed, tmp_path, tiny_model, label_vocabulary=vocabulary)
    again = stored_frames(made.lake, made.inputs)
    for name in ("pool", "tags", "quality_scores", "edges", "labels", "raw_pool"):
        assert getattr(again, name).collect().equals(getattr(made.frames, name).collect()), name
    assert again.vocabulary == made.frames.vocabulary
    assert (again.row_embeddings, again.ifd_scores) == (None, None)


def test_a_mean_degree_of_four_is_the_default_of_the_graph():
    assert GraphOptions().chosen() == {"threshold": None, "target_mean_degree": 4.0}
    assert GraphOptions(threshold=0.9).chosen() == {"threshold": 0.9, "target_mean_degree": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"quality_scores": QualityOptions(scorer="best")},
            "quality_scores.scorer must be one of lexical, .*got 'best'",
        ),
        (
            {"quality_scores": QualityOptions(scorer="reward")},
            "quality_scores.model must say which for 'reward': set it in the options file$",
        ),
        ({"tags": TagOptions(tagger="endpoint")}, "tags.endpoint must say which for 'endpoint'.*options file$"),
        ({"tags": TagOptions(tagger="instagger")}, "tags.model must say which for 'instagger': .* profile `gpu`$"),
    ],
)
def test_options_that_lack_something_are_refused_before_anything_is_read(sources, tmp_path, options, message):
    told = []
    with pytest.raises(ValueError, match=message):
        make(sources, ["tags", "quality_scores"], tmp_path, tmp_path / "no model", told, **options)
    assert told == []
