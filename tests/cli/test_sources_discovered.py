"""The commands about what was discovered: list, remove, discover, proposals, refresh; and adding what is on the Hub."""

import json
import os

import pytest

from mig_dagster.cli.sources import discovering, refreshing
from mig_dagster.lineage import Ledger
from mig_dagster.sources import load_registry, resolve
from mig_dagster.sources.discovery import read_log
from mig_dagster.storage import Store
from tests.cli.running import run
from tests.sources.discovery.finds import Project

ROW = '{"instruction": "Add 1 and 2.", "input": "", "output": "3"}\n'


class Commands(Project):
    """A project whose registry and home the commands find by the environment."""

    def __call__(self, *args: object) -> tuple[int, str, str]:
        return run("sources", *args)

    def json(self, *args: object) -> dict:
        code, stdout, stderr = self(*args, "--json")
        assert code == 0, stderr
        return json.loads(stdout)

    @property
    def registered(self) -> dict[str, str]:
        return {line["name"]: line["state"] for line in self.json("list")["sources"]}


def cells(table: str) -> list[list[str]]:
    """Return the cells of the lines of a Markdown table."""
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines() if "|" in line]
    return lines[2:]


@pytest.fixture
def sources(tmp_path, monkeypatch):
    project = Commands(tmp_path)
    monkeypatch.setenv("MIG_SOURCES", str(project.registry))
    monkeypatch.setenv("MIG_HOME", project.home)
    monkeypatch.setattr(discovering, "SECOND_LOOK_SECONDS", 0.0)
    project.rules("{name: inbox, folder: in}", "{name: ask, folder: ask, on_find: propose}")
    project.put("in/a.jsonl", ROW)
    project.put("ask/b.jsonl", ROW)
    return project


def test_discover_adds_and_proposes_and_a_second_time_nothing(sources):
    code, stdout, _ = sources("discover", "--dry-run")
    assert (code, "would be" in stdout, sources.log.number) == (0, True, 0)
    code, stdout, _ = sources("discover")
    assert code == 0
    assert [line[:3] for line in cells(stdout)] == [["inbox", "added", "a"], ["ask", "proposed", "b"]]
    assert "`mig-dagster sources proposals approve NAME` makes a proposal a source" in stdout
    assert sources("discover")[1] == "nothing new\n"
    assert [rule["events"] for rule in sources.json("discover")["rules"]] == [[], []]


def test_a_rule_that_fails_is_told_after_what_the_others_did_and_exits_1(sources):
    sources.rules("{name: inbox, folder: in}", "{name: lost, folder: nowhere}")
    code, stdout, stderr = sources("discover", "--json")
    rules = json.loads(stdout)["rules"]
    assert (code, rules[0]["events"][0]["name"], rules[0]["problem"]) == (1, "a", None)
    assert "there is no such folder" in rules[1]["problem"]
    assert stderr.startswith("rule lost: ")


def test_without_rules_discover_says_what_to_write(sources):
    sources.rules()
    code, _, stderr = sources("discover")
    assert code == 2
    assert "has no rule under `discovery:`; add one, as `- name: inbox` with `folder: inbox`" in stderr


def test_a_file_that_was_just_copied_is_taken_at_a_second_look_and_an_empty_one_is_told(sources):
    os.utime(sources.put("in/new.jsonl", ROW))
    sources.put("in/empty.jsonl", "")
    sources.rules("{name: inbox, folder: in, max_per_day: 1}")
    code, _, stderr = sources("discover")
    assert (code, list(sources.states)) == (0, ["a"])
    assert "rule inbox: 'empty.jsonl' is being written; look again when it is whole" in stderr
    assert "rule inbox: 1 more wait for tomorrow, by its max_per_day" in stderr


def test_list_shows_declared_and_discovered_sources_with_their_state_and_rule(sources):
    sources("add", "mine", sources.put("mine.jsonl", ROW))
    sources("discover")
    assert sources.registered == {"a": "added", "mine": "declared"}
    found = sources.json("list")["sources"][0]
    assert (found["rule"], found["place"], found["uri"]) == (
        "inbox",
        f"{sources.folder}/in",
        f"{sources.folder}/in/a.jsonl",
    )
    every = {line["name"]: line["state"] for line in sources.json("list", "--all")["sources"]}
    assert every == {"a": "added", "b": "proposed", "mine": "declared"}
    _, stdout, _ = sources("list", "--all")
    assert [line[-2:] for line in cells(stdout)] == [["added", "inbox"], ["declared", "-"], ["proposed", "ask"]]


