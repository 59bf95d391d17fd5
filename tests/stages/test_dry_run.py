"""What trainers would do with a subset, from the files that are exported for them."""

import polars as pl
import pytest

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export import FORMATS, export_to
from mig_dagster.stages.dry_run import READ_BY, dry_run, dry_run_of
from tests.export.rows import LOCK, calls, subset

ASKED, ANSWERED = Message("user", "a"), Message("assistant", "b")
TOOLS = '[{"name": "f", "parameters": {"type": "object", "properties": {}}}]'
CALLING = Conversation((ASKED, Message("assistant", "", calls(("f", {}))), Message("tool", "1"), ANSWERED), TOOLS)
PLAIN = Conversation((ASKED, ANSWERED))
TWO_QUESTIONS = Conversation((ASKED, ASKED, ANSWERED))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_a_trainer_that_keeps_plain_rows(form):
    found = dry_run(subset([PLAIN, PLAIN]), form, LOCK)
    assert (found.consumer, found.rows, found.lost) == (READ_BY[form], 2, 0)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "open-instruct"])
def test_tools_and_plain_rows_beside_each_other_are_kept(form):
    assert dry_run(subset([PLAIN, CALLING, PLAIN]), form, LOCK).lost == 0


def test_a_row_that_the_format_cannot_say_is_lost_with_the_reason_of_the_format():
    found = dry_run(subset([PLAIN, CALLING, PLAIN]), "open-instruct", LOCK)
    assert (found.rows, found.kept) == (3, 2)
    row = found.dropped.row(0, named=True)
    assert (row["rank"], row["reason"], row["effect"]) == (2, "tools_not_trained", "dropped")
    assert row["detail"] == "not in the file; its turns: user, assistant, tool, assistant"
    order = dry_run(subset([TWO_QUESTIONS, PLAIN]), "llama-factory", LOCK)
    assert order.dropped.select("rank", "reason").rows() == [(1, "turn_order")]


def test_each_reason_of_the_format_is_counted_by_itself():
    rows = [TWO_QUESTIONS, Conversation((ASKED, ANSWERED), '{"f": 1}'), PLAIN, Conversation((ASKED, *[ANSWERED] * 9))]
    found = dry_run(subset(rows), "llama-factory", LOCK)
    assert found.by_reason().select("reason", "rows", "first_rank").rows() == [
        ("turn_order", 2, 1),
        ("tools_not_a_list", 1, 2),
    ]
    assert found.dropped["detail"][2].endswith("assistant and 2 more")
    assert "turn_order in 2 (after an optional system turn, " in found.sentence()


def test_files_that_are_there_are_read_as_they_are(tmp_path):
    rows = subset([PLAIN, PLAIN])
    made = export_to(tmp_path / "out", "llama-factory", rows, LOCK)
    path = made.folder / made.data[0]
    path.write_text(path.read_text().replace('"assistant"', '"narrator"', 1))
    found = dry_run_of(made, rows)
    assert found.dropped.select("rank", "row_id", "reason").rows() == [(1, rows["row_id"][0], "unknown_role")]


def test_tools_that_stop_the_trainer_are_found_in_what_was_exported():
    found = dry_run(subset([PLAIN, Conversation((ASKED, ANSWERED), '["f"]')]), "llama-factory", LOCK)
    assert (found.kept, found.dropped["reason"].to_list()) == (0, ["invalid_tools"])
    assert found.dropped.filter(pl.col("effect") == "stops").height == 1
