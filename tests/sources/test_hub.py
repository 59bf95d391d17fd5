"""Hub sources through the real client, against a server that speaks the Hub's API and counts what it is asked."""

import io
import json
import os
import subprocess
import sys

import polars as pl
import pytest

from mig_dagster.pool.ingest import ingest
from mig_dagster.sources import Source, SourceFileError, changed_files, check, files_of, read_source, resolve
from mig_dagster.sources.hub.address import CONVERTED, parse_address
from mig_dagster.storage import Lake, Store

URI = "hf://datasets/org/rows"
SOURCE = Source("rows", URI)


def rows(*names: str) -> str:
    return "".join(json.dumps({"instruction": name, "output": "yes"}) + "\n" for name in names)


def parquet(*names: str) -> bytes:
    file = io.BytesIO()
    pl.DataFrame({"instruction": list(names), "output": ["yes"] * len(names)}).write_parquet(file)
    return file.getvalue()


def asked(source: Source, revision=None) -> list[str]:
    """Return the instructions that a source's records have."""
    return [record.conversation.messages[0].content for record in read_source(source, revision)]


def failure(source: Source) -> str:
    with pytest.raises(SourceFileError) as caught:
        list(read_source(source))
    return str(caught.value)


@pytest.fixture
def no_wait(monkeypatch):
    """The seconds that were waited for, without waiting."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


def test_a_dataset_is_pinned_to_its_commit_and_read_there_although_the_branch_moved_on(hub):
    first = hub.commit("org/rows", {"train.jsonl": rows("a", "b"), "notes.txt": "x"})
    revision = resolve(SOURCE)
    assert (revision.id, revision.kind, revision.size) == (first, "commit", len(rows("a", "b")))
    assert [file.path for file in revision.files] == ["train.jsonl"]
    hub.commit("org/rows", {"train.jsonl": rows("c")})
    assert asked(SOURCE, revision) == asked(SOURCE, revision) == ["a", "b"]
    assert asked(SOURCE) == ["c"]
    assert changed_files(SOURCE, revision) == []
    assert files_of(SOURCE, revision)[0].uri == f"hf://datasets/org/rows@{first}/train.jsonl"


def test_a_branch_a_tag_a_short_and_a_whole_sha_name_the_same_commit(hub):
    sha = hub.commit("org/rows", {"train.jsonl": rows("a")})
    hub.tag("org/rows", "v1", sha)
    hub.tag("org/rows", "feature/x", sha)
    hub.commit("org/rows", {"train.jsonl": rows("b")})
    for revision in ("v1", "feature/x", sha, sha[:8]):
        assert resolve(Source("rows", URI, revision=revision)).id == sha
    for written in ("v1", "feature%2Fx", sha):
        assert asked(Source("rows", f"{URI}@{written}")) == ["a"]
    assert resolve(SOURCE).id != sha


def test_a_new_revision_costs_two_requests_and_two_a_file_and_a_look_at_an_old_one_costs_one(hub):
    card = "---\nconfigs:\n- config_name: default\n  data_files: data/*.parquet\n---\n"
    files = {"README.md": card, "data/a.parquet": parquet("a"), "data/b.parquet": parquet("b")}
    hub.commit("org/rows", files)
    revision = resolve(SOURCE)
    assert hub.told() == {"GET info": 1, "HEAD resolve": 1, "GET resolve": 1}  # the commit, and its card
    assert asked(SOURCE, revision) == ["a", "b"]
    assert hub.told() == {"GET info": 1, "HEAD resolve": 3, "GET resolve": 1, "GET blob": 2}
    hub.requests.clear()
    assert resolve(SOURCE, revision) == revision
    assert hub.told() == {"GET info": 1}
    hub.requests.clear()
    assert asked(SOURCE, revision) == ["a", "b"]
    assert hub.requests == []
    at_commit = Source("rows", URI, revision=revision.id)
    assert resolve(at_commit) == resolve(at_commit) == revision
    assert hub.told() == {"GET info": 1}


def test_another_split_of_the_same_commit_is_another_choice_of_files(hub):
    """What is known of a source was perhaps read when it was registered with another split."""
    hub.commit("org/rows", {"train.jsonl": rows("a"), "test.jsonl": rows("b")})
    known = resolve(SOURCE)
    now = resolve(Source("rows", URI, split="test"), known)
    assert (now.id, [file.path for file in now.files]) == (known.id, ["test.jsonl"])


def test_a_file_that_did_not_change_is_not_downloaded_again_with_a_new_revision(hub):
    hub.commit("org/rows", {"data/train-1.parquet": parquet("a"), "data/train-2.parquet": parquet("b")})
    assert asked(SOURCE, resolve(SOURCE)) == ["a", "b"]
    hub.commit("org/rows", {"data/train-2.parquet": parquet("c")})
    hub.requests.clear()
    assert asked(SOURCE, resolve(SOURCE)) == ["a", "c"]
    assert hub.told() == {"GET info": 1, "HEAD resolve": 2, "GET blob": 1}


def test_of_a_repo_with_many_files_none_is_left_out(hub, monkeypatch):
    """The Hub cuts the list in a dataset's info short where a repo has many files, and does not say so."""
    monkeypatch.setattr("mig_dagster.sources.hub.listing._MANY_FILES", 4)
    names = [f"{index}.jsonl" for index in range(9)]
    hub.commit("org/rows", {name: rows(name) for name in names})
    hub.most_siblings, hub.page_size = 5, 4
    assert [file.path for file in resolve(SOURCE).files] == names
    assert hub.told() == {"GET info": 1, "GET tree": 3}
    assert asked(SOURCE) == names


