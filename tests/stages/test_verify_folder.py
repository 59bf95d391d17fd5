"""No edit of a subset's folder passes for what was written, its lock and the hashes in it made anew or not."""

import json
from hashlib import sha256

import polars as pl
import pytest

from mig_dagster.export.seal import SEAL, sealed
from mig_dagster.stages.export_subset import export_subset
from mig_dagster.stages.stored_subset import find_subset
from mig_dagster.stages.verify.verification import verify

from .annotated_files import Workshop, rows_of, write

LOCK = "selection.lock.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_model):
    """A workshop with a subset of MIG, and that subset as a dataset repository."""
    shop = Workshop(tmp_path_factory.mktemp("folder"), tiny_model)
    shop.select("out", {name: write(shop.folder / f"{name}.jsonl", *rows_of(name, 12)) for name in ("one", "two")})
    export_subset(str(shop.folder / "out"), shop.folder / "exported", formats=["hf"], home=shop.home)
    return shop


@pytest.fixture(params=["out", "exported/hf"])
def folder(made, request):
    path = made.folder / request.param
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    yield path
    for file, data in before.items():
        file.write_bytes(data)


def check(made, folder):
    return verify(str(folder), made.home, lambda *_: None)


def seal_again(folder, **changes):
    """Make every hash of a lock that of what is there now, those of missing files left out."""
    lock = json.loads((folder / LOCK).read_text()) | changes
    there = [name for name in lock["files"] if (folder / name).is_file()]
    lock["files"] = {name: sha256((folder / name).read_bytes()).hexdigest() for name in there}
    (folder / LOCK).write_text(json.dumps(sealed({key: value for key, value in lock.items() if key != SEAL})))


def test_what_was_sealed_again_unchanged_is_verified(made, folder):
    seal_again(folder)
    assert (check(made, folder).state, check(made, folder).because) == ("verified", ())


EDITS = {
    "an answer": lambda text: text.replace(b"done", b"undone", 1),
    "a field more": lambda text: text.replace(b'{"messages"', b'{"system": "x", "messages"', 1),
    "a row less": lambda text: text.partition(b"\n")[2],
    "a row more": lambda text: text + text.partition(b"\n")[0] + b"\n",
    "another order": lambda text: b"".join(reversed(text.splitlines(keepends=True))),
    "no JSON": lambda text: text + b"{\n",
    "no text": lambda text: text + b"\xff\n",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("folder", ["out"], indirect=True)
def test_other_conversations_are_noticed_under_new_hashes(made, folder, edit):
    path = folder / "train.jsonl"
    path.write_bytes(edit(path.read_bytes()))
    seal_again(folder)
    verdict = check(made, folder)
    assert (verdict.state, len(verdict.because)) == ("differs", 1)
    assert verdict.because[0].startswith("train.jsonl does not hold the conversations of the stored subset")


@pytest.mark.parametrize(
    ("name", "column"), [("subset", "score"), ("subset", "gain"), ("subset", "labels"), ("reasons", "reason")]
)
@pytest.mark.parametrize("folder", ["out"], indirect=True)
def test_other_tables_are_noticed_under_new_hashes(made, folder, name, column):
    path = folder / f"{name}.parquet"
    pl.read_parquet(path).with_columns(pl.col(column).shift(1)).write_parquet(path)
    seal_again(folder)
    assert check(made, folder).because == [f"{name}.parquet does not hold the {name} that is stored"]
    path.write_bytes(b"no Parquet")
    seal_again(folder)
    assert check(made, folder).because == [f"{name}.parquet does not hold the {name} that is stored"]


@pytest.mark.parametrize("name", ["subset.parquet", "train.jsonl", "reasons.parquet", "README.md"])
@pytest.mark.parametrize("folder", ["out"], indirect=True)
def test_a_file_that_the_lock_no_longer_names_is_missed(made, folder, name):
    (folder / name).unlink()
    seal_again(folder)
    assert check(made, folder).because == [f"the lock does not say what {name} was"]


@pytest.mark.parametrize("folder", ["exported/hf"], indirect=True)
@pytest.mark.parametrize("column", ["rank", "messages"])
def test_other_rows_of_a_dataset_repository_are_noticed_under_new_hashes(made, folder, column):
    [path] = folder.glob("data/*.parquet")
    pl.read_parquet(path).with_columns(pl.col(column).reverse()).write_parquet(path)
    seal_again(folder)
    assert check(made, folder).because[0].startswith("the shards in data/ do not hold the rows of the stored subset")
    path.write_bytes(b"no Parquet")
    seal_again(folder)
    assert check(made, folder).state == "differs"


@pytest.mark.parametrize(
    "change",
    [
        {"options": {}},
        {"versions": {}},
        {"shortfall": "none"},
        {"tokens": {"asked": 1}},
        {"ties": "none"},
        {"warnings": []},
        {"near_ties": [1, 2, 3]},
        {"inputs": None},
        {"files": {}},
    ],
)
def test_what_a_lock_says_must_be_what_is_stored(made, folder, change):
    stored = find_subset(str(folder), made.home)
    if change == {"inputs": None}:
        change = {"inputs": {**stored.lock["inputs"], "a source that was never read": "0"}}
    seal_again(folder, **change)
    assert check(made, folder).state == "differs"


def test_a_lock_that_pins_fewer_shards_or_more_is_not_believed(made, folder):
    shards = json.loads((folder / LOCK).read_text())["shards"]
    for pinned in ({}, {**shards, "pool": "0"}, {**shards, "another": "0"}):
        seal_again(folder, shards=pinned)
        assert not check(made, folder).passed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no JSON"),
        ("\xff{", "is no JSON"),
        ("[]", "does not say where the subset is kept"),
        ('{"kept": "here"}', "does not say where the subset is kept"),
        ('{"kept": {}}', "does not say where the subset is kept"),
        ('{"kept": {"store": ".", "asset": "pool", "version": "0"}}', "kept.asset='pool', which is no subset"),
    ],
)
def test_a_lock_that_is_none_is_named_with_what_is_wrong(made, folder, text, told):
    (folder / LOCK).write_text(text)
    with pytest.raises(ValueError, match=told) as problem:
        check(made, folder)
    assert str(folder / LOCK) in str(problem.value)
