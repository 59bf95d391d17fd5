from pathlib import Path

import pytest

from mig_dagster.sources import Accepted, SourceFileError
from mig_dagster.sources.detection import SAMPLE_RECORDS, detect
from mig_dagster.sources.formats import FORMATS
from tests.sources.fuzz import RECORDS
from tests.sources.writing import ROW, lines, read, reasons, write

QA = {"question": "2 + 3?", "answer": "5"}


def test_most_records_decide_the_format(tmp_path: Path) -> None:
    assert reasons(write(tmp_path / "a.jsonl", lines(QA, ROW, ROW, 7, ROW))) == [
        "missing_field",
        "",
        "",
        "not_an_object",
        "",
    ]


def test_half_of_the_records_decide_nothing() -> None:
    with pytest.raises(SourceFileError, match=r"no format fits more than half of the first 2 records"):
        detect([QA, ROW], "a.json")


def test_of_two_formats_that_fit_all_records_the_first_in_the_table_is_taken() -> None:
    record = QA | ROW | {"prompt": "a", "completion": "b"}
    fitting = [name for name, form in FORMATS.items() if form.matches(record)]
    assert fitting == ["alpaca", "question_answer", "prompt_completion"]
    assert detect([record], "a.json").name == "alpaca"


def test_labels_or_scores_that_most_records_have_decide_over_the_turns_that_all_have() -> None:
    record = {"prompt": "2 + 3?", "completion": "5"}
    assert detect([record | {"label": False}, record | {"label": True}, record], "a.json").name == "kto"
    turns = {"conversations": [{"from": "human", "value": "a"}]}
    scores = {"quality_scores": [1.0], "complexity_scores": [1.0]}
    assert detect([turns | scores, turns, turns | scores], "a.json").name == "deita"
    assert detect([turns | scores, turns, turns], "a.json").name == "sharegpt"


# Formats whose records are also those of a plainer one, which stands further down in the table.
REFINED = {
    "deita": {"sharegpt", "messages"},
    "kto": {"sharegpt", "messages", "prompt_completion", "alpaca"},
    "opendataarena": {"alpaca"},
    "preference": {"sharegpt", "messages"},
}


@pytest.mark.parametrize("form", RECORDS)
def test_records_of_a_format_are_found_as_its_own_and_no_others(form: str) -> None:
    for record in RECORDS[form]:
        assert detect([record], "a.json").name == form
        others = {name for name, other in FORMATS.items() if other.matches(record)} - {form}
        assert others <= REFINED.get(form, set())


def test_only_the_first_records_are_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(*[QA] * SAMPLE_RECORDS, *[ROW] * 200))
    assert reasons(path).count("") == SAMPLE_RECORDS


def test_what_was_seen_and_how_to_name_the_format_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"frage": "2 + 3?", "antwort": "5"}, QA))
    with pytest.raises(SourceFileError) as caught:
        read(path)
    assert "fields seen: frage (1), antwort (1), question (1), answer (1); fits: question_answer 1" in str(caught.value)
    assert "`format: question_answer` with `columns: {question: <column>" in caught.value.remedy
    assert "--format question_answer --column question=<column>" in caught.value.remedy
    assert "Formats: xsample, preference, oasst," in caught.value.remedy
    assert "left out by a pattern such as data/*.jsonl" in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"instruction,output\na,b\n", r"record 1: .* begins with 'instruction,output' \(invalid_json: "),
        (b'\n{"a": NaN}\n{"a": NaN}\n', r"record 2: .* begins with '\{\"a\": NaN\}' \(not_a_number: NaN\)"),
        (b'["a", "b"]\n', r"begins with '\[\"a\", \"b\"\]' \(a list\)"),
        (
            b"\x28\xb5 odd",
            r"\(invalid_utf8: .*\. Give JSON Lines, a JSON array, Parquet, or a table named \.csv or \.tsv,",
        ),
    ],
)
def test_a_file_without_objects_fails_with_what_it_begins_with(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SourceFileError, match=message):
        read(write(tmp_path / "a.jsonl", content))


def test_a_column_for_a_field_that_no_format_has_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(QA))
    with pytest.raises(ValueError, match="columns names 'instructions', no field of the format; did you mean 'instru"):
        read(path, columns={"instructions": "question"})
    with pytest.raises(ValueError, match="columns names 'input', no field of the format; Known are: question, context"):
        read(path, format="question_answer", columns={"input": "id"})


def test_a_column_for_a_field_of_another_format_than_the_detected_one_is_a_failure(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(QA | {"old": [["a", "b"]]}))
    with pytest.raises(SourceFileError, match=r"look like question_answer, which does not read \['history'\]"):
        read(path, columns={"history": "old"})


def test_columns_map_the_fields_of_the_format(tmp_path: Path) -> None:
    record = {"frage": "2 + 3?", "antwort": "5", "question": "old", "id": 7}
    columns = {"question": "frage", "answer": "antwort"}
    for form in (None, "question_answer"):
        (found,) = read(write(tmp_path / "a.jsonl", lines(record)), format=form, columns=columns)
        assert isinstance(found, Accepted)
        assert (found.conversation.instruction, found.conversation.response) == ("2 + 3?", "5")
        assert found.meta == {"question": "old", "id": 7}


def test_columns_may_trade_places(tmp_path: Path) -> None:
    columns = {"question": "answer", "answer": "question"}
    (found,) = read(write(tmp_path / "a.jsonl", lines(QA)), columns=columns)
    assert isinstance(found, Accepted)
    assert (found.conversation.instruction, found.conversation.response, found.meta) == ("5", "2 + 3?", {})


def test_a_mapped_column_that_is_absent_is_a_missing_field(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(QA))
    assert reasons(path, format="question_answer", columns={"question": "frage"}) == ["missing_field"]