CONFIGS = """---
configs:
- config_name: en
  data_files:
  - split: train
    path: [en/a.jsonl, "en/b*.jsonl"]
  - {split: test, path: en/test.jsonl}
- config_name: de
  data_dir: de
- config_name: all
  data_files: "**/*.jsonl"
---
# Rows
"""


def configured(hub, head: str = CONFIGS) -> None:
    names = ("en/a", "en/b1", "en/b2", "en/test", "de/dev", "de/train")
    hub.commit("org/rows", {"README.md": head} | {f"{name}.jsonl": rows(name) for name in names})


@pytest.mark.parametrize(
    ("config", "split", "expected"),
    [
        ("en", None, ["en/a", "en/b1", "en/b2"]),
        ("en", "test", ["en/test"]),
        ("de", None, ["de/train"]),
        ("de", "validation", ["de/dev"]),
        ("all", None, ["de/dev", "de/train", "en/a", "en/b1", "en/b2", "en/test"]),
    ],
)
def test_the_card_says_which_files_a_configuration_and_a_split_are(hub, config, split, expected):
    configured(hub)
    assert asked(Source("rows", URI, config=config, split=split)) == expected


def test_the_card_may_mark_a_configuration_as_the_default_one(hub):
    configured(hub, CONFIGS.replace("- config_name: en\n", "- config_name: en\n  default: true\n"))
    assert asked(SOURCE) == ["en/a", "en/b1", "en/b2"]


def test_a_configuration_or_split_that_must_be_named_or_is_not_there_comes_with_the_choices(hub):
    configured(hub)
    assert "has several configs and none that is the default: en, de, all. Name one of them" in failure(SOURCE)
    assert "has no config 'fr'. It has: en, de, all" in failure(Source("rows", URI, config="fr"))
    assert "has no split 'dev'. It has: train, test" in failure(Source("rows", URI, config="en", split="dev"))
    configured(hub, CONFIGS.replace("split: train", "split: train_sft").replace("en\n", "default\n", 1))
    assert "has several splits and none that is the default: train_sft, test" in failure(SOURCE)
    assert asked(Source("rows", URI, split="train_sft")) == ["en/a", "en/b1", "en/b2"]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("---\nconfigs: {a\n---\n", "has a card whose head is no YAML"),
        ("---\nconfigs: [a]\n---\n", "has a card whose `configs` is no list of mappings"),
        ("---\nconfigs:\n- data_files: none/*.jsonl\n---\n", "names files which are not there, or cannot be read"),
    ],
)
def test_a_card_that_cannot_be_used_says_how_to_do_without_it(hub, head, message):
    configured(hub, head)
    assert message in failure(SOURCE)
    assert "hf://datasets/org/name/folder" in failure(SOURCE)
    assert asked(Source("rows", f"{URI}/de")) == ["de/dev", "de/train"]


@pytest.mark.parametrize(
    ("paths", "split", "expected"),
    [
        (["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl", "extra.jsonl"], None, [0, 1]),
        (["data/train_sft-00000-of-00001.jsonl"], None, [0]),
        (["train.jsonl", "test.jsonl", "notes/train.jsonl.md"], None, [0]),
        (["my_training_set.jsonl", "valid.jsonl"], "validation", [1]),
        (["train/a.jsonl", "dev/b.jsonl"], None, [0]),
        (["x/b.jsonl", "a.jsonl", ".hidden/c.jsonl", "dataset_infos.json"], None, [1, 0]),
        (["constraints.jsonl", "latest.jsonl"], None, [0, 1]),
        (["evaluation.jsonl"], None, [0]),
    ],
)
def test_without_a_card_the_usual_layout_says_which_files_a_split_is(hub, paths, split, expected):
    hub.commit("org/rows", {path: rows(path) for path in paths})
    assert asked(Source("rows", URI, split=split)) == [paths[index] for index in expected]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("de", ["de/dev", "de/train"]), ("en/b*.jsonl", ["en/b1", "en/b2"]), ("en/a.jsonl", ["en/a"])],
)
def test_a_folder_a_pattern_or_a_file_in_the_uri_goes_before_the_card(hub, path, expected):
    configured(hub)
    assert asked(Source("rows", f"{URI}/{path}")) == expected
    assert hub.count(part="README") == 0


