"""What is checked of a new version of each signal, on made-up versions."""

import numpy as np
import polars as pl
import pytest

from assets import annotation_checks as checks
from mig_dagster.storage import Manifest, Shard, Store
from tests.dag.tiny import materialise

N = 60
IDS = [f"{i:032x}" for i in range(N)]
RAW = pl.LazyFrame({"row_id": IDS})
VARIED = [1.0 + i / 20 for i in range(N)]
GOOD = {
    "tags": {"tags": [["a"], ["a", "b"], ["c"]] * 20},
    "quality_scores": {"score": VARIED},
    "ifd_scores": {
        **dict.fromkeys(("ifd_loss", "ifd_ppl", "ppl", "loss_conditioned", "loss_alone"), VARIED),
        "answer_tokens": [3] * N,
        "truncated": [0] * N,
    },
    "indicators": {"len": VARIED, "mtld": VARIED, "rew": [-v for v in VARIED], "nat": [v / 10 for v in VARIED]},
    "row_embeddings": {"embedding": [[np.cos(i), np.sin(i)] for i in range(N)]},
    "token_counts": {"tokens": list(range(1, N + 1)), "trained_tokens": [i // 2 for i in range(N)]},
}
TYPES = {"tags": pl.List(pl.String), "embedding": pl.Array(pl.Float32, 2)}
WHO = {"f": {"name": "lexical", "model": "rule"}, "g": {"name": "deita", "model": "theirs"}}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def check(store):
    def run(signal, *, flags=None, provenance="computed", who="f", scale="lexical, turn_mean", counts=None, **changes):
        """Check a version whose columns are the good ones but for `changes`; {check name: result}."""
        columns = {"row_id": IDS} | GOOD[signal] | changes
        frame = pl.DataFrame(columns, schema_overrides={name: TYPES[name] for name in columns if name in TYPES})
        origin = pl.Series("provenance", [provenance] * N if isinstance(provenance, str) else provenance)
        codes = pl.Series("flag", flags or [None] * N, dtype=pl.String)
        speakers = {how: {"f" if how == "computed" else "g": n} for how, n in origin.value_counts().iter_rows()}
        speakers = {how: {who if how == "computed" else "g": sum(rows.values())} for how, rows in speakers.items()}
        info = {
            "flags": dict(codes.drop_nulls().value_counts().iter_rows()),
            "annotators": WHO | {who: WHO["f"]},
            "speakers": speakers,
            "counts": counts or {},
            "scale": scale,
        }
        manifest = Manifest(signal, "chat", "v", {"rows": (Shard("p", "h", frame.height, 1),)}, {}, info, "now", "m")
        rows = frame.with_columns(origin, codes, annotator=pl.lit(who)).lazy()
        results = getattr(checks, f"{signal}_checks")(manifest, rows, RAW, store)
        must, should = (getattr(checks, f"{signal.upper()}_{kind}") for kind in ("CHECKS", "WARNINGS"))
        assert [result.check_name for result in results] == [*must, *should]
        assert all(result.metadata["partition"].value == "chat" for result in results)
        for result in results:
            assert (result.severity.value == "WARN") == (result.check_name in should)
        return {result.check_name: result for result in results}

    return run


def failed(results):
    return [name for name, result in results.items() if not result.passed]


@pytest.mark.parametrize("signal", GOOD)
def test_a_good_version_passes_every_check(check, signal):
    assert failed(check(signal)) == []


@pytest.mark.parametrize("signal", GOOD)
def test_a_version_without_rows_passes(store, signal):
    columns = {"row_id": [], **{name: [] for name in GOOD[signal]}, "annotator": [], "provenance": [], "flag": []}
    kinds = {name: TYPES.get(name, pl.Float64) for name in GOOD[signal]}
    rows = pl.DataFrame(columns, schema={name: kinds.get(name, pl.String) for name in columns}).lazy()
    info = {"flags": {}, "annotators": {}, "speakers": {}, "counts": {}, "scale": "lexical, turn_mean"}
    manifest = Manifest(signal, "chat", "v", {"rows": (Shard("p", "h", 0, 1),)}, {}, info, "now", "m")
    results = getattr(checks, f"{signal}_checks")(manifest, rows, RAW.head(0), store)
    assert [result.check_name for result in results if not result.passed] == []


@pytest.mark.parametrize("signal", GOOD)
def test_a_missing_line_fails_coverage(check, store, signal):
    columns = {name: values[:-1] for name, values in ({"row_id": IDS} | GOOD[signal]).items()}
    frame = pl.DataFrame(columns, schema_overrides={name: TYPES[name] for name in columns if name in TYPES})
    info = {
        "flags": {},
        "annotators": WHO,
        "speakers": {"computed": {"f": 59}},
        "counts": {},
        "scale": "iqs, turn_mean",
    }
    manifest = Manifest(signal, "chat", "v", {"rows": (Shard("p", "h", N - 1, 1),)}, {}, info, "now", "m")
    signs = {"annotator": pl.lit("f"), "provenance": pl.lit("computed"), "flag": pl.lit(None, pl.String)}
    found = getattr(checks, f"{signal}_checks")(manifest, frame.with_columns(**signs).lazy(), RAW, store)[0]
    assert (found.passed, found.description) == (False, "59 lines of 60 distinct rows")


@pytest.mark.parametrize(
    ("signal", "changes", "name"),
    [
        ("tags", {"tags": [["a", "b"]] * N}, "not_constant"),
        ("quality_scores", {"score": [3.0] * N}, "not_constant"),
        ("ifd_scores", {"ifd_loss": [0.5] * N}, "not_constant"),
        ("indicators", {"rew": [0.0] * N}, "not_constant"),
        ("row_embeddings", {"embedding": [[1.0, 0.0]] * N}, "not_constant"),
        ("quality_scores", {"score": [*VARIED[1:], 6.1]}, "in_range"),
        ("quality_scores", {"score": [*VARIED[1:], np.inf]}, "in_range"),
        ("quality_scores", {"score": [*VARIED[1:], np.nan]}, "in_range"),
        ("ifd_scores", {"ppl": [*VARIED[1:], 0.9]}, "finite"),
        ("ifd_scores", {"ifd_ppl": [*VARIED[1:], 0.0]}, "finite"),
        ("ifd_scores", {"loss_alone": [*VARIED[1:], -0.1]}, "finite"),
        ("indicators", {"nat": [*VARIED[1:], 1.0]}, "finite"),
        ("indicators", {"mtld": [*VARIED[1:], 0.0]}, "finite"),
        ("indicators", {"rew": [*VARIED[1:], np.nan]}, "finite"),
        ("row_embeddings", {"embedding": [[np.cos(i), np.sin(i) + 0.1] for i in range(N)]}, "unit_norm"),
        ("row_embeddings", {"embedding": [[np.cos(i), np.nan] for i in range(N)]}, "unit_norm"),
        ("token_counts", {"trained_tokens": [-1] * N}, "not_negative"),
        ("token_counts", {"trained_tokens": [N + 1] + [0] * (N - 1)}, "trained_at_most_all"),
    ],
)
def test_what_cannot_be_is_found(check, signal, changes, name):
    results = check(signal, **changes)
    assert failed(results) == [name]


@pytest.mark.parametrize(
    ("scale", "scores", "fails"),
    [
        ("deita, turn_mean", [35.9], False),
        ("deita, turn_mean", [36.4], True),
        ("deita, turn_sum", [80.0], False),
        ("deita, turn_sum", [0.9], True),
        ("iqs, turn_mean", [-3.0], False),
        ("reward, turn_mean", [-30.0], False),
        ("tag_count, turn_mean", [-1.0], True),
        ("imported:a, b.c, turn_mean", [1e9], False),
    ],
)
def test_the_range_is_that_of_the_scorer_and_its_aggregation(check, scale, scores, fails):
    results = check("quality_scores", scale=scale, score=[*VARIED[1:], *scores])
    assert failed(results) == (["in_range"] if fails else [])


def test_models_in_16_bits_may_round_beyond_a_limit(check):
    assert failed(check("quality_scores", score=[*VARIED[1:], 6.004])) == []


def test_the_constant_scorer_is_constant_by_design(check):
    results = check("quality_scores", scale="constant, turn_mean", score=[1.0] * N)
    assert failed(results) == []
    assert results["not_constant"].description == "scorer constant has one score by design"


@pytest.mark.parametrize(
    ("signal", "value", "name", "blocks"),
    [
        ("tags", "tags", "parse_failures", True),
        ("quality_scores", "score", "nulls", True),
        ("ifd_scores", "ifd_ppl", "nulls", False),
        ("indicators", "nat", "nulls", False),
        ("row_embeddings", "embedding", "nulls", False),
        ("token_counts", "trained_tokens", "nulls", False),
    ],
)
def test_rows_without_a_value_are_counted_by_flag(check, signal, value, name, blocks):
    given = GOOD[signal][value]
    some = check(
        signal, **{value: [None] * 3 + given[3:]}, flags=["parse_failure"] * 2 + ["empty_text"] + [None] * (N - 3)
    )
    assert failed(some) == []
    many = check(signal, **{value: [None] * 6 + given[6:]}, flags=["parse_failure"] * 6 + [None] * (N - 6))
    assert failed(many) == [name]
    found = many[name].description
    assert "6 (10.00%) of 60 rows lack a value (parse_failure 6 (10.00%): the model's answer could not" in found
    assert f"more than 5%: choose an option of {signal} that gives these rows a value, or mend the rows" in found
    assert (many[name].severity.value == "ERROR") is blocks


def test_rows_and_turns_that_were_cut_are_a_warning(check):
    cut = check("ifd_scores", truncated=[1] * 9 + [0] * (N - 9))
    assert failed(cut) == ["truncated"]
    assert "rows cut: 9 (15.00%) of 60; more than 5%: raise max_tokens" in cut["truncated"].description
    few = check("quality_scores", counts={"turns": 100, "truncated_turns": 5})
    assert failed(few) == []
    assert "turns cut: 5 (5.00%) of 100" in few["truncated"].description
    assert failed(check("quality_scores", counts={"turns": 100, "truncated_turns": 6})) == ["truncated"]


HALF = ["imported", "computed"] * (N // 2)


def test_imported_values_that_lie_as_the_computed_ones_are_said(check):
    results = check("quality_scores", provenance=HALF)
    assert failed(results) == []
    found = results["imported"].description
    assert found.startswith("30 values imported by theirs, 30 computed by rule; medians 2.45 and 2.5, distributions")


def test_imported_values_on_another_scale_are_a_warning(check):
    results = check("quality_scores", provenance=HALF, score=[v / 10 + 1 + 3 * (i % 2) for i, v in enumerate(VARIED)])
    assert failed(results) == ["imported"]
    assert "distributions 1 apart, more than 0.3: see that both are on one scale" in results["imported"].description


def test_a_few_imported_values_prove_nothing(check):
    score = [1.0] * 5 + [5.0 + i / 100 for i in range(N - 5)]
    assert failed(check("quality_scores", provenance=["imported"] * 5 + ["computed"] * (N - 5), score=score)) == []


def test_an_annotator_that_ranks_rows_otherwise_is_a_warning(check):
    first = check("quality_scores")
    assert first["drift"].description == "no other annotator computed this source before"
    second = check("quality_scores", who="new", score=VARIED[::-1])
    assert failed(second) == ["drift"]
    found = second["drift"].description
    assert found.startswith("new after f, Spearman on 60 golden rows: score -1.000; below 0.8: ")
    assert "`mig-dagster backfill --all --assets quality_scores`" in found


def test_an_annotator_that_agrees_with_the_one_before_passes(check):
    check("tags")
    results = check("tags", who="new")
    assert failed(results) == []
    assert results["drift"].description == "new after f, Jaccard on 60 golden rows: tags 1.000"


def test_a_version_that_is_not_published_leaves_no_golden_rows(check, store):
    check("quality_scores", score=[3.0] * N)
    assert store.list("golden") == []
    check("quality_scores")
    assert len(store.list("golden")) == 1


def test_half_precision_vectors_are_as_long_as_16_bits_allow(store):
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(N, 384))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    vectors = pl.Series("embedding", unit.astype(np.float16), dtype=pl.Array(pl.Float16, 384))
    signs = {"annotator": pl.lit("f"), "provenance": pl.lit("computed"), "flag": pl.lit(None, pl.String)}
    info = {"flags": {}, "annotators": WHO, "speakers": {"computed": {"f": N}}, "counts": {}}
    manifest = Manifest("row_embeddings", "chat", "v", {"rows": (Shard("p", "h", N, 1),)}, {}, info, "now", "m")
    rows = pl.DataFrame({"row_id": IDS}).with_columns(vectors).with_columns(**signs).lazy()
    results = checks.row_embeddings_checks(manifest, rows, RAW, store)
    assert [result.check_name for result in results if not result.passed] == []


def test_a_source_that_is_scored_by_another_annotator_is_compared_with_the_one_before(place, instance):
    """Over the assets themselves: the golden rows of the first run are what the second is held against."""
    instance.add_dynamic_partitions("source", ["maths"])
    summed = {"quality_scores": {"aggregation": "turn_sum"}}
    assert materialise(place, instance, "raw_pool", "row_signatures", "quality_scores", partition="maths").success
    again = materialise(place, instance, "quality_scores", partition="maths", config=summed)
    assert again.success
    (drift,) = [check for check in again.get_asset_check_evaluations() if check.check_name == "drift"]
    assert drift.passed
    assert drift.description.endswith("Spearman on 40 golden rows: score 1.000")
    assert len(place.home.store.list("golden/quality_scores/source=maths")) == 2
