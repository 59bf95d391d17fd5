"""Whole rounds over folders and lists: what is found once is never found again, and what goes is removed."""

import shutil
from datetime import timedelta

import pytest

from mig_dagster.sources import RegistryError
from mig_dagster.sources.discovery import Event, record
from mig_dagster.sources.discovery.cursor import Cursor
from mig_dagster.sources.discovery.log import FOLDER
from tests.sources.discovery.finds import DAY, Project, happened

INBOX = "{name: inbox, folder: in}"


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    project.rules(INBOX)
    project.put("in/a.jsonl")
    project.put("in/b.jsonl")
    return project


def test_what_is_found_is_added_once_with_a_snapshot_in_the_ledger(project):
    assert happened(project.look()) == [("added", "a"), ("added", "b")]
    files = project.log.number, project.ledger.fragments("discoveries")
    assert happened(project.look(keep_cursor=False)) == happened(project.look()) == []
    assert (project.log.number, project.ledger.fragments("discoveries")) == files
    lines = project.ledger.read("discoveries").select("source", "rule", "event", "details").rows()
    assert lines == [(name, "inbox", "added", '{"bytes": 3, "files": 1}') for name in ("a", "b")]


def test_a_find_is_registered_as_its_rule_says(project):
    project.rules("{name: inbox, folder: in, licence: MIT, format: alpaca, columns: {output: answer}, priority: 3}")
    project.look()
    source = project.log.named("a").source
    assert (source.licence, source.format, source.columns, source.priority) == (
        "MIT",
        "alpaca",
        {"output": "answer"},
        3,
    )
    assert source.uri == str(project.folder / "in/a.jsonl")


def test_a_file_that_goes_is_removed_and_comes_back_with_its_name(project):
    project.look()
    (project.folder / "in/a.jsonl").unlink()
    found = project.look()
    assert happened(found) == [("removed", "a")]
    assert found.outcomes[0].events[0].reason == f"is no longer in {project.folder}/in"
    assert list(project.log.registered({})) == ["b"]
    assert happened(project.look()) == []
    project.put("in/a.jsonl")
    assert happened(project.look()) == [("added", "a")]
    assert project.states == {"a": "added", "b": "added"}
    assert project.ledger.read("discoveries").height == 2


def test_a_file_that_is_being_written_again_is_not_gone(project):
    project.look()
    project.put("in/a.jsonl", "{}\n{}\n", changed=DAY.timestamp())
    found = project.look()
    assert (happened(found), found.outcomes[0].waiting) == ([], ("a.jsonl",))


def test_a_folder_that_is_gone_or_empty_removes_nothing(project):
    project.look()
    shutil.rmtree(project.folder / "in")
    found = project.look()
    assert (happened(found), "there is no such folder" in found.outcomes[0].problem) == ([], True)
    (project.folder / "in").mkdir()  # a mount point without its disk
    found = project.look()
    assert happened(found) == []
    assert found.outcomes[0].notes == (
        f"{project.folder}/in is empty, and a, b stay: `mig-dagster sources remove` them if that is meant",
    )
    assert project.states == {"a": "added", "b": "added"}


def test_a_rule_that_now_looks_elsewhere_removes_nothing_it_found_before(project):
    project.look()
    project.put("other/c.jsonl")
    project.rules("{name: inbox, folder: other}")
    assert happened(project.look()) == [("added", "c")]
    project.rules()
    assert happened(project.look()) == []
    assert set(project.states.values()) == {"added"}


def test_a_proposal_waits_is_withdrawn_with_its_file_and_comes_back_as_a_proposal(project):
    project.rules("{name: inbox, folder: in, on_find: propose}")
    assert happened(project.look()) == [("proposed", "a"), ("proposed", "b")]
    assert project.log.registered({}) == {}
    path = project.folder / "in/a.jsonl"
    path.unlink()
    assert happened(project.look()) == [("removed", "a")]
    project.put("in/a.jsonl")
    assert happened(project.look()) == [("proposed", "a")]


@pytest.mark.parametrize("kind", ["rejected", "removed"])
def test_what_a_person_turned_away_is_never_found_again(project, kind):
    project.rules("{name: inbox, folder: in, on_find: propose}")
    project.look()
    path = str(project.folder / "in/a.jsonl")
    record(project.ledger.store, lambda state: [Event(kind, path, "a")] if state.entries[path].state != kind else [])
    assert happened(project.look(keep_cursor=False)) == []
    (project.folder / "in/a.jsonl").unlink()
    assert happened(project.look()) == []
    project.put("in/a.jsonl")
    assert happened(project.look()) == []
    assert project.states["a"] == kind


def test_a_declared_source_is_not_discovered_and_keeps_its_name(project):
    project.rules(INBOX, sources="sources:\n  - {name: mine, uri: in/a.jsonl}\n  - {name: b, uri: elsewhere.jsonl}")
    ((kind, name),) = happened(project.look())
    assert (kind, name[:2], len(name)) == ("added", "b-", 8)


