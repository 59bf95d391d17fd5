"""The dataset repository: shards, the card's front matter, provenance, lock and citations."""

import json
from hashlib import sha256

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export import export_to
from mig_dagster.export.card import dataset_card
from mig_dagster.export.citations import PAPERS, bibliography, published_at
from mig_dagster.export.formats import hf
from mig_dagster.export.seal import is_unchanged
from mig_dagster.selection import METHODS
from tests.export.rows import LOCK, calls, subset

ROWS = [Conversation((Message("user", f"{i}" * 10), Message("assistant", "2" * 40))) for i in range(10)]
CALLED = Conversation((Message("user", "?"), Message("assistant", "", calls(("f", {})))), "[]")


def front_matter(card):
    return yaml.safe_load(card.split("---\n", 2)[1])


def shards(folder):
    return sorted((folder / "data").iterdir())


def test_shards_are_bounded_and_hold_the_rows_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(hf, "SHARD_BYTES", 200)  # three rows of 50 characters and their roles
    export_to(tmp_path, "hf", subset(ROWS), LOCK)
    names = [path.name for path in shards(tmp_path)]
    assert names == [f"train-{i:05d}-of-00004.parquet" for i in range(4)]
    ranks = [pq.read_table(path)["rank"].to_pylist() for path in shards(tmp_path)]
    assert ranks == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]


def test_a_row_longer_than_a_shard_has_one_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(hf, "SHARD_BYTES", 10)
    export_to(tmp_path, "hf", subset(ROWS[:3]), LOCK)
    assert [pq.read_metadata(path).num_rows for path in shards(tmp_path)] == [1, 1, 1]


def test_shards_of_an_earlier_export_go_and_other_files_stay(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test-00000-of-00001.parquet").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.setattr(hf, "SHARD_BYTES", 200)
    export_to(tmp_path, "hf", subset(ROWS), LOCK)
    monkeypatch.setattr(hf, "SHARD_BYTES", 10**6)
    export_to(tmp_path, "hf", subset(ROWS), LOCK)
    assert [path.name for path in shards(tmp_path)] == ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_every_row_says_where_it_is_from_and_why_it_is_here(tmp_path):
    rows = subset(ROWS)
    export_to(tmp_path, "hf", rows, LOCK)
    table = pl.read_parquet(tmp_path / "data")
    names = ["rank", "row_id", "source", "origin", "gain", "score", "labels"]
    assert table.columns == ["messages", *names]
    assert table.select(names).equals(rows.select(names))


def test_the_front_matter_describes_what_is_in_the_files(tmp_path):
    export_to(tmp_path, "hf", subset([*ROWS, CALLED]), {**LOCK, "licences": {"a": "MIT", "b": "Apache-2.0"}})
    said = front_matter((tmp_path / "README.md").read_text())
    assert said["license"] == ["apache-2.0", "mit"]
    assert said["size_categories"] == ["n<1K"]
    assert said["pretty_name"] == "mig_subset"
    assert said["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*"}]
    info = said["dataset_info"]
    schema = pq.read_schema(shards(tmp_path)[0])
    assert [feature["name"] for feature in info["features"]] == schema.names
    assert info["features"][0] == {"name": "messages", "list": "json"}
    assert {"name": "labels", "list": "string"} in info["features"]
    assert {"name": "gain", "dtype": "float64"} in info["features"]
    assert info["splits"] == [{"name": "train", "num_bytes": info["dataset_size"], "num_examples": 11}]
    assert info["download_size"] == sum(path.stat().st_size for path in shards(tmp_path))


def test_plain_turns_are_structs_in_the_front_matter(tmp_path):
    export_to(tmp_path, "hf", subset(ROWS), LOCK)
    features = front_matter((tmp_path / "README.md").read_text())["dataset_info"]["features"]
    assert features[0]["list"] == [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]
    assert "| `tools` |" not in (tmp_path / "README.md").read_text()


