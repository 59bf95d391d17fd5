import re
from pathlib import Path

import pytest

from mig_dagster.sources import RegistryError, Source, add_source, check_addition, load_registry, remove_source

REGISTRY = """\
# What we train on.
sources:
  # Ours.
  - name: helpdesk   # the old desk
    uri: data/helpdesk/*.jsonl
    format: sharegpt
    licence: "CC BY 4.0"
    priority: 2
    columns: {conversations: turns}

  # From elsewhere.

  - uri: /abs/alpaca.json
    name: alpaca
    # nobody knows the licence
  - name: demo
    uri: demo://help_desk

# The end.
"""


def registry(folder: Path, text: str = REGISTRY) -> Path:
    path = folder / "sources.yaml"
    path.write_text(text)
    return path


def one(**values: str) -> str:
    return "sources:\n  - " + "\n    ".join(f"{key}: {value}" for key, value in values.items()) + "\n"


def test_sources_come_sorted_with_paths_from_the_folder_of_the_registry(tmp_path: Path) -> None:
    assert list(load_registry(registry(tmp_path)).values()) == [
        Source("alpaca", "/abs/alpaca.json"),
        Source("demo", "demo://help_desk"),
        Source(
            "helpdesk",
            str(tmp_path / "data/helpdesk/*.jsonl"),
            format="sharegpt",
            licence="CC BY 4.0",
            priority=2,
            columns={"conversations": "turns"},
        ),
    ]


def test_a_relative_path_may_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    path = registry(tmp_path / "project", one(name="a", uri="../data"))
    assert load_registry(path)["a"].uri == str(tmp_path / "data")


@pytest.mark.parametrize("text", ["sources: []\n", "sources:\n", "sources: null\n"])
def test_a_registry_may_name_no_source(tmp_path: Path, text: str) -> None:
    assert load_registry(registry(tmp_path, text)) == {}


MISTAKES = {
    "an empty file": ("", "sources.yaml:1: the registry is empty; name a source"),
    "only comments": ("# nothing\n\n", "sources.yaml:1: the registry is empty"),
    "no YAML": ("sources:\n  - name: [a\n", "sources.yaml:3: is not valid YAML: expected ',' or ']'"),
    "a tab": ("sources:\n\t- name: a\n", "sources.yaml:2: is not valid YAML: found character '\\t'"),
    "a control character": ("sources: \x07\n", "sources.yaml: is not valid YAML"),
    "a list": ("- name: a\n", "sources.yaml:1: expected the key `sources`"),
    "another key": ("\nsorces: []\n", "sources.yaml:2: unknown key 'sorces'; did you mean 'sources'?"),
    "no key": ("{}\n", "sources.yaml:1: the key `sources` is missing"),
    "sources as a mapping": ("sources:\n  a: b\n", "sources.yaml:2: `sources` must be a list"),
    "a source as text": ("sources:\n  - name: a\n    uri: b\n  - c\n", "sources.yaml:4: each source is a mapping"),
    "an unknown key": (
        one(name="a", uri="b", formt="x"),
        "sources.yaml:4: unknown key 'formt'; did you mean 'format'?",
    ),
    "a key twice": (one(name="a", uri="b") + "    uri: c\n", "sources.yaml:4: key 'uri' stands here twice"),
    "no uri": (one(name="a"), "sources.yaml:2: a source needs a `uri`; this one has name"),
    "an empty uri": (one(name="a", uri='""'), "sources.yaml:2: a source needs a `uri`"),
    "a password": (
        one(name="a", uri="https://me:" + "secret@host/a.jsonl"),
        "sources.yaml:3: `uri` holds a password, which would stand in the lineage and the UI",
    ),
    "no name": (one(uri="a"), "sources.yaml:2: a source needs a `name`; this one has uri"),
    "an empty source": ("sources:\n  - {}\n", "sources.yaml:2: a source needs a `name`; this one has no key"),
    "capitals": (
        one(uri="b", name="Alpaca"),
        "sources.yaml:3: name 'Alpaca' is no slug; use at most 100 lower-case letters",
    ),
    "a slash": (one(uri="b", name="a/b"), "sources.yaml:3: name 'a/b' is no slug"),
    "dots": (one(uri="b", name=".."), "sources.yaml:3: name '..' is no slug"),
    "a line break": (one(uri="b", name='"a\\n"'), "sources.yaml:3: name 'a\\n' is no slug"),
    "a number": (one(name="2024", uri="b"), "sources.yaml:2: `name` is 2024, expected text (put quotes around"),
    "a boolean": (one(name="yes", uri="b"), "sources.yaml:2: `name` is True, expected text"),
    "a priority as text": (
        one(name="a", uri="b", priority="high"),
        "sources.yaml:4: `priority` is 'high', expected a whole",
    ),
    "a fraction": (
        one(name="a", uri="b", priority="1.5"),
        "sources.yaml:4: `priority` is 1.5, expected a whole number",
    ),
    "a true priority": (one(name="a", uri="b", priority="true"), "sources.yaml:4: `priority` is True, expected"),
    "an impossible date": (one(name="a", uri="b", licence="2024-99-99"), "sources.yaml:4: `licence` cannot be read"),
    "an unknown format": (
        one(name="a", uri="b", format="sharegtp"),
        "sources.yaml:4: unknown format 'sharegtp'; did you mean 'sharegpt'? Known are: xsample, preference, oasst,",
    ),
    "columns as a list": (
        one(name="a", uri="b", columns="[x]"),
        "sources.yaml:4: `columns` is ['x'], expected a mapping",
    ),
    "an unknown field": (
        one(name="a", uri="b", format="alpaca", columns="{instructions: x}"),
        "sources.yaml:5: `columns` names 'instructions', no field of the format; did you mean 'instruction'?",
    ),
    "a column that is a number": (
        one(name="a", uri="b", columns="{question: 3}"),
        "sources.yaml:4: `columns` maps 'question' to 3, expected the name of a column",
    ),
    "one column for two fields": (
        one(name="a", uri="b", columns="{question: x, answer: x}"),
        "sources.yaml:4: `columns` uses one column of the file for two fields",
    ),
    "a name twice": (REGISTRY.replace("demo\n", "alpaca\n"), "sources.yaml:16: name 'alpaca' is used twice"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, case: str) -> None:
    text, message = MISTAKES[case]
    with pytest.raises(RegistryError, match=re.escape(message)):
        load_registry(registry(tmp_path, text))


def test_a_missing_registry_is_reported_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"none.yaml: there is no registry; create it, for instance:\nsources:"):
        load_registry(tmp_path / "none.yaml")


