"""The options file: profiles give defaults, what the file says goes first, and what nobody knows is an error."""

import pytest

from mig_dagster.stages.options_file import read_options
from mig_dagster.stages.pool_options import PROFILES, PoolOptions


@pytest.fixture
def options(tmp_path):
    def read(text):
        path = tmp_path / "options.yaml"
        path.write_text(text, encoding="utf-8")
        return read_options(path)

    return read


def test_no_file_and_an_empty_one_are_the_cpu_profile(options):
    assert read_options(None) == options("") == options("profile: cpu") == PoolOptions()


def test_the_gpu_profile_names_the_models_of_the_papers(options):
    found = options("profile: gpu")
    assert found.tags.tagger == "instagger"
    assert found.tags.model.model == "OFA-Sys/InsTagger"
    assert (found.quality_scores.scorer, found.quality_scores.complexity_model.model) == (
        "deita",
        "hkust-nlp/deita-complexity-scorer",
    )
    assert found.label_encoder.model == "intfloat/e5-mistral-7b-instruct"
    assert (found.label_graph.chosen(), found.max_gpu_hours) == ({"threshold": 0.9, "target_mean_degree": None}, 0.0)
    assert set(PROFILES) == {"cpu", "gpu"}


def test_a_section_changes_what_it_names_and_keeps_the_rest_of_the_profile(options):
    found = options("profile: gpu\nquality_scores: {aggregation: turn_sum}\ntags: {model: {max_tokens: 512}}")
    assert (found.quality_scores.scorer, found.quality_scores.aggregation) == ("deita", "turn_sum")
    assert (found.tags.model.model, found.tags.model.max_tokens) == ("OFA-Sys/InsTagger", 512)


@pytest.mark.parametrize(
    ("text", "section", "expected"),
    [
        ("quality_scores: {scorer: lexical}", "quality_scores", ("lexical", None)),
        ("encoder: {model: here}", "encoder", ("here", 256)),
        ("label_graph: {target_mean_degree: 6}", "label_graph", (None, 6.0)),
    ],
)
def test_a_section_that_names_another_way_or_model_takes_nothing_of_the_profile(options, text, section, expected):
    found = getattr(options(f"profile: gpu\n{text}"), section)
    names = {
        "quality_scores": ("scorer", "complexity_model"),
        "encoder": ("model", "max_tokens"),
        "label_graph": ("threshold", "target_mean_degree"),
    }[section]
    assert tuple(getattr(found, name) for name in names) == expected


def test_who_a_subset_is_exported_for_is_set_for_all_runs(options):
    found = options("subset_export: {formats: [hf], may_leave_out: [turn_order]}").subset_export
    assert (found.formats, found.may_leave_out) == (("hf",), ("turn_order",))
    assert options("subset_export: {formats: []}").subset_export.formats == ()


def test_where_a_model_names_no_device_the_device_decides_dtype_and_batch(options):
    model = options("language_model: {model: m, max_tokens: 100}").language_model
    assert (model.spec("cpu").dtype, model.spec("cpu").batch_tokens) == ("float32", 4096)
    assert (model.spec("cuda:0").dtype, model.spec("cuda:0").batch_tokens) == ("bfloat16", 65536)
    named = options("language_model: {model: m, device: cpu, dtype: bfloat16, batch_tokens: 8}").language_model
    assert (named.spec("cuda:0").device, named.spec("cuda:0").dtype, named.spec("cuda:0").batch_tokens) == (
        "cpu",
        "bfloat16",
        8,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile: tpu", "profile must be one of cpu, gpu, got 'tpu'"),
        ("quality_scores: {scorrer: deita}", r"options.yaml: quality_scores.scorrer: .*Unexpected"),
        ("tags: {tagger: magic}", r"tags.tagger: .*nearest_label.*got 'magic'"),
        ("- encoder", "expected sections such as"),
        ("device: gpu", "device.*got 'gpu'"),
        ("encoder: {device: auto}", "encoder.device: .*got 'auto'"),
        ("max_gpu_hours: -1", "max_gpu_hours: .*greater than or equal to 0, got -1"),
        ("label_graph: {threshold: 0.5, target_mean_degree: 2}", "label_graph: .*exclude each other: leave one"),
        ("encoder: [", "is not valid YAML"),
    ],
)
def test_what_nobody_knows_is_an_error_that_says_where(options, text, message):
    with pytest.raises(ValueError, match=message):
        options(text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.yaml: the options file cannot be read"):
        read_options(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_devices_are_those_of_torch_or_chosen_by_themselves(options, device):
    assert options(f"device: {device}").device == device