def test_a_path_that_means_no_file_says_what_is_there(hub):
    configured(hub)
    assert "has no file to read at 'fr'" in failure(Source("rows", f"{URI}/fr"))
    assert "It has: de/dev.jsonl, de/train.jsonl, en/a.jsonl, en/b1.jsonl, en/b2.jsonl and 1 more" in failure(
        Source("rows", f"{URI}/fr")
    )
    assert "`config` and `split` mean nothing" in failure(Source("rows", f"{URI}/de", split="train"))
    assert "has a pattern that cannot be read" in failure(Source("rows", f"{URI}/a**b"))


def test_a_dataset_that_is_only_code_is_read_from_the_hubs_parquet_copy_and_the_code_never_runs(hub):
    hub.commit("org/rows", {"rows.py": "raise SystemExit('ran')", "README.md": "# Rows"})
    copy = {"default/train/0000.parquet": parquet("a"), "default/test/0000.parquet": parquet("b")}
    sha = hub.commit("org/rows", copy, branch=CONVERTED)
    revision = resolve(SOURCE)
    assert (revision.id, hub.told()) == (sha, {"GET info": 2})
    assert asked(SOURCE, revision) == ["a"]
    assert (
        asked(Source("rows", URI, split="test")) == asked(Source("rows", f"{URI}@{CONVERTED}", split="test")) == ["b"]
    )
    hub.requests.clear()
    assert resolve(SOURCE, revision) == revision
    assert hub.told() == {"GET info": 2}
    assert "has no config 'en'. It has: default" in failure(Source("rows", URI, config="en"))


def test_a_dataset_without_a_file_to_read_says_so(hub):
    sha = hub.commit("org/rows", {"rows.py": "raise SystemExit('ran')"})
    assert "has no file to read, and the Hub has made no copy of it as Parquet files" in failure(SOURCE)
    assert "exists for the default branch only" in failure(Source("rows", URI, revision=sha))


def test_gated_private_missing_and_wrong_names_come_with_the_remedy(hub, monkeypatch):
    hub.commit("org/rows", {"train.jsonl": rows("a")}, gated="auto")
    hub.commit("org/private", {"train.jsonl": rows("a")}, private=True)
    terms = f"Accept the terms at {hub.url}/datasets/org/rows"
    private = Source("private", "hf://datasets/org/private")
    assert "is gated. " + terms in failure(SOURCE)
    assert "and set HF_TOKEN" in failure(SOURCE)
    assert "datasets/org/private: is not there, or is private. Check the name" in failure(private)
    hub.tokens["hf_known"] = set()
    monkeypatch.setenv("HF_TOKEN", "hf_known")
    assert "is gated, and the account of HF_TOKEN has no access. " + terms in failure(SOURCE)
    assert "is not there, or HF_TOKEN may not read it" in failure(private)
    assert "has no revision 'v9'. Branches, tags and commits are listed at" in failure(
        Source("rows", URI, revision="v9")
    )
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "the Hub does not know the token. Set HF_TOKEN to a valid token" in failure(SOURCE)
    hub.tokens["hf_known"] = {"org/rows", "org/private"}
    monkeypatch.setenv("HF_TOKEN", "hf_known")
    assert asked(SOURCE) == asked(private) == ["a"]


def test_a_disabled_dataset_and_a_token_of_too_little_worth_are_told_apart(hub):
    hub.commit("org/rows", {"train.jsonl": rows("a")}, disabled=True)
    assert "was disabled by the Hub" in failure(SOURCE)
    hub.repos["org/rows"].disabled = False
    hub.fail(403)
    assert "HF_TOKEN may not do this" in failure(SOURCE)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("hf://org/model", "is no address of a dataset on the Hub"),
        ("hf://datasets/rows", "is no address of a dataset on the Hub"),
        ("hf://datasets/org/rows@v1", "names revision 'v1', and the registry's `revision` is 'v2'"),
        ("hf://datasets/org/ro--ws", "is no name that a dataset on the Hub can have"),
    ],
)
def test_an_address_that_means_no_dataset_says_how_to_write_one(hub, uri, message):
    assert message in failure(Source("rows", uri, revision="v2"))
    assert hub.requests == []