def test_a_registry_that_is_a_folder_or_no_text_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="cannot be read"):
        load_registry(tmp_path)
    (tmp_path / "sources.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(RegistryError, match="cannot be read"):
        load_registry(tmp_path / "sources.yaml")


NEW = Source("new", "more/*.json", format="alpaca", licence="MIT: or so", priority=-1, columns={"output": "a b"})
WRITTEN = """\
  - name: new
    uri: more/*.json
    format: alpaca
    licence: 'MIT: or so'
    priority: -1
    columns:
      output: a b
"""


def test_adding_keeps_every_other_byte(tmp_path: Path) -> None:
    path = registry(tmp_path)
    add_source(path, NEW)
    assert path.read_text() == REGISTRY.replace("\n# The end.", WRITTEN + "\n# The end.")
    assert load_registry(path)["new"].licence == "MIT: or so"


@pytest.mark.parametrize("text", ["sources: []\n", "sources:\n", "sources: []", "# a\nsources: [] # none yet\n# b\n"])
def test_the_first_source_is_added_to_an_empty_list(tmp_path: Path, text: str) -> None:
    path = registry(tmp_path, text)
    add_source(path, Source("a", "b"))
    assert list(load_registry(path)) == ["a"]
    assert [line for line in path.read_text().splitlines() if "#" in line] == [
        line.replace(" [] #", "  #") for line in text.splitlines() if "#" in line
    ]


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_the_registry_is_created_where_there_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "sources.yaml" if text is None else registry(tmp_path, text)
    add_source(path, Source("a", "b"))
    assert path.read_text().lstrip() == "sources:\n  - name: a\n    uri: b\n"


def test_a_list_without_indentation_stays_so(tmp_path: Path) -> None:
    path = registry(tmp_path, "sources:\n- name: a\n  uri: b")
    add_source(path, Source("c", "d"))
    assert path.read_text() == "sources:\n- name: a\n  uri: b\n- name: c\n  uri: d\n"


def test_names_and_uris_that_yaml_would_read_as_something_else_survive(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    for name in ("2024", "yes", "null", "1e3"):
        add_source(path, Source(name, f"s3://bucket/{name}: #1/*.json"))
    assert {name: source.uri for name, source in load_registry(path).items()} == {
        name: f"s3://bucket/{name}: #1/*.json" for name in ("2024", "yes", "null", "1e3")
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("demo", "x"), r"sources.yaml:18: name 'demo' is used twice"),
        (Source("No Slug", "x"), r"sources.yaml:18: name 'No Slug' is no slug"),
        (Source("a", "x", format="b"), r"sources.yaml:20: unknown format 'b'"),
    ],
)
def test_a_source_that_would_be_a_mistake_changes_nothing(tmp_path: Path, source: Source, message: str) -> None:
    path = registry(tmp_path)
    with pytest.raises(RegistryError, match=message):
        add_source(path, source)
    assert path.read_text() == REGISTRY
    assert [file.name for file in tmp_path.iterdir()] == ["sources.yaml"]


