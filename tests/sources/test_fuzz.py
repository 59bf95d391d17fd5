import pytest
from hypothesis import HealthCheck, given, settings

from mig_dagster.sources import FORMATS
from tests.sources import fuzz
from tests.sources.fuzz import NUMBERS, RECORDS, Input, check_input, damaged_input, seeds


def test_every_format_is_damaged_in_every_container() -> None:
    assert set(RECORDS) == set(FORMATS)
    for (name, form), content in seeds().items():
        counts = check_input(Input(name, content, form, {}, 5000))
        assert counts["read"] == 1
        assert counts["Accepted"] + counts["Rejected"] == 2 * len(RECORDS[form])


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(NUMBERS)
def test_a_damaged_file_is_read_to_its_last_record_or_fails(number: int) -> None:
    check_input(damaged_input(number))


def test_a_record_too_few_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "_records_of", lambda given_input: 3)
    with pytest.raises(AssertionError, match="2 of 3 records"):
        check_input(Input("a.jsonl", b'{"question": "a", "answer": "b"}\n' * 2, None, {}, 5000))
