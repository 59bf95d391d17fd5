"""A damaged element of a JSON array costs itself where its end is certain; else the file fails, and nothing is lost."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.sources import SourceFileError
from mig_dagster.sources import bytestream as bytestream_module
from mig_dagster.sources.containers import json_array
from mig_dagster.sources.containers.json_array import read_array
from mig_dagster.sources.reasons import Defect
from tests.sources.writing import ROW, read, reasons, write

CHAT = {
    "messages": [{"role": "user", "content": "a [b] {c}, {"}, {"role": "assistant", "content": 'say "}, {"'}],
    "n": [],
}


def one_per_line(elements: list[str]) -> str:
    return "[\n" + ",\n".join(elements) + "\n]\n"


LAYOUTS: dict[str, Any] = {
    "a line each": one_per_line,
    "a line each, the first beside the bracket": lambda elements: "[" + ",\n".join(elements) + "]",
    "a line each, indented": lambda elements: "[\n  " + ",\n  ".join(elements) + "\n]",
    "a line each, CRLF": lambda elements: one_per_line(elements).replace("\n", "\r\n"),
    "on one line": lambda elements: "[" + ", ".join(elements) + "]",
    "without a space": lambda elements: "[" + ",".join(elements) + "]",
}
DAMAGE = {
    "a bare word": ('"output"', 'nope, "output"', "invalid_json"),
    "single quotes": ('"output"', "'output'", "invalid_json"),
    "a colon is missing": ('"output":', '"output"', "invalid_json"),
    "a raw tab": ("Add 2", "Add\t2", "invalid_json"),
    "quotes inside of a text": ("Add 2 and", 'Add "2" and', "invalid_json"),
}
ONLY_BY_LINES = {
    "cut within a text": (' and 3.", "input": "", "output": "5"}', "", "invalid_json"),
    "cut before the last bracket": ('"5"}', '"5"', "truncated_json"),
    "a bracket too many": ('"5"}', '"5"}}', "text_after_value"),
    "text after the element": ('"5"}', '"5"} oops', "text_after_value"),
    "two elements without a comma": ('"5"}', '"5"} {"a": 1}', "several_values"),
    "a quote is missing": ('"5"', '5"', "invalid_json"),
    "no object at all": (json.dumps(ROW), "oops", "invalid_json"),
}
CASES = [(layout, name) for layout in LAYOUTS for name in DAMAGE] + [
    (layout, name) for layout in LAYOUTS if "line each" in layout for name in ONLY_BY_LINES
]


@pytest.mark.parametrize(("index", "chunk"), [(0, 1 << 20), (2, 7), (3, 1 << 20)])
@pytest.mark.parametrize(("layout", "name"), CASES)
def test_it_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, name: str, index: int, chunk: int
) -> None:
    monkeypatch.setattr(bytestream_module, "CHUNK_BYTES", chunk)
    old, new, reason = (DAMAGE | ONLY_BY_LINES)[name]
    elements = [json.dumps(ROW)] * 4
    assert old in elements[index]
    elements[index] = elements[index].replace(old, new)
    content = LAYOUTS[layout](elements)
    if (layout, index) == ("a line each, the first beside the bracket", 3) and name in ONLY_BY_LINES:
        with pytest.raises(SourceFileError, match="the JSON array cannot be read"):
            read(write(tmp_path / "a.json", content.encode()), format="alpaca")
        return
    found = reasons(write(tmp_path / "a.json", content.encode()), format="alpaca")
    expected = {reason, "truncated_json"} if name.startswith("cut") else {reason}
    assert found[:index] + found[index + 1 :] == [""] * 3
    assert found[index] in expected


@pytest.mark.parametrize("indent", [1, 4])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_it_costs_itself_where_elements_go_over_lines(tmp_path: Path, indent: int, index: int) -> None:
    rows: list[Any] = [CHAT, CHAT, CHAT]
    rows[index] = {"messages": [{"role": "user", "content": "DAMAGE"}]}
    content = json.dumps(rows, indent=indent)
    for damage in ('nope"', "a\nb", '"}', '", {', "x\\"):
        broken = content.replace("DAMAGE", damage).encode()
        found = reasons(write(tmp_path / "a.json", broken), format="messages")
        assert found == ["invalid_json" if at == index else "" for at in range(3)], damage


@pytest.mark.parametrize("chunk", [50, 200, 1 << 20])
def test_a_bracket_lost_within_an_element_does_not_make_two_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(bytestream_module, "CHUNK_BYTES", chunk)
    content = json.dumps([CHAT, CHAT, CHAT], indent=2)
    lost = content.replace('"messages": [\n      {', '"mess', 1)
    assert reasons(write(tmp_path / "a.json", lost.encode()), format="messages") == ["invalid_json", "", ""]


def test_a_comma_missing_between_two_lines_costs_nothing(tmp_path: Path) -> None:
    content = one_per_line([json.dumps(ROW)] * 4).replace("},\n", "}\n", 2)
    assert reasons(write(tmp_path / "a.json", content.encode())) == ["", "", "", ""]


def test_what_is_kept_of_a_damaged_element_is_its_text(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.json", one_per_line([json.dumps(ROW), '{"a": nope', json.dumps(ROW)]).encode()))
    assert found[1].raw == '{"a": nope'  # type: ignore[union-attr]
    assert found[1].origin == "a.json:000000002"


@pytest.mark.parametrize(
    ("damage", "message"), [('{"a": nope"}', "Expecting value"), ('{"a": 1} oops', "followed by 'o'")]
)
def test_the_end_of_damage_is_not_looked_for_in_all_of_a_large_file(
    monkeypatch: pytest.MonkeyPatch, damage: str, message: str
) -> None:
    monkeypatch.setattr(json_array, "MAX_DAMAGED_CHARS", 1000)
    chunks = iter([b"[", damage.encode(), *[b', {"a": "x"}'] * 10_000])
    with pytest.raises(SourceFileError, match=message):
        list(read_array(chunks, "a.json"))
    assert len(list(chunks)) > 9000


def test_a_list_of_a_text_that_goes_over_lines_is_no_element(tmp_path: Path) -> None:
    """A raw line break in a text, and then what looks like an element: nobody can tell, so the file fails."""
    content = one_per_line([json.dumps(ROW), '{"output": "\n{"a": 1}\n"}', json.dumps(ROW)])
    with pytest.raises(SourceFileError, match=r"line 3, column 13: .*not valid JSON here \(Invalid control character"):
        read(write(tmp_path / "a.json", content.encode()), format="alpaca")


ELEMENTS = st.lists(
    st.fixed_dictionaries({"a": st.text('ab"\\}{,[] \n', max_size=8)}, optional={"b": st.just([{"c": 1}, {"c": "x"}])}),
    min_size=2,
    max_size=5,
)


@settings(deadline=None)
@given(ELEMENTS, st.sampled_from(list(LAYOUTS.values())), st.data())
def test_whatever_is_damaged_no_element_is_lost(rows: list[Any], layout: Any, data: st.DataObject) -> None:
    """One character or a few go from one element, or other ones come in: as many elements are there as before."""
    elements = [json.dumps(row) for row in rows]
    index = data.draw(st.integers(0, len(elements) - 1))
    old = elements[index]
    start = data.draw(st.integers(1, len(old) - 1))
    stop = data.draw(st.integers(start, min(start + 3, len(old))))
    elements[index] = old[:start] + data.draw(st.text('x"\\}:1', max_size=2)) + old[stop:]
    found: list[Any] = []
    try:
        found += read_array([layout(elements).encode()], "a.json")
    except SourceFileError:
        assert [value for _, value, _ in found[:index]] == rows[: min(index, len(found))]
        return
    assert len(found) == len(rows)
    values = [value for _, value, _ in found]
    assert values[:index] + values[index + 1 :] == rows[:index] + rows[index + 1 :]
    assert isinstance(values[index], Defect) or json.loads(elements[index]) == values[index]