def test_proposals_are_listed_approved_and_rejected(sources):
    sources.put("ask/c.jsonl", ROW)
    sources("discover")
    waiting = sources.json("proposals")["proposals"]
    assert [(line["name"], line["state"], line["details"]["files"]) for line in waiting] == [
        ("b", "proposed", 1),
        ("c", "proposed", 1),
    ]
    code, stdout, _ = sources("proposals")
    assert (code, "ask/b.jsonl" in stdout) == (0, True)
    assert sources("proposals", "reject", "b")[1] == "rejected b\n"
    assert "approved c; a running `make dev` reads it within 30 seconds" in sources("proposals", "approve", "c")[1]
    assert sources.registered == {"a": "added", "c": "approved"}
    assert sources.json("proposals") == {"proposals": [], "held": []}
    assert sources("discover")[1] == "nothing new\n"
    assert sources.json("proposals", "approve", "b") == {"approved": ["b"]}  # on second thoughts
    assert sources.states == {"a": "added", "b": "approved", "c": "approved"}


def test_a_decision_is_taken_on_all_names_or_on_none(sources):
    sources("discover")
    code, _, stderr = sources("proposals", "approve", "b", "unknown")
    assert (code, stderr) == (2, "error: nothing called 'unknown' was discovered or is held; proposals are: b\n")
    code, _, stderr = sources("proposals", "reject", "a")
    assert stderr == "error: source 'a' is added and cannot be rejected; `mig-dagster sources remove` takes it out\n"
    assert sources.states == {"a": "added", "b": "proposed"}
    assert sources.json("proposals", "reject", "b", "b") == {"rejected": ["b", "b"]}
    assert "is rejected and cannot be rejected" in sources("proposals", "reject", "b")[2]


def test_a_discovered_source_that_is_removed_stays_away(sources):
    sources("discover")
    code, stdout, _ = sources("remove", "a")
    assert (code, stdout) == (
        0,
        "removed a from the discovered sources; a running `make dev` rebuilds the pool without it\n",
    )
    assert sources("discover")[1] == "nothing new\n"
    assert sources.states["a"] == "removed"
    assert sources("remove", "a")[2] == "error: source 'a' is not registered but removed; it stays so\n"
    assert (
        "is not registered but proposed; `mig-dagster sources proposals reject` turns it down"
        in sources("remove", "b")[2]
    )
    assert "no source is called 'x' in " in sources("remove", "x")[2]


def test_a_declared_source_that_is_removed_is_not_found_again_by_the_rule_that_watches_its_folder(sources):
    sources("add", "mine", sources.folder / "in/a.jsonl")
    sources("discover")
    assert sources.registered == {"mine": "declared"}
    assert sources.json("remove", "mine") == {"removed": "mine", "declared": True}
    assert sources("discover")[1] == "nothing new\n"
    assert sources.registered == {}


def test_a_name_that_is_declared_and_discovered_is_removed_as_both(sources):
    sources("discover")
    sources("add", "a", sources.put("other.jsonl", ROW))
    sources("remove", "a")
    assert sources.registered == {}


def test_a_declared_source_is_removed_without_a_home_where_there_are_no_rules(sources):
    sources.rules()
    sources("add", "mine", sources.put("mine.jsonl", ROW))
    sources("remove", "mine")
    assert not (sources.folder / "home").exists()


def test_commands_work_with_a_home_on_s3(sources, moto_s3, monkeypatch):
    moto_s3.use(monkeypatch)
    home = f"{moto_s3.bucket()}/home"
    monkeypatch.setenv("MIG_HOME", home)
    sources("discover")
    sources("proposals", "approve", "b")
    assert sources.registered == {"a": "added", "b": "approved"}
    assert read_log(Store(home)).number == 2


def test_what_strangers_wrote_cannot_colour_the_terminal(sources, hub):
    hub.commit(
        "org/rows",
        {"README.md": '---\nlicense: "\\e[31mmit[bold]"\ntags: [sft]\n---\n'},
        tags=["sft"],
        gated="auto",
        likes=3,
    )
    sources.rules("{name: hub, hub: {tags: [sft]}}")
    sources("discover")
    _, stdout, _ = sources("proposals")
    assert "\x1b" not in stdout
    assert r"\x1b[31mmit[bold]" in stdout
    assert f"gated: accept the terms at {hub.url}/datasets/org/rows and set HF_TOKEN" in stdout
    assert "gated: accept the terms" in sources("proposals", "approve", "org--rows")[1]


