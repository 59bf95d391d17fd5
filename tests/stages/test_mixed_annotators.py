"""A pool whose scores several annotators gave: refused, or accepted and said so with the subset."""

import json

import pytest

from mig_dagster.annotations import FragmentCache
from mig_dagster.sources import Source
from mig_dagster.stages.label_space import VocabularyOptions
from mig_dagster.stages.pool_options import EncoderOptions, PoolOptions, QualityOptions
from mig_dagster.stages.select_files import select_files
from mig_dagster.storage import Lake, Store

XSAMPLE = {
    "dialogs": [{"role": "user", "content": "sing"}, {"role": "assistant", "content": "la la"}],
    "annotation": {"deita": {"quality_scores": [3.0], "complexity_scores": [2.0]}},
}
ARENA = {
    "instruction": "dance",
    "output": "one two three",
    "Q_scores": {"Deita_Complexity": 2.0},
    "QA_scores": {"Deita_Quality": 4.0},
}


@pytest.fixture
def select(tmp_path, tiny_model):
    """Choose from a pool scored by two parties, by scores and embeddings."""
    for name, record in {"pool": XSAMPLE, "arena": ARENA}.items():
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(record) + "\n")

    def run(method="qdit", **changes):
        options = PoolOptions(
            encoder=EncoderOptions(model=str(tiny_model)),
            quality_scores=QualityOptions(scorer="deita"),
            label_vocabulary=VocabularyOptions(min_count=1, merge_distance=None),
            **changes,
        )
        return select_files(
            [Source(name, str(tmp_path / f"{name}.jsonl")) for name in ("pool", "arena")],
            tmp_path / "out",
            method=method,
            budget="2",
            settings={},
            options=options,
            cache=FragmentCache(Store(tmp_path / "cache")),
            lake=Lake(Store(tmp_path / "lake")),
            models=tmp_path / "cache",
            on_progress=lambda what, done, total: None,
        )

    return run


def test_scores_of_two_importers_are_not_chosen_from(select, tmp_path):
    with pytest.raises(
        ValueError,
        match=r"quality_scores of one pool come from several annotators \(imported from deita \(OpenDataArena "
        r"Deita_Complexity, Deita_Quality\), \w+: arena; imported from deita \(annotation.deita\), \w+: pool\)",
    ):
        select()
    assert not (tmp_path / "out").exists()


def test_a_mix_that_is_accepted_is_a_warning_of_the_subset(select, tmp_path):
    made = select(accept_mixed_annotators=True)
    assert made.info["rows"] == 2
    (warning,) = made.info["warnings"]
    assert warning.startswith(
        "quality_scores come from several annotators, as accept_mixed_annotators allows: imported"
    )
    assert warning in json.dumps(json.loads((tmp_path / "out/selection.lock.json").read_text()), ensure_ascii=False)


def test_a_method_that_reads_no_scores_minds_no_mix_of_them(select):
    assert select("random").info["warnings"] == []