REMOVED = {
    "helpdesk": REGISTRY[: REGISTRY.index("  - name: helpdesk")] + REGISTRY[REGISTRY.index("\n  # From") :],
    "alpaca": REGISTRY.replace("  - uri: /abs/alpaca.json\n    name: alpaca\n", ""),
    "demo": REGISTRY.replace("  - name: demo\n    uri: demo://help_desk\n", ""),
}


@pytest.mark.parametrize("name", REMOVED)
def test_removing_keeps_every_other_byte(tmp_path: Path, name: str) -> None:
    path = registry(tmp_path)
    remove_source(path, name)
    assert path.read_text() == REMOVED[name]
    assert name not in load_registry(path)


def test_what_was_added_is_removed_without_a_trace(tmp_path: Path) -> None:
    path = registry(tmp_path)
    add_source(path, NEW)
    remove_source(path, "new")
    assert path.read_text() == REGISTRY


@pytest.mark.parametrize("text", ["sources:\n  - name: a\n    uri: b\n", "sources:\n-\n  uri: b\n  name: a\n# end\n"])
def test_the_last_source_may_be_removed_and_another_added(tmp_path: Path, text: str) -> None:
    path = registry(tmp_path, text)
    remove_source(path, "a")
    assert load_registry(path) == {}
    add_source(path, Source("c", "d"))
    assert list(load_registry(path)) == ["c"]


def test_entries_in_braces_and_texts_over_several_lines_are_removed_whole(tmp_path: Path) -> None:
    text = (
        "sources:\n  - {name: a,\n     uri: b}\n  - name: c\n    uri: d\n    licence: |\n      one\n      two\n# end\n"
    )
    path = registry(tmp_path, text)
    remove_source(path, "a")
    assert path.read_text() == text.replace("  - {name: a,\n     uri: b}\n", "")
    remove_source(path, "c")
    assert path.read_text() == "sources: []\n# end\n"


def test_an_unknown_name_is_reported_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"no source is called 'x' in .*sources.yaml; there are: alpaca, demo, helpdesk"):
        remove_source(registry(tmp_path), "x")


def test_a_list_in_brackets_is_left_to_its_owner(tmp_path: Path) -> None:
    path = registry(tmp_path, "sources: [{name: a, uri: b}]\n")
    with pytest.raises(RegistryError, match=r"sources.yaml:1: the list is written in brackets; put each source on"):
        add_source(path, Source("c", "d"))
    with pytest.raises(RegistryError, match=r"sources.yaml:1: the list is written in brackets"):
        remove_source(path, "a")


def test_a_linked_registry_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("sources: []\n")
    (tmp_path / "sources.yaml").symlink_to("real.yaml")
    add_source(tmp_path / "sources.yaml", Source("a", "a.jsonl"))
    assert (tmp_path / "sources.yaml").is_symlink()
    assert set(load_registry(tmp_path / "real.yaml")) == {"a"}


def test_a_registry_that_cannot_be_written_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("sources: []\n")

    def refuse(*names: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(RegistryError, match=r"sources\.yaml: cannot be written \(Permission denied\)"):
        add_source(path, Source("a", "a.jsonl"))
    assert [file.name for file in tmp_path.iterdir()] == ["sources.yaml"]
    assert path.read_text() == "sources: []\n"


def test_checking_an_addition_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    check_addition(path, Source("a", "a.jsonl"))
    assert not path.exists()
    with pytest.raises(RegistryError, match="is no slug"):
        check_addition(path, Source("A", "a.jsonl"))
