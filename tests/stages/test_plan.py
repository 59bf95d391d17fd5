"""A plan has the numbers that a run then has: items and tokens that models read, and nothing else happens."""

import pytest

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.embeddings import embed_rows
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.tagging import NearestLabelTagger, tag_rows
from mig_dagster.annotations.throughput import Throughput
from mig_dagster.annotations.vocabulary import TagVocabulary
from mig_dagster.lineage import Ledger
from mig_dagster.stages import annotate
from mig_dagster.stages.annotate import Tally, annotation_frames
from mig_dagster.stages.planning.hours import ASSUMED, measured_rates
from mig_dagster.stages.planning.plan import PlanLine, SourcePlan, plan_source
from mig_dagster.storage import Store
from tests.stages.test_annotate import raw_pool

LABELS = TagVocabulary("1", ("algebra", "poetry", "sql"))


def signals(model, cache, progress=None):
    encoder = SentenceEncoder(str(model), batch_tokens=256, max_tokens=48)
    tagger = NearestLabelTagger(encoder, LABELS)
    return {
        "tags": lambda rows: tag_rows(rows, tagger, cache, progress),
        "row_embeddings": lambda rows: embed_rows(rows, encoder, cache, "conversation", progress),
    }


def asked(n):
    """`n` rows, each third of which repeats another, and one that asks for nothing."""
    return raw_pool("", *(f"what of number {i - i % 3 // 2}?" for i in range(n)))


def run(rows, given):
    for annotate_rows in given.values():
        for _ in annotation_frames(rows, annotate_rows, Tally()):
            pass


@pytest.mark.parametrize("known", [0, 20], ids=["nothing known", "some known"])
def test_what_was_planned_is_what_a_run_reads(tmp_path, tiny_model, monkeypatch, known):
    monkeypatch.setattr(annotate, "BATCH_ROWS", 16)
    store = Store(tmp_path)
    run(asked(known), signals(tiny_model, FragmentCache(store)))
    before = set(store.list("cache"))
    plan_cache = PlanCache(store)
    plan = plan_source("s", asked(50), signals(tiny_model, plan_cache), plan_cache)
    assert set(store.list("cache")) == before
    throughput, texts = Throughput("cpu"), []
    forward = SentenceEncoder._forward
    monkeypatch.setattr(
        SentenceEncoder, "_forward", lambda encoder, given: texts.extend(given) or forward(encoder, given)
    )
    run(asked(50), signals(tiny_model, FragmentCache(store), throughput.on_tokens))
    [told] = throughput.lines()
    assert plan.rows == 51
    assert [line.signal for line in plan.lines] == ["tags", "row_embeddings"]
    assert {line.annotator.fingerprint for line in plan.lines} == {told["annotator"]}
    assert sum(line.missing for line in plan.lines) == len(texts) > 20
    tokens = SentenceEncoder(str(tiny_model), max_tokens=48).token_lengths(texts)
    assert sum(line.tokens for line in plan.lines) == sum(tokens)
    labels = 0 if known else len(LABELS.labels)  # embedded without a word
    assert told["items"] == len(texts) - labels
    again = PlanCache(store)
    assert not any(line.missing for line in plan_source("s", asked(50), signals(tiny_model, again), again).lines)


def test_what_one_source_asks_for_is_not_counted_for_the_next(tmp_path, tiny_model):
    cache = PlanCache(Store(tmp_path))
    given = signals(tiny_model, cache)
    first, second = (plan_source(name, asked(9), given, cache) for name in "ab")
    assert sum(line.missing for line in first.lines) > 0
    assert second.lines == []


def test_a_source_without_rows_needs_nothing(tmp_path, tiny_model):
    cache = PlanCache(Store(tmp_path))
    assert plan_source("s", raw_pool(), signals(tiny_model, cache), cache) == SourcePlan("s", 0, [])


A, B, C = (
    Annotator("scorer", model, prompt_version=version) for model, version in (("m", "1"), ("m", "2"), ("n", "1"))
)


def test_rates_are_those_measured_on_the_device_lately_else_those_of_the_model_else_assumed(tmp_path):
    ledger = Ledger(Store(tmp_path))
    for i in range(25):
        slow = {"annotator": A.fingerprint, "name": "scorer", "model": "m", "device": "GPU X", "items": 1}
        line = slow | {"tokens": 100 if i < 5 else 1000, "seconds": 1.0}
        ledger.record(
            "throughput", [line, line | {"device": "cpu", "tokens": 7}], asset="q", partition="s", run_id=str(i)
        )
    rates = measured_rates(ledger, "GPU X")
    assert [(rate.tokens_per_second, rate.basis) for rate in map(rates.of, (A, B, C))] == [
        (1000.0, "measured"),
        (1000.0, "same model"),
        (ASSUMED["cuda"], "assumed"),
    ]
    assert measured_rates(ledger, "cpu").of(A).tokens_per_second == 7.0
    assert measured_rates(ledger, "cpu").of(C).tokens_per_second == ASSUMED["cpu"]


def test_hours_are_tokens_over_the_rate_and_only_those_on_a_gpu_count_as_such(tmp_path):
    ledger = Ledger(Store(tmp_path))
    plan = SourcePlan("s", 1, [PlanLine("q", A, 2, 2, 36_000_000), PlanLine("q", C, 1, 1, 18_000_000)])
    assert measured_rates(ledger, "GPU X").gpu_hours(plan) == pytest.approx(3.0)
    assert measured_rates(ledger, "cpu").gpu_hours(plan) == 0.0
    assert measured_rates(ledger, "cpu").hours(plan.lines) == pytest.approx(15.0)