def test_two_finds_of_one_name_are_told_apart_the_same_way_in_any_home(project, tmp_path):
    project.put("in/a.parquet")
    project.put("in/A.csv")
    names = [name for _, name in happened(project.look())]
    assert names[0] == "a"
    assert len(set(names)) == 4
    project.home, project.cursor = str(tmp_path / "other-home"), Cursor()
    assert [name for _, name in happened(project.look(keep_cursor=False))] == names


def test_a_limit_counts_finds_of_a_day_from_the_log_whatever_the_cursor_and_the_clock_do(project):
    project.rules("{name: inbox, folder: in, max_per_day: 2}")
    for name in "cdefg":
        project.put(f"in/{name}.jsonl")
    found = project.look()
    assert (happened(found), found.outcomes[0].tomorrow) == ([("added", "a"), ("added", "b")], 5)
    assert happened(project.look(keep_cursor=False)) == []
    assert happened(project.look(DAY + timedelta(days=1))) == [("added", "c"), ("added", "d")]
    assert happened(project.look(DAY)) == []  # the clock went back
    assert happened(project.look(DAY - timedelta(days=1))) == [("added", "e"), ("added", "f")]
    (project.folder / "in/a.jsonl").unlink()
    assert happened(project.look(DAY - timedelta(days=1))) == [("removed", "a")]
    project.put("in/a.jsonl")
    assert happened(project.look(DAY - timedelta(days=1))) == [("added", "a")]  # no new find
    assert happened(project.look(DAY + timedelta(days=2))) == [("added", "g")]
    assert set(project.states.values()) == {"added"}


def test_one_rule_that_fails_does_not_stop_the_others(project):
    project.rules("{name: broken, folder: nowhere}", "{name: listed, list: gone.txt}", INBOX)
    found = project.look()
    assert [bool(outcome.problem) for outcome in found.outcomes] == [True, True, False]
    assert happened(found) == [("added", "a"), ("added", "b")]


def test_a_place_that_does_not_answer_is_not_waited_for(project, monkeypatch):
    from threading import Event as Gate

    from mig_dagster.sources.discovery import look

    gate = Gate()
    monkeypatch.setattr(look, "find_in_list", lambda where, how: gate.wait(30))
    monkeypatch.setattr("mig_dagster.stages.discovery.LOOK_SECONDS", 0.5)
    project.rules("{name: listed, list: slow.txt}", INBOX)
    found = project.look()
    gate.set()
    assert found.outcomes[0].problem == "no answer within 0 s; nothing was changed on account of that"
    assert happened(found) == [("added", "a"), ("added", "b")]


def test_a_defect_of_ours_is_told_as_a_problem_of_its_rule(project, monkeypatch):
    from mig_dagster.sources.discovery import look

    monkeypatch.setattr(look, "find_in_list", lambda where, how: [][0])
    project.rules("{name: listed, list: x.txt}", INBOX)
    assert project.look().outcomes[0].problem == "IndexError('list index out of range')"


def test_a_file_that_two_rules_find_belongs_to_the_first(project):
    project.rules(INBOX, "{name: again, folder: in, on_find: propose}")
    assert happened(project.look()) == [("added", "a"), ("added", "b")]


def test_a_list_adds_and_removes_what_it_names(project):
    project.put("wanted.txt", "in/a.jsonl\nx/rows.jsonl\n")
    project.rules("{name: listed, list: wanted.txt}")
    assert happened(project.look()) == [("added", "a"), ("added", "rows")]
    project.put("wanted.txt", "in/a.jsonl\n")
    assert happened(project.look()) == [("removed", "rows")]
    project.put("wanted.txt", "")
    found = project.look()
    assert (happened(found), "is empty, and a stay" in found.outcomes[0].notes[0]) == ([], True)


def test_a_dry_run_says_what_would_happen_and_writes_nothing(project):
    assert happened(project.look(dry_run=True)) == [("added", "a"), ("added", "b")]
    assert not (project.folder / "home").exists()


def test_a_round_that_dies_before_the_log_is_written_finds_the_same_again(project, monkeypatch):
    from mig_dagster.stages import discovery

    def dies(store, decide, now, seen):
        decide(project.log)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(discovery, "record", dies)
        with pytest.raises(KeyboardInterrupt):
            project.look()
    assert happened(project.look()) == [("added", "a"), ("added", "b")]
    assert project.ledger.read("discoveries")["source"].to_list() == ["a", "b"]


def test_a_log_with_a_gap_or_a_torn_batch_is_an_error_that_names_the_object(project):
    for name in "cd":
        project.look()
        project.put(f"in/{name}.jsonl")
    project.look()
    path = project.folder / "home" / FOLDER / "00000002.json"
    text = path.read_text()
    path.write_text("{")
    with pytest.raises(RegistryError, match=r"00000002.json: is no batch of events .*; restore it"):
        project.look()
    path.unlink()
    with pytest.raises(RegistryError, match=r"00000002.json: is missing; restore it: later events build on it"):
        project.look()
    path.write_text(text)
    assert happened(project.look()) == []
