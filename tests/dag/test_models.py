"""What a run's models are, and that their memory is free when the step that used them ends."""

import weakref

import dagster as dg
import pytest

from assets.progress import EVERY_SECONDS, logged_tokens
from assets.recorded import Outcome, recorded
from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.models import ModelSpec
from mig_dagster.annotations.scoring import TokenProgress
from resources.gpu import Gpu
from resources.home import MigHome
from resources.lake_io import LakeIOManager
from resources.models import Models


@pytest.fixture
def models(tiny_model, tmp_path):
    options = tmp_path / "options.yaml"
    options.write_text(f"encoder: {{model: {tiny_model}, max_tokens: 32}}", encoding="utf-8")
    return Models(gpu=Gpu(device="cpu"), options_path=str(options))


def run(tmp_path, instance, models, *bodies):
    """Run bodies as assets, one after the other, in one run."""
    names = [None, *(body.__name__ for body in bodies)]
    assets = [
        dg.asset(deps=[before] if before else [])(recorded(body)) for before, body in zip(names, bodies, strict=False)
    ]
    home = MigHome(root=str(tmp_path))
    resources = {"home": home, "io_manager": LakeIOManager(home=home), "models": models}
    return dg.materialize(assets, instance=instance, resources=resources, raise_on_error=False)


def test_what_a_step_loaded_is_free_when_the_next_one_starts(tmp_path, instance, models, tiny_llama):
    loaded = []

    def first(context: dg.AssetExecutionContext, home: MigHome, models: Models) -> Outcome:
        causal = models.shelf.causal(ModelSpec(str(tiny_llama)))
        causal.next_token_logits([[3, 4]], [5])
        models.sentence_encoder().encode(["a"])
        loaded.extend([weakref.ref(causal.model), weakref.ref(models.sentence_encoder()._model)])
        return Outcome("v", 0, {})

    def second(context: dg.AssetExecutionContext, home: MigHome, models: Models) -> Outcome:
        return Outcome(str([model() for model in loaded]), 0, {})

    result = run(tmp_path, instance, models, first, second)
    (version,) = [
        event.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("second")
    ]
    assert version == "[None, None]"


def test_a_step_that_failed_frees_its_models_too(tmp_path, instance, models):
    loaded = []

    def failing(context: dg.AssetExecutionContext, home: MigHome, models: Models) -> Outcome:
        models.sentence_encoder().encode(["a"])
        loaded.append(weakref.ref(models.sentence_encoder()._model))
        raise RuntimeError("a bug")

    assert not run(tmp_path, instance, models, failing).success
    assert [model() for model in loaded] == [None]


def test_one_model_is_one_instance_and_another_precision_is_another(models, tiny_llama):
    spec, causal = ModelSpec(str(tiny_llama)), models.shelf.causal
    assert causal(spec) is causal(ModelSpec(str(tiny_llama)))
    assert causal(ModelSpec(str(tiny_llama), dtype="bfloat16")) is not causal(spec)
    assert models.sentence_encoder() is models.sentence_encoder()
    classifier = models.shelf.pretrained(spec, "AutoModelForSequenceClassification")
    assert classifier is models.shelf.pretrained(spec, "AutoModelForSequenceClassification")
    assert classifier is not causal(spec)


def test_a_released_model_works_on_because_it_is_loaded_again(models, tiny_llama):
    causal = models.shelf.causal(ModelSpec(str(tiny_llama)))
    before = causal.next_token_logits([[3, 4]], [5])
    gone = weakref.ref(causal.model)
    models.release()
    assert gone() is None
    assert causal.next_token_logits([[3, 4]], [5]) == pytest.approx(before)


def test_progress_is_a_line_every_ten_seconds_with_rate_padding_and_time_left():
    lines, times = [], iter([0.0, 1.0, EVERY_SECONDS, EVERY_SECONDS + 1, 2 * EVERY_SECONDS])
    report = logged_tokens(lines.append, clock=lambda: next(times))
    for items in (100, 200, 210, 1_500):
        report(TokenProgress(Annotator("deita", "m"), items, 2_000, items * 100, 200_000, items * 104, items / 50))
    assert lines == [
        "deita: 200 of 2,000 items, 5,000 tokens a second, 3.8% padding, 36 s left at this rate",
        "deita: 1,500 of 2,000 items, 5,000 tokens a second, 3.8% padding, 10 s left at this rate",
    ]