def test_a_dataset_of_the_hub_is_added_by_its_bare_id_with_its_pins(sources, hub):
    sha = hub.commit("Org/rows", {"train.jsonl": ROW, "test.jsonl": ROW, "README.md": "# Rows"})
    code, stdout, stderr = sources("add", "rows", "Org/rows", "--revision", sha, "--split", "test")
    assert code == 0, stderr
    source = load_registry(sources.registry)["rows"]
    assert (source.uri, source.revision, source.split) == ("hf://datasets/Org/rows", sha, "test")
    assert "added rows (hf://datasets/Org/rows)" in stdout
    code, stdout, _ = sources("check", "Org/rows", "--json")
    assert (code, sum(file["accepted"] for file in json.loads(stdout)["files"])) == (0, 1)


def test_a_path_is_never_taken_for_a_dataset_of_the_hub(sources, hub, monkeypatch):
    monkeypatch.chdir(sources.folder)
    for path in ("in/absent", "nowhere/rows.jsonl", "in/a.jsonl"):
        sources("check", path)
    assert hub.requests == []


def test_a_source_can_be_added_without_reading_it(sources, hub):
    code, stdout, _ = sources("add", "later", "s3://bucket/rows", "--no-check", "--json")
    assert (code, json.loads(stdout)["added"], json.loads(stdout)["files"]) == (0, True, [])
    assert sources("add", "more", "org/later", "--no-check", "--config", "en")[0] == 0
    source = load_registry(sources.registry)["more"]
    assert (source.uri, source.config, hub.requests) == ("hf://datasets/org/later", "en", [])


def read_once(sources: Commands) -> None:
    """Note in the ledger that every source was read, as a run does."""
    ledger = Ledger(Store(sources.home))
    for name in sources.registered:
        (source,) = [entry.source for entry in sources.log.entries.values() if entry.source.name == name]
        revision = resolve(source)
        files = [{"path": f.path, "size": f.size, "stamp": f.stamp, "sha256": f.sha256} for f in revision.files]
        line = {"source": name, "revision": revision.id, "files": json.dumps(files)}
        ledger.record("revisions", [line], asset="raw_pool", partition=name, run_id="1")


def test_refresh_shows_what_changed_before_it_asks_for_it(sources):
    sources.put("in/c.jsonl", ROW)
    sources("discover")
    read_once(sources)
    _, stdout, _ = sources("refresh", "--yes")
    assert ("unchanged" in stdout, "asked for" in stdout, sources.log.refreshes) == (True, False, {})
    sources.put("in/a.jsonl", ROW + ROW, changed=2000.0)
    plan = sources.json("refresh", "--dry-run")
    assert [(line["source"], line["state"]) for line in plan["sources"]] == [("a", "changed"), ("c", "unchanged")]
    assert (plan["asked"], sources.log.refreshes) == ([], {})
    code, stdout, _ = sources("refresh", "a", "--yes")
    assert code == 0
    assert f"a: changed a.jsonl ({len(ROW)} -> {2 * len(ROW)} bytes)" in stdout
    assert sources.log.refreshes == {"a": 2}
    assert sources.json("refresh", "c", "--yes")["asked"] == []


def test_refresh_asks_a_person_and_takes_no_for_an_answer(sources, monkeypatch):
    sources("discover")
    monkeypatch.setattr(refreshing, "_can_ask", lambda: True)
    answers = iter([False, True])
    asked = []
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text) or next(answers))
    assert "asked for" not in sources("refresh")[1]
    assert "asked for; a running `make dev` looks at them within 30 seconds" in sources("refresh")[1]
    assert asked == ["Read 1 source again, and what is made from their new rows?"] * 2


def test_refresh_tells_what_it_cannot_do(sources):
    sources("discover")
    code, _, stderr = sources("refresh")
    assert (code, stderr) == (
        2,
        "error: nobody can be asked here: pass --yes to go ahead, or --dry-run to see what would change\n",
    )
    assert "no source is called 'x'; there are: a" in sources("refresh", "x", "--yes")[2]
    (sources.folder / "in/a.jsonl").unlink()
    code, stdout, stderr = sources("refresh", "--yes")
    assert (code, "unreadable" in stdout, "in/a.jsonl" in stderr) == (1, True, True)