def test_addresses_have_a_revision_and_a_path():
    for uri, revision, path in (
        (URI, None, ""),
        (f"{URI}/", None, ""),
        (f"{URI}@v1/data/*.parquet", "v1", "data/*.parquet"),
        (f"{URI}@{CONVERTED}/default", CONVERTED, "default"),
        (f"{URI}@refs%2Fpr%2F3", "refs/pr/3", ""),
    ):
        address = parse_address(uri)
        assert (address.repo, address.revision, address.path) == ("org/rows", revision, path)


def test_what_fails_for_a_moment_is_asked_again_and_what_goes_on_says_so(hub, no_wait):
    hub.commit("org/rows", {"train.jsonl": rows("a")})
    hub.fail(503)
    hub.fail(429, headers={"Retry-After": "7"})
    assert asked(SOURCE) == ["a"]
    assert no_wait == [1.0, 7.0]
    hub.fail(503, times=3)
    assert "cannot be read: the Hub answers 503. Run again later" in failure(SOURCE)
    hub.requests.clear()
    hub.fail(429, times=9, headers={"Retry-After": "900"})
    assert "too many requests (asked to wait 900 s). Run again later" in failure(SOURCE)
    assert hub.told() == {"GET info": 1}


def test_an_endpoint_that_is_no_hub_says_so(hub):
    hub.commit("org/rows", {"train.jsonl": rows("a")})
    hub.fail(200)
    assert f"what answers at {hub.url} does not speak as the Hub does. Check HF_ENDPOINT" in failure(SOURCE)
    hub.fail(200, times=9, part="/resolve/")
    assert "cannot be downloaded (" in failure(SOURCE)
    assert "check that it points to a Hub-compatible endpoint" in failure(SOURCE)


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, no_wait):
    hub.commit("org/rows", {"train.parquet": parquet(*map(str, range(500)))})
    hub.cut(1000, part="/blob/")
    assert len(asked(SOURCE)) == 500
    assert hub.told()["GET blob"] == 2


def test_a_hub_that_cannot_be_reached_says_where_it_was_looked_for(hub, no_wait):
    hub.commit("org/rows", {"train.jsonl": rows("a")})
    revision = resolve(SOURCE)
    assert asked(SOURCE, revision) == ["a"]
    hub.stop()
    assert f"cannot be reached at {hub.url}. Check the network and HF_ENDPOINT; HF_HUB_OFFLINE=1" in failure(SOURCE)
    assert asked(SOURCE, revision) == ["a"]  # what is pinned and in the cache needs no Hub


def test_offline_what_was_read_before_is_read_from_the_cache_and_the_rest_says_so(hub, monkeypatch):
    configured(hub)
    english = Source("rows", URI, config="en")
    revision = resolve(english)
    assert asked(english, revision) == ["en/a", "en/b1", "en/b2"]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    hub.requests.clear()
    assert resolve(english) == revision
    assert asked(english) == ["en/a", "en/b1", "en/b2"]
    for source in (Source("rows", URI, config="de"), Source("other", "hf://datasets/org/other")):
        assert "is not in the cache, and HF_HUB_OFFLINE is set. Unset HF_HUB_OFFLINE to download it" in failure(source)
    assert hub.requests == []


def test_the_token_reaches_a_process_of_its_own_and_stands_in_nothing_that_is_kept(hub, monkeypatch, tmp_path):
    token = "hf_verysecrettoken"
    monkeypatch.setenv("HF_TOKEN", token)
    hub.commit("org/rows", {"train.jsonl": rows("a"), "bad.jsonl": "{"}, gated="manual")
    hub.tokens[token] = {"org/rows"}
    script = f"from mig_dagster.sources import *; print(sum(1 for _ in read_source(Source('rows', {URI!r}))))"
    done = subprocess.run([sys.executable, "-c", script], env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert {request.token for request in hub.requests if "org/rows" in request.path} == {token}
    lake = Lake(Store(str(tmp_path / "home")))
    manifest = ingest(SOURCE, resolve(SOURCE), lake)
    hub.tokens[token] = set()
    failures = [failure(Source("rows", f"{URI}/bad.jsonl"))]
    hub.tokens.clear()
    failures.append(failure(SOURCE))
    kept = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in [*failures, done.stderr, str(manifest), *kept] if token in text]
    assert manifest.info["revision_kind"] == "commit"
    assert manifest.info["files"][0]["pin"].startswith("oid:")


def test_checking_a_hub_source_reads_the_split_that_is_asked_for(hub):
    configured(hub)
    (file,) = check(URI, config="en", split="test")["files"]
    assert (file["path"], file["accepted"]) == (f"{URI}@{resolve(Source('r', URI, config='en')).id}/en/test.jsonl", 1)
    assert "has several configs" in check(URI)["files"][0]["failure"]


def test_a_process_that_reads_local_files_loads_no_client_of_the_hub_or_s3():
    """They take half a second of every run."""
    script = "import sys, mig_dagster.sources; print({'huggingface_hub', 's3fs', 'botocore'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
