import re
from pathlib import Path

import pytest

from mig_dagster.sources import RegistryError, Source, add_source, load_registry, remove_source
from mig_dagster.sources.discovery.rules import Folder, HubSearch, ListFile, Rule, load_rules

RULES = """\
sources: []
discovery:
  - name: sft-on-the-hub
    hub: {tags: [sft, "language:en"], task: text-generation, sizes: [10K<n<100K], licences: [mit], min_likes: 20}
  - name: inbox
    folder: inbox/
    licence: ours
    priority: 2
    format: sharegpt
    columns: {conversations: turns}
  - name: bucket
    folder: s3://bucket/in
    on_find: propose
    max_per_day: 3
  - name: wanted
    list: wanted.txt
"""


def registry(folder: Path, text: str) -> Path:
    path = folder / "sources.yaml"
    path.write_text(text)
    return path


def rule(text: str) -> str:
    return f"sources: []\ndiscovery:\n  - {text}\n"


def test_rules_come_in_the_order_of_the_file_with_paths_from_its_folder(tmp_path):
    search = HubSearch(
        ("sft", "language:en"), None, "text-generation", None, ("10K<n<100K",), None, None, None, ("mit",), 20
    )
    assert load_rules(registry(tmp_path, RULES)) == [
        Rule("sft-on-the-hub", search, "propose", 5),
        Rule("inbox", Folder(f"{tmp_path}/inbox"), "add", None, "ours", "sharegpt", {"conversations": "turns"}, 2),
        Rule("bucket", Folder("s3://bucket/in"), "propose", 3),
        Rule("wanted", ListFile(f"{tmp_path}/wanted.txt"), "add"),
    ]


@pytest.mark.parametrize("text", ["sources: []\n", "sources: []\ndiscovery:\n", "sources: []\ndiscovery: []\n"])
def test_a_registry_needs_no_rules(tmp_path, text):
    assert load_rules(registry(tmp_path, text)) == []


def test_rules_and_sources_live_in_one_file_and_editing_sources_leaves_the_rules_alone(tmp_path):
    path = registry(tmp_path, RULES)
    add_source(path, Source("a", "data/a.jsonl"))
    assert list(load_registry(path)) == ["a"]
    assert len(load_rules(path)) == 4
    remove_source(path, "a")
    assert path.read_text() == RULES


def test_sources_may_stand_behind_the_rules(tmp_path):
    path = registry(tmp_path, "discovery:\n  - {name: a, folder: in}\nsources: []\n")
    add_source(path, Source("b", "b.jsonl"))
    assert (list(load_registry(path)), [rule.name for rule in load_rules(path)]) == (["b"], ["a"])
    remove_source(path, "b")
    assert load_registry(path) == {}


def test_a_mistake_in_a_rule_leaves_the_sources_readable(tmp_path):
    path = registry(tmp_path, "sources:\n  - {name: a, uri: a.jsonl}\ndiscovery:\n  - {name: x}\n")
    assert list(load_registry(path)) == ["a"]


MISTAKES = {
    "no list": ("sources: []\ndiscovery: {}\n", "sources.yaml:2: `discovery` must be a list, for instance:"),
    "no mapping": (rule("a"), "sources.yaml:3: each rule is a mapping"),
    "an unknown key": (rule("{name: a, foldr: x}"), "sources.yaml:3: unknown key 'foldr'; did you mean 'folder'?"),
    "no name": (rule("folder: x"), "sources.yaml:3: a rule needs a `name`; this one has folder"),
    "a name that is no slug": (rule("{name: A b, folder: x}"), "name 'A b' is no slug"),
    "no place": (rule("name: a"), "looks in exactly one place, `hub`, `folder` or `list`; this one names none"),
    "two places": (rule("{name: a, folder: x, list: y}"), "this one names `folder` and `list`"),
    "a name twice": (rule("{name: a, folder: x}\n  - {name: a, list: y}"), "sources.yaml:4: name 'a' is used twice"),
    "an empty folder": (rule('{name: a, folder: " "}'), "`folder` is empty; write a folder or s3://bucket/prefix"),
    "a password": (
        rule('{name: a, list: "https://me:' + 'secret@host/l.txt"}'),
        "sources.yaml:3: `list` holds a password",
    ),
    "the Hub as a folder": (rule("{name: a, folder: hf://datasets/o}"), "the Hub is searched by a rule with `hub:"),
    "another on_find": (rule("{name: a, folder: x, on_find: ask}"), "`on_find` is 'ask', expected add or propose"),
    "no finds a day": (rule("{name: a, folder: x, max_per_day: 0}"), "`max_per_day` is 0, expected a whole number of"),
    "negative hours": (rule("{name: a, folder: x, max_gpu_hours: -1}"), "`max_gpu_hours` is -1, expected a number of"),
    "an unknown format": (rule("{name: a, folder: x, format: alpacca}"), "did you mean 'alpaca'?"),
    "unknown columns": (rule("{name: a, folder: x, columns: {outpt: y}}"), "`columns` names 'outpt'"),
    "hub as text": (rule("{name: a, hub: sft}"), "`hub` is 'sft', expected a mapping, for instance hub: {tags: [sft]"),
    "an unknown limit": (rule("{name: a, hub: {tag: [x]}}"), "unknown key 'tag'; did you mean 'tags'?"),
    "the whole Hub": (rule("{name: a, hub: {min_likes: 3}}"), "`hub` names none of `tags`, `author`, `task` or"),
    "a tag that is no text": (rule("{name: a, hub: {tags: [1]}}"), "`tags` holds 1, expected text"),
    "no tag": (rule("{name: a, hub: {tags: []}}"), "`tags` is an empty list; name one, or leave the key out"),
    "tags as text": (rule("{name: a, hub: {tags: x}}"), "`tags` is 'x', expected a list of tags"),
    "an unknown size": (rule("{name: a, hub: {tags: [x], sizes: [small]}}"), "unknown size 'small'; Known are: n<1K"),
    "fewer than none": (rule("{name: a, hub: {tags: [x], min_likes: -1}}"), "`min_likes` is -1, expected a whole"),
    "limits the wrong way": (rule("{name: a, hub: {tags: [x], min_rows: 9, max_rows: 3}}"), "`min_rows` 9 is above"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_with_its_line_and_the_remedy(tmp_path, text, message):
    with pytest.raises(RegistryError, match=r"sources.yaml:\d") as caught:
        load_rules(registry(tmp_path, text))
    assert re.search(re.escape(message), str(caught.value))


def test_a_limit_of_gpu_hours_goes_from_rules_and_sources_to_what_they_name(tmp_path):
    path = registry(tmp_path, "sources: []\ndiscovery:\n  - {name: a, folder: in, max_gpu_hours: 1.5}\n")
    assert [rule.max_gpu_hours for rule in load_rules(path)] == [1.5]
    add_source(path, Source("b", "b.jsonl", max_gpu_hours=0.0))
    assert load_registry(path)["b"].max_gpu_hours == 0.0


@pytest.mark.parametrize("value", ["-1", ".nan", "yes", "two"])
def test_hours_that_are_no_hours_are_refused(tmp_path, value):
    path = registry(tmp_path, f"sources:\n  - {{name: a, uri: a.jsonl, max_gpu_hours: {value}}}\n")
    with pytest.raises(RegistryError, match=r"sources.yaml:2: `max_gpu_hours` is .*, expected a number of at least 0"):
        load_registry(path)
