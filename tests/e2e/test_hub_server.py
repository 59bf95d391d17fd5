"""The server of these tests against the real client: what its other tests rely on."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

CARD = "---\nlicense: apache-2.0\nlanguage: [en]\ntask_categories: [text-generation]\n---\n# Rows\n"
ROWS = b'{"instruction": "a", "output": "b"}\n' * 1000


def fetch(path: str, revision: str = "main", name: str = "org/rows") -> bytes:
    return Path(hf_hub_download(name, path, repo_type="dataset", revision=revision)).read_bytes()


def test_info_tells_the_commit_the_files_and_the_card_of_any_revision(hub):
    first = hub.commit("org/rows", {"README.md": CARD, "data/train.parquet": b"PAR1", "a.jsonl": ROWS}, likes=7)
    hub.tag("org/rows", "v1", first)
    second = hub.commit("org/rows", {"a.jsonl": None}, branch="main")
    hub.commit("org/rows", {"default/train/0000.parquet": b"PAR1"}, branch="refs/convert/parquet")
    api = HfApi()
    info = api.dataset_info("org/rows", files_metadata=True)
    assert (info.sha, info.likes, info.card_data.license) == (second, 7, "apache-2.0")
    assert [(file.rfilename, file.size) for file in info.siblings] == [
        ("README.md", len(CARD)),
        ("data/train.parquet", 4),
    ]
    assert {"license:apache-2.0", "language:en"} <= set(info.tags)
    assert {api.dataset_info("org/rows", revision=name).sha for name in ("v1", first, first[:8])} == {first}
    converted = api.dataset_info("org/rows", revision="refs/convert/parquet")
    assert [file.rfilename for file in converted.siblings] == ["default/train/0000.parquet"]
    assert [entry.path for entry in api.list_repo_tree("org/rows", repo_type="dataset", recursive=True)]


def test_a_file_is_downloaded_as_it_was_at_its_commit(hub):
    first = hub.commit("org/rows", {"a.jsonl": ROWS})
    hub.commit("org/rows", {"a.jsonl": b"{}"})
    assert (fetch("a.jsonl"), fetch("a.jsonl", first)) == (b"{}", ROWS)


def test_a_large_file_comes_from_another_host_without_the_token_and_goes_on_where_it_broke_off(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.tokens["hf_secret"] = {"org/rows"}
    hub.commit("org/rows", {"a.parquet": ROWS}, private=True)
    hub.cut(1000, part="/blob/")
    assert fetch("a.parquet") == ROWS
    assert hub.told() == {"HEAD resolve": 1, "GET blob": 2}
    assert [request.token for request in hub.requests] == ["hf_secret", None, None]


def test_the_search_filters_sorts_and_has_pages(hub):
    for index in range(5):
        hub.commit(f"org/rows-{index}", {"README.md": CARD}, likes=index)
    hub.commit("other/rows", {"README.md": "# none"}, likes=9, private=True)
    hub.commit("other/gated", {"README.md": CARD}, gated="auto")
    hub.page_size = 2
    api = HfApi()
    found = list(api.list_datasets(author="org", filter=["license:apache-2.0"], sort="likes", full=True))
    assert [info.id for info in found] == [f"org/rows-{index}" for index in (4, 3, 2, 1, 0)]
    assert (found[0].card_data.license, hub.told()) == ("apache-2.0", {"GET search": 3})
    assert [info.id for info in api.list_datasets(search="rows", sort="likes", limit=1)] == ["org/rows-4"]
    assert [info.id for info in api.list_datasets(gated=True, expand=["likes"])] == ["other/gated"]


def test_what_is_missing_private_or_gated_says_so_as_the_hub_does(hub, monkeypatch):
    hub.commit("org/rows", {"a.jsonl": ROWS})
    hub.commit("org/private", {"a.jsonl": ROWS}, private=True)
    hub.commit("org/gated", {"a.jsonl": ROWS}, gated="manual")
    hub.tokens["hf_known"] = set()
    for token in (None, "hf_known"):
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(RevisionNotFoundError):
            HfApi().dataset_info("org/rows", revision="v9")
        with pytest.raises(EntryNotFoundError):
            fetch("b.jsonl")
        for name in ("org/private", "org/missing"):
            with pytest.raises(RepositoryNotFoundError):
                HfApi().dataset_info(name)
        with pytest.raises(GatedRepoError):
            fetch("a.jsonl", name="org/gated")
        assert HfApi().dataset_info("org/gated").gated == "manual"
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi().dataset_info("org/rows")
    assert hub.seen_tokens == {None, "hf_known", "hf_wrong"}


def test_a_failure_comes_as_often_as_asked(hub):
    hub.commit("org/rows", {"a.jsonl": ROWS})
    hub.fail(503)
    with pytest.raises(HfHubHTTPError, match="503"):
        HfApi().dataset_info("org/rows")
    assert HfApi().dataset_info("org/rows").id == "org/rows"
