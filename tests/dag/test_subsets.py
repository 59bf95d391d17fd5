"""The assets that run the selection methods: their edges, their forms in the Launchpad, their checks."""

import dagster as dg
import polars as pl
import pytest

from assets.jobs import COMPARED
from assets.progress import logged
from assets.subset_checks import subset_checks
from assets.subset_metadata import subset_metadata
from assets.subsets import SubsetConfig, compared_subsets, subsets
from mig_dagster.definitions import defs
from mig_dagster.selection import METHODS, options, reads
from mig_dagster.stages.subset import SUBSET_SCHEMA, Subset

ASSETS = {
    "tags": {"tags", "label_vocabulary"},
    "quality_scores": {"quality_scores"},
    "label_graph": {"label_graph"},
    "row_embeddings": {"row_embeddings"},
    "ifd_scores": {"ifd_scores"},
    "indicators": {"indicators", "row_embeddings"},  # distances to neighbours are measured in the pool
    "serialized_rows": {"raw_pool"},
    "responses": {"raw_pool"},
    "row_ids": set(),
    "sources": set(),
    "lengths": set(),
}
"""What stands behind each argument, beside the pool."""
SUBSETS = {asset.key.to_user_string(): asset for asset in subsets}


@pytest.fixture(scope="module")
def location():
    return defs()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_subset_depends_on_what_its_method_reads_and_on_nothing_else(name):
    depends = {key.to_user_string() for key in SUBSETS[f"{name}_subset"].dependency_keys}
    assert depends == {"pool"}.union(*(ASSETS[argument] for argument in reads(METHODS[name])))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_defaults_of_every_option_pass_the_launchpad(location, name):
    """Dagster takes fewer types than pydantic does; a default it refuses would fail every run."""
    given = {option: default for option, (_, default) in options(METHODS[name]).items()}
    job = location.resolve_implicit_global_asset_job_def()
    config = {"budget": "5%", "max_null_share": 0.01, **given}
    assert dg.validate_run_config(job, {"ops": {f"{name}_subset": {"config": config}}})


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_option_says_in_the_launchpad_what_it_means(name):
    fields = SUBSETS[f"{name}_subset"].op.config_schema.config_type.fields
    assert set(fields) == {*SubsetConfig.model_fields, *options(METHODS[name])}
    assert [option for option, field in fields.items() if not field.description] == []


def test_a_wrong_option_is_refused_before_anything_runs(location):
    job = location.resolve_implicit_global_asset_job_def()
    with pytest.raises(
        dg.DagsterInvalidConfigError, match=r"seed. Value .seven. of type .* is not valid for expected type .Int"
    ):
        dg.validate_run_config(job, {"ops": {"random_subset": {"config": {"seed": "seven"}}}})


def test_only_methods_that_compute_on_a_device_wait_for_the_gpu():
    on_gpu = {name for name, asset in SUBSETS.items() if asset.op.pool == "gpu"}
    assert "mig_subset" in on_gpu
    assert not on_gpu & {"random_subset", "longest_subset", "balanced_random_subset", "zip_subset", "instag_subset"}


def test_all_subsets_but_mig_are_compared_with_it():
    assert {*(asset.key.to_user_string() for asset in compared_subsets), "mig_subset"} == set(SUBSETS)
    assert set(SUBSETS) - set(COMPARED) == {"mig_subset"}


INFO = {
    "pool_rows": 3,
    "budget": "2",
    "k": 2,
    "objective": None,
    "shortfall": None,
    "tokens": None,
    "warnings": [],
    "options": {},
    "labels": {"in_graph": None, "covered": None},
    "source_mix": {"a": 2},
    "pool_mix": {"a": 3},
    "gain_curve": [(1, 0.0), (2, 0.0)],
}


def chosen(rows: int) -> pl.DataFrame:
    columns = {"rank": range(1, rows + 1), "row_id": map(str, range(rows)), "source": ["a"] * rows}
    lines = {name: list(values) for name, values in columns.items()}
    return pl.DataFrame({**lines, "origin": lines["row_id"]}).select(
        pl.lit(None, kind).alias(name) if name not in columns and name != "origin" else pl.col(name)
        for name, kind in SUBSET_SCHEMA.items()
    )


@pytest.mark.parametrize(
    ("rows", "changes", "passed", "found"),
    [
        (2, {}, True, "2 rows of 2"),
        (1, {}, False, "1 rows of 2"),
        (1, {"shortfall": "only 1 row has a score"}, True, "1 rows of 2: only 1 row has a score"),
        (3, {}, False, "3 rows of 2"),
        (3, {"options": {"strict_reference": False}}, False, "3 rows of 2"),
        (
            3,
            {"options": {"strict_reference": True}},
            True,
            "3 rows for 2: strict_reference keeps the last batch whole",
        ),
        (2, {"tokens": {"asked": 9, "counted": "tokens", "used": {"tokens": 9}}}, True, "9 of 9 tokens"),
        (2, {"tokens": {"asked": 8, "counted": "tokens", "used": {"tokens": 9}}}, False, "9 of 8 tokens"),
    ],
)
def test_the_budget_is_met_or_somebody_says_why_not(rows, changes, passed, found):
    frame = chosen(rows)
    (budget,) = [c for c in subset_checks(frame, frame.lazy(), INFO | changes) if c.check_name == "budget_met"]
    assert (budget.passed, budget.description) == (passed, found)


def test_a_method_without_a_measure_shows_no_picture():
    excluded = pl.DataFrame(schema={"row_id": pl.String, "source": pl.String, "reason": pl.String})
    drawn = subset_metadata(Subset(chosen(2), excluded, INFO, seconds=0.5), None)
    assert "gain_curve" not in drawn
    assert drawn["labels_covered"] == "the method reads no tags"
    measured = subset_metadata(Subset(chosen(2), excluded, INFO | {"gain_curve": [(1, 1.0), (2, 1.5)]}), None)
    assert measured["gain_curve"].value.startswith("![gain so far")


def test_clusters_are_told_by_number_and_size():
    excluded = pl.DataFrame(schema={"row_id": pl.String, "source": pl.String, "reason": pl.String})
    clusters = pl.DataFrame({"row_id": ["0", "1", "2"], "cluster": [0, 1, 1]})
    assert subset_metadata(Subset(chosen(2), excluded, INFO, clusters=clusters), None)["clusters"] == (
        "2, of 1 to 2 rows"
    )


def test_progress_is_logged_every_ten_seconds_with_rate_and_time_left():
    told, times = [], iter([0.0, 4.0, 10.0, 12.0, 30.0])
    report = logged(told.append, clock=lambda: next(times))
    for taken in (100, 500, 600, 1500):
        report(taken, 2_000)
    assert told == [
        "500 of 2,000 rows chosen, 50 a second, 30 s left at this rate",
        "1,500 of 2,000 rows chosen, 50 a second, 10 s left at this rate",
    ]


def test_progress_of_nothing_yet_has_no_time_left():
    told, times = [], iter([0.0, 11.0])
    logged(told.append, clock=lambda: next(times))(0, 10)
    assert told == ["0 of 10 rows chosen, 0 a second"]
