"""Searching the Hub, with the real client against a server that speaks its API."""

import datetime
from datetime import timedelta

import pytest

from mig_dagster.sources.discovery.cursor import HUB_SECONDS, RETRY_SECONDS
from mig_dagster.sources.discovery.found import DiscoveryError, Found, Look
from mig_dagster.sources.discovery.hub import CARD_CHARACTERS, described, find_on_hub
from mig_dagster.sources.discovery.rules import HubSearch
from tests.sources.discovery.finds import DAY, Project, happened

LOOK = Look(0.0)
ROWS = b'{"instruction": "a", "output": "b"}\n'


def card(licence="mit", rows=5000, size="1K<n<10K", tags=("sft",), text="# Rows\n", task="text-generation"):
    head = {
        "license": licence,
        "task_categories": [task],
        "size_categories": [size],
        "tags": list(tags),
        "dataset_info": {"download_size": rows * 100, "splits": [{"name": "train", "num_examples": rows}]},
    }
    lines = "\n".join(f"{key}: {value!r}" for key, value in head.items() if value is not None)
    return f"---\n{lines}\n---\n{text}".replace("None", "null")


def repo(hub, name, likes=10, day=1, tags=("sft",), **of):
    created = datetime.datetime(2026, 1, day, tzinfo=datetime.UTC)
    hub.commit(
        name,
        {
            "README.md": card(
                tags=tags, **{k: of.pop(k) for k in ("licence", "rows", "size", "text", "task") if k in of}
            ),
            "a.jsonl": ROWS,
        },
        likes=likes,
        created=created,
        tags=list(tags),
        **of,
    )


def ids(search):
    return [found.name for found in find_on_hub(search, LOOK).found]


@pytest.fixture
def some(hub):
    repo(hub, "org/Rows", likes=30, day=1)
    repo(hub, "org/small", likes=20, day=2, rows=10, size="n<1K")
    repo(hub, "other/gpl", likes=25, day=3, licence="gpl-3.0")
    repo(hub, "other/none", likes=40, day=4, licence=None)
    repo(hub, "other/untagged", likes=50, day=5, tags=())
    repo(hub, "other/chess", likes=5, day=6, task="other")
    return hub


@pytest.mark.parametrize(
    ("search", "names"),
    [
        (HubSearch(("sft",)), ["other/chess", "other/none", "other/gpl", "org/small", "org/Rows"]),
        (HubSearch(("sft",), min_likes=20), ["other/none", "org/Rows", "other/gpl", "org/small"]),
        (HubSearch(("sft",), licences=("MIT",)), ["other/chess", "org/small", "org/Rows"]),
        (HubSearch(author="org"), ["org/small", "org/Rows"]),
        (HubSearch(search="ROWS"), ["org/Rows"]),
        (HubSearch(task="other"), ["other/chess"]),
        (HubSearch(("sft",), author="org", sizes=("n<1K",)), ["org/small"]),
        (HubSearch(author="org", sizes=("n<1K", "1K<n<10K")), ["org/small", "org/Rows"]),
        (HubSearch(author="org", min_rows=11), ["org/Rows"]),
        (HubSearch(author="org", max_rows=10), ["org/small"]),
        (HubSearch(author="org", max_bytes=1000), ["org/small"]),
        (HubSearch(("sft", "absent")), []),
    ],
)
def test_a_search_finds_what_keeps_all_its_limits(some, search, names):
    assert ids(search) == names