def test_the_lock_pins_every_file(tmp_path):
    export_to(tmp_path, "hf", subset(ROWS), LOCK)
    lock = json.loads((tmp_path / "selection.lock.json").read_text())
    assert is_unchanged(lock)
    hashes = lock.pop("files")
    assert {name: lock[name] for name in LOCK} == LOCK
    assert sorted(hashes) == ["README.md", "data/train-00000-of-00001.parquet"]
    assert all(sha256((tmp_path / name).read_bytes()).hexdigest() == digest for name, digest in hashes.items())


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ({"a": "MIT", "b": "mit"}, "mit"),
        ({"a": "MIT"}, "other"),  # that of b is not stated
        ({"a": "MIT", "b": "Llama 2 Community"}, "other"),
        ({"a": "MIT", "b": "x\nlicense: mit"}, "other"),
    ],
)
def test_a_licence_is_named_only_where_every_source_has_one_that_hubs_know(stated, found):
    card = dataset_card(subset(ROWS[:2]), {**LOCK, "licences": stated})
    assert front_matter(card)["license"] == found


def test_a_name_of_somebody_else_ends_no_front_matter():
    said = front_matter(dataset_card(subset(ROWS), {**LOCK, "name": "x\n---\nlicense: mit\n<b>"}))
    assert (said["pretty_name"], said["license"]) == ("x --- license: mit  b ", "other")


def test_what_is_uploaded_names_no_folder_of_this_machine(tmp_path):
    models = {"encoder": {"model": "/home/me/models/enc", "revision": None}, "tagger": "https://tags.org/v1"}
    places = {"pool_options": models, "options": {"seed": 1, "list": ["~/a/tags.json", "C:\\me\\b.json", "org/model"]}}
    export_to(tmp_path, "hf", subset(ROWS), {**LOCK, **places})
    lock = json.loads((tmp_path / "selection.lock.json").read_text())
    assert lock["pool_options"] == {**models, "encoder": {"model": "enc", "revision": None}}
    assert lock["options"] == {"seed": 1, "list": ["tags.json", "b.json", "org/model"]}
    assert is_unchanged(lock)
    assert "tags.json" in (card := (tmp_path / "README.md").read_text())
    assert "~/a" not in card


def test_the_card_gives_no_tokens_of_the_whole_subset_for_its_first_rows():
    tokens = {"counted": "tokens", "asked": 500, "used": {"tokens": 499, "trained_tokens": 99}}
    whole, first = ({**LOCK, "budget": "500tok", "tokens": tokens} | more for more in ({}, {"first_rows": 10}))
    assert "Tokens: 499, of which 99 are trained on; 500 were asked for." in dataset_card(subset(ROWS), whole)
    assert "Budget: 500tok, of which these are the first 10 rows. Options:" in dataset_card(subset(ROWS), first)


def test_the_card_says_of_which_budget_its_rows_are_the_first():
    card = dataset_card(subset(ROWS), {**LOCK, "budget": "5%", "first_rows": 10})
    assert "\nBudget: 5%, of which these are the first 10 rows. Options:" in card
    assert "\nOptions:" in dataset_card(subset(ROWS), LOCK)


def test_every_method_of_a_paper_is_cited():
    assert set(METHODS) - set(PAPERS) == {"random", "balanced_random"}
    assert "eprint = {2504.13835}" in dataset_card(subset(ROWS), LOCK)
    assert "Citation" not in dataset_card(subset(ROWS), {**LOCK, "method": "random"})


def test_sources_are_cited_where_others_can_reach_them():
    uris = {
        "hub": "hf://datasets/org/name@main/a.parquet",
        "page": f"https://{':'.join(['me', 'secret'])}@example.org/a.jsonl?token=secret",
        "mine": "/home/me/a.jsonl",
        "bucket": "s3://mine/a",
        "odd": "https://example.org/`}",
    }
    text = bibliography("random", list(uris), published_at(uris))
    assert "howpublished = {Hugging Face dataset org/name}" in text
    assert r"howpublished = {\url{https://example.org/a.jsonl}}" in text
    assert text.count("@misc") == 2
    assert "secret" not in text
    card = dataset_card(subset(ROWS), {**LOCK, "published_at": {"a": "Hugging Face dataset org/name"}})
    assert "@misc{dataset:a," in card
