"""A stored subset is chosen again, from files as `select` chose it."""

import json
import sys
from dataclasses import replace

import polars as pl
import pytest

from mig_dagster.export.seal import sealed
from mig_dagster.stages.stored_subset import find_subset
from mig_dagster.stages.verify import verification as verifying
from mig_dagster.stages.verify.verification import verify

from .annotated_files import Workshop, record, rows_of, write

LOCK = "selection.lock.json"
OTHER_SEED = {"settings": {"seed": 7}}


@pytest.fixture
def shop(tmp_path, tiny_model):
    return Workshop(tmp_path, tiny_model)


def check(shop, name="out"):
    return verify(str(shop.folder / name), shop.home, lambda what, done, total: None)


def chosen(shop, method="longest", **settings):
    files = {name: write(shop.folder / f"{name}.jsonl", *rows_of(name, 12)) for name in ("one", "two")}
    return shop.select("out", files, method, **settings)


@pytest.mark.parametrize("method", ["mig", "deita", "zip", "instag", "random"])
def test_what_nobody_touched_is_verified_bit_for_bit(shop, method):
    chosen(shop, method)
    verdict = check(shop)
    assert (verdict.state, verdict.because, verdict.environment) == ("verified", (), {})
    assert verdict.passed
    assert verdict.rows == json.loads((shop.folder / "out" / LOCK).read_text())["rows"] > 0


@pytest.mark.parametrize("method", ["mig", "longest"])
def test_a_choice_under_a_budget_in_tokens_is_verified_too(shop, method):
    files = {"one": write(shop.folder / "one.jsonl", *rows_of("one", 12))}
    shop.select("out", files, method, budget="200tok")
    assert 0 < check(shop).rows < 12
    assert check(shop).state == "verified"


def test_it_says_what_it_is_doing(shop):
    chosen(shop)
    told = []
    verify(str(shop.folder / "out"), shop.home, lambda what, done, total: told.append(what))
    assert set(told) == {"checking what it was chosen from", "choosing by longest again"}


def test_a_subset_is_verified_by_its_version_too_and_another_name_is_nobodys(shop):
    chosen(shop)
    home = str(shop.folder / "home" / "file_pools")
    stored = find_subset(str(shop.folder / "out"), shop.home)
    stored.lake.publish(stored.manifest)
    assert verify("longest", home, lambda *_: None).state == "verified"
    with pytest.raises(LookupError, match="no subset 'car'"):
        verify("car", home, lambda *_: None)


@pytest.mark.parametrize("name", ["train.jsonl", "subset.parquet", "README.md"])
def test_a_file_that_was_changed_or_lost_is_named(shop, name):
    path = chosen(shop) / name
    path.write_bytes(path.read_bytes() + b" ")
    assert check(shop).because[0].startswith(f"{name} is not what was written: its sha256 is ")
    path.unlink()
    verdict = check(shop)
    assert (verdict.state, verdict.passed) == ("differs", False)
    assert verdict.because == [f"{name} is missing from {path.parent}"]


def test_a_lock_that_was_edited_is_noticed(shop):
    path = chosen(shop) / LOCK
    path.write_text(path.read_text().replace('"k": 3', '"k": 4'))
    verdict = check(shop)
    assert (verdict.state, len(verdict.because)) == ("differs", 1)
    assert "selection.lock.json was edited after it was written" in verdict.because[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"budget": "4"}, "the lock has budget='4', the stored subset '3'"),
        ({"inputs": {}}, "at None, the stored subset at"),
    ],
)
def test_a_lock_that_was_edited_and_sealed_again_is_not_what_is_stored(shop, change, told):
    path = chosen(shop) / LOCK
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | change)))
    verdict = check(shop)
    assert verdict.state == "differs"
    assert told in verdict.because[0]


def test_a_damaged_or_lost_shard_is_named_and_nothing_is_chosen_from_it(shop):
    chosen(shop)
    pool = find_subset(str(shop.folder / "out"), shop.home).manifest.inputs["pool"]
    [shard] = shop.lake.version("pool", None, pool).tables["rows"]
    place = shop.folder / "home" / "file_pools" / shard.path
    data = place.read_bytes()
    place.write_bytes(data[:-1] + b"?")
    verdict = check(shop)
    assert verdict.state == "cannot verify"
    assert f"shard {shard.path} in" in verdict.because[0]
    assert "damaged: its sha256 is not that of its manifest: restore it" in verdict.because[0]
    place.unlink()
    assert "is gone from" in check(shop).because[0]


def test_an_input_whose_manifest_was_replaced_is_not_what_the_lock_pins(shop):
    chosen(shop)
    stored = find_subset(str(shop.folder / "out"), shop.home)
    other = shop.lake.write("pool", stored.frames().pool.collect().reverse())
    place = shop.folder / "home" / "file_pools" / shop.lake.version("pool", None, stored.manifest.inputs["pool"]).path
    place.write_bytes((shop.folder / "home" / "file_pools" / other.path).read_bytes())
    assert "pool is not what the lock pins: its shards have other hashes" in check(shop).because[0]