def test_a_find_says_what_the_hub_says_of_it(some):
    found = find_on_hub(HubSearch(search="Rows"), LOOK).found[0]
    assert (found.uri, found.licence) == ("hf://datasets/org/Rows", "mit")
    told = {key: found.details[key] for key in ("likes", "gated", "rows", "bytes", "sizes", "page", "created_at")}
    assert told == {
        "likes": 30,
        "gated": False,
        "rows": 5000,
        "bytes": 500_000,
        "sizes": ["1K<n<10K"],
        "page": f"{some.url}/datasets/org/Rows",
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    assert len(found.details["sha"]) == 40


def test_what_a_card_does_not_state_keeps_no_limit_and_a_disabled_repo_is_not_found(hub):
    odd = "---\ndataset_info: [words, {splits: [1]}, {download_size: many}]\nlicense: [mit, gpl]\n---\n"
    hub.commit("org/odd", {"README.md": odd})
    hub.commit("org/bare", {"README.md": "no head"})
    hub.commit("org/off", {"README.md": "x"}, disabled=True)
    assert sorted(ids(HubSearch(author="org"))) == ["org/bare", "org/odd"]
    for limit in ({"max_rows": 10**9}, {"max_bytes": 10**12}, {"sizes": ("n<1K", "n>1T")}, {"licences": ("mit",)}):
        assert ids(HubSearch(author="org", **limit)) == []
    assert ids(HubSearch(author="org", licences=("mit", "gpl"))) == ["org/odd"]


def test_one_look_is_one_request_a_page_and_stops_where_the_likes_end(hub):
    for number in range(9):
        repo(hub, f"org/rows-{number}", likes=number)
    hub.page_size = 2
    assert len(ids(HubSearch(author="org"))) == 9
    assert hub.told() == {"GET search": 5}
    hub.requests.clear()
    assert len(ids(HubSearch(author="org", min_likes=6))) == 3
    assert hub.told() == {"GET search": 2}


def test_a_search_that_finds_too_much_says_so(hub, monkeypatch):
    monkeypatch.setattr("mig_dagster.sources.discovery.hub.LOOKED_AT", 3)
    for number in range(9):
        repo(hub, f"org/rows-{number}")
    findings = find_on_hub(HubSearch(author="org"), LOOK)
    assert (len(findings.found), findings.notes) == (
        3,
        ("the search has more than the 3 datasets that were looked at; narrow it",),
    )


def test_a_hub_that_refuses_or_is_out_of_reach_is_an_error(hub, monkeypatch):
    hub.fail(400, times=9)
    with pytest.raises(
        DiscoveryError, match=r"the Hub cannot be searched \(Bad request.*\); nothing was changed .* HF_TOKEN"
    ):
        find_on_hub(HubSearch(author="org"), LOOK)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DiscoveryError, match="HF_HUB_OFFLINE"):
        find_on_hub(HubSearch(author="org"), LOOK)


def test_a_card_is_kept_as_it_is_and_cut(hub):
    text = "<script>alert(1)</script> \x1b[31m [link](javascript:x) " + "x" * CARD_CHARACTERS
    repo(hub, "org/rows", text=text)
    found = described(find_on_hub(HubSearch(author="org"), LOOK).found[0])
    assert "<script>alert(1)</script> \x1b[31m" in found.card
    assert len(found.card) == CARD_CHARACTERS


def test_what_a_list_names_on_the_hub_is_asked_about_at_its_revision(hub):
    first = hub.commit("org/rows", {"README.md": card(text="old")})
    hub.commit("org/rows", {"README.md": card(text="new", licence="gpl")})
    found = described(Found(f"hf://datasets/org/rows@{first}", "org/rows"))
    assert (found.details["sha"], found.licence, found.card[-3:]) == (first, "mit", "old")


def test_what_the_hub_does_not_give_away_is_left_out_with_the_reason(hub):
    hub.commit("org/bare", {"a.jsonl": ROWS})
    hub.commit("org/gated", {"README.md": card()}, gated="auto")
    bare, gated = (described(Found(f"hf://datasets/org/{name}", f"org/{name}")) for name in ("bare", "gated"))
    assert (bare.card, "problem" in bare.details) == (None, False)
    assert (gated.card, gated.details["gated"], gated.licence) == (None, "auto", "mit")
    assert "accept the terms at" in gated.details["remedy"]
    missing = described(Found("hf://datasets/org/none", "org/none"))
    assert "is not there, or is private" in missing.details["problem"]
    assert "is no address of a dataset" in described(Found("hf://models/x", "x")).details["problem"]


