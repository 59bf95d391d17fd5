"""For every annotator with a model: what is planned without its weights is what a run then reads."""

import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.models import loading
from mig_dagster.annotations.throughput import Throughput
from mig_dagster.stages.annotate import Tally, annotation_frames
from mig_dagster.stages.planning.planner import annotators_for, planner
from mig_dagster.stages.pool_options import (
    EmbeddingOptions,
    EncoderOptions,
    IndicatorOptions,
    ModelOptions,
    PoolOptions,
    QualityOptions,
    TagOptions,
)
from mig_dagster.stages.row_signals import SIGNALS
from mig_dagster.storage import Lake, Store
from tests.stages.test_annotate import raw_pool
from tests.tiny_models import save_causal


@pytest.fixture(scope="module")
def options(tmp_path_factory, tiny_model):
    folder = save_causal(tmp_path_factory.mktemp("long"), positions=1024)
    llama = ModelOptions(str(folder), batch_tokens=4096, max_tokens=1024)
    return PoolOptions(
        device="cpu",
        encoder=EncoderOptions(str(tiny_model), batch_tokens=256),
        tags=TagOptions("instagger", llama),
        quality_scores=QualityOptions("deita", complexity_model=llama, quality_model=llama),
        row_embeddings=EmbeddingOptions("conversation", llama),
        language_model=llama,
        indicators=IndicatorOptions(),
    )


@pytest.fixture
def lake(tmp_path):
    return Lake(Store(tmp_path / "home"))


def rows(n=6):
    return raw_pool(*(f"Write {i - i % 4 // 3} lines, please: {'word ' * (i * 7 % 11)}" for i in range(n)))


def refuse(*args, **kwargs):
    raise AssertionError("a plan loaded weights")


def test_what_is_planned_is_what_a_run_reads(lake, options, monkeypatch):
    with monkeypatch.context() as no_weights:
        no_weights.setattr(loading, "load_model", refuse)
        no_weights.setattr("mig_dagster.annotations.models.language_model.load_model", refuse, raising=False)
        no_weights.setattr("mig_dagster.annotations.models.pretrained.load_model", refuse)
        plan = planner(lake, options).source("s", rows())
    speed = Throughput("cpu")
    annotators = annotators_for(lake, options, FragmentCache(lake.store), speed.on_tokens)
    for name in SIGNALS:
        for _ in annotation_frames(rows(), annotators.signal(name).annotate, Tally()):
            pass
    planned = {}
    for line in plan.lines:
        items, tokens = planned.get(line.annotator.fingerprint, (0, 0))
        planned[line.annotator.fingerprint] = (items + line.missing, tokens + line.tokens)
    read = {line["annotator"]: (line["items"], line["tokens"]) for line in speed.lines()}
    assert {line.signal for line in plan.lines if line.missing} >= {
        "tags",
        "quality_scores",
        "ifd_scores",
        "row_embeddings",
    }
    assert {who: counts for who, counts in planned.items() if counts[0]} == read
    again = planner(lake, options).source("s", rows())
    assert not any(line.missing for line in again.lines)


def test_a_home_without_rows_of_a_source_says_so(lake, options):
    with pytest.raises(LookupError, match="raw_pool"):
        planner(lake, options, ["tags"]).source("s")


def test_a_signal_that_does_not_exist_is_refused(lake, options):
    with pytest.raises(ValueError, match=r"assets must be among tags, quality_scores, .*, got 'tag'"):
        planner(lake, options, ["tag"])