@pytest.mark.parametrize("asset", ["pool", "raw_pool", "longest_subset"])
def test_a_version_that_a_clean_up_took_cannot_be_verified(shop, asset):
    chosen(shop)
    for path in (shop.folder / "home" / "file_pools" / "lake" / asset).rglob("manifest-*"):
        path.unlink()
    verdict = check(shop)
    assert verdict.state == "cannot verify"
    assert "a clean-up (`mig-dagster vacuum`) took it, or it was made with another --home" in verdict.because[0]


def test_rows_that_the_method_would_not_choose_differ_at_the_first_of_them(shop, monkeypatch):
    chosen(shop, "random")
    real = verifying.choose_subset
    monkeypatch.setattr(verifying, "choose_subset", lambda *args, **options: real(*args, **options | OTHER_SEED))
    verdict = check(shop)
    assert verdict.state == "differs"
    assert verdict.first.rank == 1
    assert f"at rank 1 {verdict.first.row} (gain 0.0) is stored" in verdict.because[0]


def elsewhere(monkeypatch, **versions):
    """Let the versions of now differ from those of the choice."""
    real = verifying.environment
    monkeypatch.setattr(verifying, "environment", lambda *given: real(*given) | versions)


def test_with_other_versions_the_same_bits_are_still_verified_bit_for_bit(shop, monkeypatch):
    chosen(shop)
    elsewhere(monkeypatch, numpy="0.0")
    verdict = check(shop)
    assert verdict.state == "verified"
    assert verdict.environment["numpy"][1] == "0.0"


@pytest.fixture(scope="module")
def near(tmp_path_factory, tiny_model):
    """Two subsets: `near` of rows of which two differ by next to nothing, `far` of rows that differ by a little."""
    shop = Workshop(tmp_path_factory.mktemp("near"), tiny_model)
    for name, difference in (("near", 1e-12), ("far", 1e-6)):
        rows = [("add", 2.0, ["maths"]), ("rhyme", 2 * (1 + difference), ["poetry"]), ("run", 1.0, ["code"])]
        path = write(shop.folder / f"{name}.jsonl", *(record(*row) for row in rows))
        shop.select(name, {"mine": path}, gain="exact", prop_weight=0.0)
    return shop


def other_rounding(monkeypatch, factor):
    """Let the score that is 2.0 be read a little off, as another machine's rounding of gains would have it."""
    real, score = verifying.choose_subset, pl.col("score")

    def choose(method, frames, **options):
        off = pl.when(score == 2.0).then(score * factor).otherwise(score)
        moved = replace(frames, quality_scores=frames.quality_scores.with_columns(score=off))
        again = real(method, moved, **options)
        read = again.rows["score"] == 2.0 * factor
        return replace(again, rows=again.rows.with_columns(score=pl.when(read).then(2.0).otherwise("score")))

    monkeypatch.setattr(verifying, "choose_subset", choose)


def test_a_near_tie_is_in_the_lock(near):
    assert json.loads((near.folder / "near" / LOCK).read_text())["near_ties"] == [1]
    assert json.loads((near.folder / "far" / LOCK).read_text())["near_ties"] == []
    assert find_subset(str(near.folder / "near"), near.home).info["near_ties"] == [1]


def test_a_near_tie_that_another_machine_decides_otherwise_is_verified_and_listed(near, monkeypatch):
    other_rounding(monkeypatch, 1 + 1e-11)
    assert check(near, "near").state == "differs"
    elsewhere(monkeypatch, numpy="0.0")
    verdict = check(near, "near")
    assert (verdict.state, verdict.passed) == ("verified up to near-ties", True)
    assert [(flip.pick.rank, flip.until) for flip in verdict.flips] == [(1, 2)]


def test_another_choice_away_from_near_ties_differs_on_any_machine(near, monkeypatch):
    other_rounding(monkeypatch, 1 + 1e-5)
    elsewhere(monkeypatch, numpy="0.0")
    verdict = check(near, "far")
    assert (verdict.state, verdict.first.rank) == ("differs", 1)


def test_another_build_of_zlib_cannot_verify_zip_and_says_what_to_install(shop, monkeypatch):
    chosen(shop, "zip")
    elsewhere(monkeypatch, zlib="9.9.9.zlib-ng")
    verdict = check(shop)
    assert verdict.state == "cannot verify"
    assert "here of zlib 9.9.9.zlib-ng: run a Python whose zlib.ZLIB_RUNTIME_VERSION is" in verdict.because[0]


def test_car_is_chosen_again_from_the_clusters_that_were_stored(shop, monkeypatch):
    chosen(shop, "car", clusters=4)

    def never(*args, **options):
        raise AssertionError("clustered again")

    monkeypatch.setattr(sys.modules["mig_dagster.selection.car"], "cluster_rows", never)
    assert check(shop).state == "verified"


def test_a_gpu_that_is_not_there_is_no_reason_not_to_verify(shop, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert verifying._device("cuda:0") is None
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert verifying._device("cuda:0") == "cuda:0"