def test_a_full_disk_costs_the_card_and_not_the_find(hub, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    repo(hub, "org/rows")
    monkeypatch.setattr("huggingface_hub.HfApi.hf_hub_download", full)
    found = described(find_on_hub(HubSearch(author="org"), LOOK).found[0])
    assert (found.card, found.licence) == (None, "mit")
    assert "No space left on device" in found.details["problem"]
    assert "HF_HOME" in found.details["problem"]


RULE = "{name: sft, hub: {tags: [sft], min_likes: 10}"


@pytest.fixture
def project(tmp_path, some):
    project = Project(tmp_path)
    project.rules(RULE + ", max_per_day: 2}")
    return project


def test_hub_finds_are_proposals_the_most_liked_first_and_so_many_a_day(project, some):
    found = project.look()
    assert happened(found) == [("proposed", "other--none"), ("proposed", "org--rows")]
    assert found.outcomes[0].tomorrow == 2
    lines = project.ledger.read("discoveries").select("source", "licence", "likes", "card").rows()
    assert [line[:3] for line in lines] == [("other--none", None, 40), ("org--rows", "mit", 30)]
    assert lines[1][3].endswith("# Rows\n")
    assert project.log.registered({}) == {}
    assert happened(project.look(DAY + timedelta(days=1))) == [("proposed", "other--gpl"), ("proposed", "org--small")]
    assert happened(project.look(DAY + timedelta(days=2))) == []


def test_the_hub_is_asked_every_six_hours_at_once_by_an_edited_rule_and_after_a_failure_soon(project, some):
    def searches(after: float) -> int:
        some.requests.clear()
        project.look(DAY + timedelta(seconds=after))
        return some.count("GET", "/api/datasets?")

    assert [searches(0), searches(HUB_SECONDS - 1), searches(HUB_SECONDS)] == [1, 0, 1]
    project.rules(RULE + ", max_per_day: 1}")
    assert searches(HUB_SECONDS + 1) == 1
    assert searches(-HUB_SECONDS) == 1  # the clock went back
    project.rules(RULE + ", max_per_day: 3}")
    some.fail(400)
    assert [searches(0), searches(RETRY_SECONDS - 1), searches(RETRY_SECONDS)] == [1, 0, 1]
    assert "sft" in project.look(DAY + timedelta(seconds=RETRY_SECONDS + 1)).resting


def test_a_gated_find_is_a_proposal_even_where_finds_are_added(project, some):
    repo(some, "org/gated", likes=99, gated="manual")
    project.rules(RULE + ", on_find: add}")
    assert happened(project.look())[:2] == [("proposed", "org--gated"), ("added", "other--none")]
    assert "accept the terms at" in project.log.named("org--gated").details["remedy"]


def test_a_dataset_that_is_declared_in_any_form_is_not_found(project):
    project.rules(
        RULE + "}",
        sources="sources:\n  - {name: a, uri: hf://datasets/org/Rows@v1}\n  - {name: b, uri: hf://datasets/other/gpl/x}",
    )
    assert [name for _, name in happened(project.look())] == ["other--none", "org--small"]


def test_what_there_was_no_time_to_ask_about_waits_for_the_next_look_which_is_soon(project, monkeypatch):
    monkeypatch.setattr("mig_dagster.stages.discovery.DESCRIBED", 1)
    project.rules(RULE + "}")
    found = project.look()
    assert (happened(found), found.outcomes[0].next_look) == ([("proposed", "other--none")], 3)
    assert happened(project.look(DAY + timedelta(seconds=30))) == [("proposed", "org--rows")]


def test_a_hub_rule_removes_nothing_when_a_dataset_is_gone(project, some):
    project.look()
    del some.repos["org/Rows"]
    assert happened(project.look(DAY + timedelta(hours=7))) == []
    assert project.states["org--rows"] == "proposed"


def test_a_list_of_hub_datasets_is_added_with_their_cards(project, some):
    project.put("wanted.txt", "hf://datasets/org/Rows\nhf://datasets/other/none@main\n")
    project.rules("{name: listed, list: wanted.txt, licence: unknown}")
    assert happened(project.look()) == [("added", "org--rows"), ("added", "other--none")]
    lines = project.ledger.read("discoveries").select("uri", "licence", "likes").rows()
    assert lines == [("hf://datasets/org/Rows", "mit", 30), ("hf://datasets/other/none@main", "unknown", 40)]
