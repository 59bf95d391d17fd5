"""Sources annotated by different models in one pool: subsets are not chosen from them unless told so."""

import shutil
from dataclasses import replace

import polars as pl
import pytest

from tests.dag.tiny import SOURCES, failure, materialise

OTHER = {"name": "lexical", "model": "another rule"}


@pytest.fixture
def annotated(finished, instance, tmp_path):
    """A copy of the finished project: what is made there may be changed."""
    place, _, _ = finished
    shutil.copytree(place.folder, tmp_path / "copy")
    instance.add_dynamic_partitions("source", list(SOURCES))
    return replace(place, folder=tmp_path / "copy")


def sign(place, signal, source, rows=None):
    """Publish a source's current values, or others, as those of another annotator."""
    lake = place.home.lake
    now = lake.current(signal, source)
    frame = lake.scan(signal, source).collect() if rows is None else rows
    info = dict(now.info) | {"annotators": {"other": OTHER}, "speakers": {"computed": {"other": frame.height}}}
    if "embedding" in frame.columns:
        info["dimension"] = frame.schema["embedding"].shape[0]
    return lake.publish(lake.write(signal, frame, partition=source, values={"rows": ["row_id"]}, info=info))


def test_a_pool_scored_by_two_rules_is_refused_with_the_sources_to_backfill(annotated, instance):
    sign(annotated, "quality_scores", "maths")
    told = failure(materialise(annotated, instance, "mig_subset"))
    assert "quality_scores of one pool come from several annotators" in told
    assert "chat, notes" in told
    assert "lexical (another rule), other: maths" in told
    assert "run `mig-dagster backfill --sources chat,notes --assets quality_scores`" in told


def test_a_mix_that_is_accepted_is_kept_with_the_subset_as_a_warning(annotated, instance):
    sign(annotated, "quality_scores", "maths")
    config = {"mig_subset": {"accept_mixed_annotators": True}}
    assert materialise(annotated, instance, "mig_subset", config=config).success
    warning = annotated.home.lake.current("mig_subset").info["warnings"][0]
    assert warning.startswith(
        "quality_scores come from several annotators, as accept_mixed_annotators allows: computed"
    )


def test_a_method_that_reads_no_scores_minds_no_mix_of_them(annotated, instance):
    sign(annotated, "quality_scores", "maths")
    assert materialise(annotated, instance, "random_subset").success


def test_embeddings_of_another_dimension_are_never_accepted(annotated, instance):
    ids = annotated.home.lake.scan("row_embeddings", "maths").select("row_id").collect()
    unit = pl.Series("embedding", [[1.0, 0.0]] * ids.height, pl.Array(pl.Float32, 2))
    nothing = pl.lit(None, pl.String).alias("flag")
    sign(
        annotated,
        "row_embeddings",
        "maths",
        ids.with_columns(unit, annotator=pl.lit("other"), provenance=pl.lit("computed")).with_columns(nothing),
    )
    config = {"qdit_subset": {"accept_mixed_annotators": True}}
    told = failure(materialise(annotated, instance, "qdit_subset", config=config))
    assert "row_embeddings of one pool have several dimensions (2: maths; 32: chat, notes)" in told
    assert "--sources chat,notes --assets row_embeddings" in told


def test_a_subset_chosen_from_earlier_values_of_a_signal_that_no_measure_reads_is_stale(annotated, instance):
    lake = annotated.home.lake

    def bring(value):
        for source in SOURCES:
            ids = lake.scan("raw_pool", source).select("row_id").unique(maintain_order=True).collect()
            given = {"ifd_loss": value, "ifd_ppl": value, "annotator": "x", "provenance": "imported"}
            frame = ids.with_columns(**{k: pl.lit(v) for k, v in given.items()}, flag=pl.lit(None, pl.String))
            who = {"annotators": {"x": OTHER}, "speakers": {"imported": {"x": len(ids)}}}
            lake.publish(lake.write("ifd_scores", frame, partition=source, info=who))

    bring(0.5)
    assert materialise(annotated, instance, "ifd_subset", "selection_report").success
    errors = lake.scan("selection_report").filter(pl.col("error").is_not_null()).collect()
    assert "ifd_subset" not in errors["name"].to_list()
    bring(0.6)
    assert materialise(annotated, instance, "selection_report").success
    errors = lake.scan("selection_report").filter(name="ifd_subset").collect()
    assert errors["error"].to_list() == ["chosen from other versions of ifd_scores: materialise ifd_subset again"]
