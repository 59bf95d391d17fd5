"""Formats that say how good a record is: DEITA's scores, KTO's labels, OpenDataArena's scorers."""

import json
from pathlib import Path
from typing import Any

import pytest

from mig_dagster.annotations.annotator import Row
from mig_dagster.annotations.imports.deita import deita_scores
from mig_dagster.sources import Accepted, Rejected, SourceFileError
from mig_dagster.sources.detection import detect
from mig_dagster.sources.formats import FORMATS
from mig_dagster.sources.validate import validate
from tests.shared_data import shared
from tests.sources.writing import lines, read, reasons, write

HUMAN, GPT = {"from": "human", "value": "2 + 3?"}, {"from": "gpt", "value": "5"}
USER, ASSISTANT = {"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "5"}
SCORES = {"quality_scores": [3.0, 4.0], "complexity_scores": [2.0, 1.5]}

DEITA: dict[str, dict[str, Any]] = {
    "lists": {"conversations": [HUMAN, GPT], **SCORES},
    "messages": {"messages": [USER, ASSISTANT], **SCORES},
    "evol": {"conversations": [HUMAN, GPT], **{f"evol_{name}": value for name, value in SCORES.items()}},
    "an object": {"conversations": [HUMAN, GPT], "deita": SCORES},
    "lists as text": {"conversations": [HUMAN, GPT], **{name: json.dumps(value) for name, value in SCORES.items()}},
}


@pytest.mark.parametrize("record", DEITA.values(), ids=DEITA)
def test_scores_of_deita_count_as_those_of_xsample(tmp_path: Path, record: dict[str, Any]) -> None:
    assert detect([record], "a.json").name == "deita"
    (found,) = read(write(tmp_path / "a.jsonl", lines(record | {"id": 7})))
    assert isinstance(found, Accepted)
    assert found.meta == {"id": 7, "annotation": {"deita": SCORES}}
    row = Row(found.conversation.row_id, found.conversation, found.meta)
    assert deita_scores(row) == [3.0 * 2.0, 4.0 * 1.5]


@pytest.mark.parametrize("names", ["quality_score complexity_score", "evol_quality evol_complexity"])
def test_one_number_of_each_is_a_list_of_one(names: str) -> None:
    quality, complexity = names.split()
    _, meta = validate(FORMATS["deita"].parse({"conversations": [HUMAN, GPT], quality: 3, complexity: 2.5}))
    assert meta == {"annotation": {"deita": {"quality_scores": [3], "complexity_scores": [2.5]}}}


@pytest.mark.parametrize("scores", [{"quality_scores": None, "complexity_scores": None}, {}])
def test_scores_may_be_null_or_absent(scores: dict[str, Any]) -> None:
    _, meta = validate(FORMATS["deita"].parse({"conversations": [HUMAN, GPT], **scores}))
    assert meta == {}


def test_one_kind_of_scores_alone_is_a_column() -> None:
    for record in ({"quality_score": 3.0}, {"quality_scores": [3.0], "complexity": 2}, {"deita": 6.0}):
        assert detect([{"conversations": [HUMAN, GPT], **record}], "a.json").name == "sharegpt"


def test_scores_stand_beside_other_annotations() -> None:
    record = {"conversations": [HUMAN, GPT], "annotation": {"CaR": [1.0]}, **SCORES}
    assert FORMATS["deita"].parse(record).meta == {"annotation": {"CaR": [1.0], "deita": SCORES}}
    for other in ("mine", {"deita": "mine"}):
        meta = FORMATS["deita"].parse(record | {"annotation": other}).meta
        assert meta == {"annotation": {"deita": SCORES}, "source_annotation": other}


KTO: dict[str, dict[str, Any]] = {
    "messages": {"messages": [USER, ASSISTANT]},
    "sharegpt": {"conversations": [HUMAN, GPT]},
    "prompt and completion": {"prompt": "2 + 3?", "completion": "5"},
    "lists": {"prompt": [USER], "completion": [ASSISTANT]},
}


@pytest.mark.parametrize("record", KTO.values(), ids=KTO)
@pytest.mark.parametrize("label", [True, False])
def test_a_label_decides_whether_an_answer_is_taken(tmp_path: Path, record: dict[str, Any], label: bool) -> None:
    for name in ("label", "kto_tag"):
        assert detect([record | {name: label}], "a.json").name == "kto"
        (found,) = read(write(tmp_path / "a.jsonl", lines(record | {name: label, "id": 7})))
        if label:
            assert isinstance(found, Accepted)
            assert (found.conversation.instruction, found.conversation.response) == ("2 + 3?", "5")
            assert found.meta == {name: True, "id": 7}
        else:
            assert isinstance(found, Rejected)
            assert (found.reason, found.detail) == ("rejected_answer", f"field {name!r} is false")


def test_a_label_in_a_table_is_a_word(tmp_path: Path) -> None:
    content = b"prompt,completion,label\na,b,True\nc,d,False\ne,f,\n"
    assert reasons(write(tmp_path / "a.csv", content)) == ["", "rejected_answer", "wrong_type"]


def test_a_label_beside_an_instruction_is_a_column_unless_it_is_called_kto_tag() -> None:
    record = {"instruction": "2 + 3?", "output": "5"}
    assert detect([record | {"label": True}], "a.json").name == "alpaca"
    assert detect([record | {"kto_tag": True}], "a.json").name == "kto"
    assert detect([{"question": "2 + 3?", "answer": "5", "label": False}], "a.json").name == "question_answer"


@pytest.mark.parametrize("label", ["good", 1, 0, "3", None])
def test_a_label_that_is_not_true_or_false_is_a_column(label: Any) -> None:
    assert detect([{"messages": [USER, ASSISTANT], "label": label}], "a.json").name == "messages"


@pytest.mark.parametrize(
    "scores", [{"Q_scores": {"Clarity": 8}, "QA_scores": "{'Clarity': None}"}, {"QA_scores": {"Clarity": 8}}]
)
def test_open_data_arena_keeps_its_scores_as_they_are(scores: dict[str, Any]) -> None:
    record = {"instruction": "2 + 3?", "output": "5", **scores}
    assert detect([record], "a.json").name == "opendataarena"
    parsed = FORMATS["opendataarena"].parse(record)
    assert [message.content for message in parsed.messages] == ["2 + 3?", "5"]
    assert parsed.meta == scores


def test_scores_of_open_data_arena_without_a_conversation_are_no_source(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"id": 1, "scores": {"Q": {"All": {"Clarity": 8}}}}))
    with pytest.raises(SourceFileError, match=r"fields seen: id \(1\), scores \(1\); fits: none"):
        read(path)


def test_the_shared_data_is_read_as_what_it_is() -> None:
    kto = read(shared("data/llamafactory/kto_en_demo.json"))
    assert [sum(isinstance(found, kind) for found in kto) for kind in (Accepted, Rejected)] == [150, 150]
    assert {found.reason for found in kto if isinstance(found, Rejected)} == {"rejected_answer"}
    arena = read(shared("data/annotated/oda_example_input.jsonl.gz"))
    assert len(arena) == 1000
    assert all(isinstance(found, Accepted) and {"Q_scores", "QA_scores"} <= found.meta.keys() for found in arena)
    with pytest.raises(SourceFileError, match=r"no format fits .* fields seen: id \(50\), scores \(50\)"):
        read(shared("data/annotated/oda_example_input_scored.jsonl"))
