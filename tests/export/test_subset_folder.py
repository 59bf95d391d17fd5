import json
from hashlib import sha256

import polars as pl
import pytest

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export import lines, write_subset
from mig_dagster.sources import Accepted, read_file

CALL = '[{"type":"function","function":{"name":"weather","arguments":{"city":"Oslo"}}}]'
TOOLS = '[{"name":"weather","parameters":{}}]'
CONVERSATIONS = [
    Conversation((Message("user", "1+1?"), Message("assistant", "2"))),
    Conversation(
        (
            Message("system", "Be brief."),
            Message("user", "Weather in Oslo? \u2028 now"),
            Message("assistant", "", tool_calls=CALL, reasoning_content="I should call a tool."),
            Message("tool", "rain"),
            Message("assistant", "Rain ☔"),
        ),
        tools=TOOLS,
    ),
]
LOCK = {
    "name": "mig_subset",
    "method": "mig",
    "pool_rows": 40,
    "options": {"gain": "exact"},
    "scorer": "lexical",
    "licences": {"a": "MIT"},
    "shortfall": None,
    "nested": True,
}


def subset() -> pl.DataFrame:
    rows = [
        {
            "rank": rank,
            "row_id": conversation.row_id,
            "source": "ab"[rank - 1],
            "origin": f"f.jsonl:{rank:09d}",
            "gain": 1.0 / rank,
            "score": 3.0,
            "labels": ["sums"],
            "messages": [
                {
                    "role": m.role,
                    "content": m.content,
                    "tool_calls": m.tool_calls,
                    "reasoning_content": m.reasoning_content,
                }
                for m in conversation.messages
            ],
            "tools": conversation.tools,
        }
        for rank, conversation in enumerate(CONVERSATIONS, start=1)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def test_train_jsonl_reads_back_as_the_same_conversations_in_rank_order(tmp_path):
    written = write_subset(tmp_path / "out", subset().reverse(), lock=LOCK)
    back = list(read_file(str(tmp_path / "out" / "train.jsonl"), origin="train.jsonl"))
    assert all(isinstance(record, Accepted) for record in back)
    assert [record.conversation.row_id for record in back] == [c.row_id for c in CONVERSATIONS]
    assert (written.rows, written.reread) == (2, 2)


def test_the_folder_holds_the_four_files_and_no_temporary_one(tmp_path):
    write_subset(tmp_path / "out", subset(), lock=LOCK)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["README.md", "selection.lock.json", "subset.parquet", "train.jsonl"]
    table = pl.read_parquet(tmp_path / "out" / "subset.parquet")
    assert table.columns == ["rank", "row_id", "source", "origin", "gain", "score", "labels"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_the_lock_has_what_was_given_and_the_hashes_of_the_other_files(tmp_path):
    write_subset(tmp_path, subset(), lock=LOCK)
    lock = json.loads((tmp_path / "selection.lock.json").read_text())
    hashes = lock.pop("files")
    del lock["lock_sha256"]
    assert lock == LOCK
    assert sorted(hashes) == ["README.md", "subset.parquet", "train.jsonl"]
    for name, digest in hashes.items():
        assert sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_files_that_do_not_read_back_never_replace_those_before(tmp_path, monkeypatch):
    write_subset(tmp_path / "out", subset(), lock=LOCK)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    other = {"messages": [{"role": "user", "content": "another"}]}
    monkeypatch.setattr(lines, "json_line", lambda record: json.dumps(other).encode() + b"\n")
    with pytest.raises(OSError, match="out: 0 rows read back of 2 written: check the disk, run again"):
        write_subset(tmp_path / "out", subset().head(2), lock={**LOCK, "method": "ifd"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_card_names_sources_licences_and_counts(tmp_path):
    write_subset(tmp_path / "out", subset(), lock=LOCK)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| a | MIT | 1 |" in card
    assert "| b | not stated | 1 |" in card
    assert "chosen by `mig` from a pool of 40" in card


def test_the_card_says_whether_its_first_rows_are_the_subset_for_a_smaller_budget(tmp_path):
    write_subset(tmp_path / "nested", subset(), lock=LOCK)
    card = (tmp_path / "nested" / "README.md").read_text()
    assert "in the order in which they were chosen: the first k rows are the subset for budget k.\n\n| source" in card
    write_subset(tmp_path / "other", subset(), lock={**LOCK, "nested": False})
    card = (tmp_path / "other" / "README.md").read_text()
    assert "in the order in which they were chosen. The first k rows are not the subset for budget k" in card
    assert "choose again for a smaller one.\n\n| source" in card


def test_a_free_text_licence_breaks_neither_the_table_nor_the_page(tmp_path):
    write_subset(
        tmp_path,
        subset(),
        lock={**LOCK, "licences": {"a": "MIT | see\n<script>alert(1)</script> ![x](http://a.b/c.png)"}},
    )
    card = (tmp_path / "README.md").read_text()
    assert r"| a | MIT \| see &lt;script&gt;alert(1)&lt;/script&gt; \!\[x\](http://a.b/c.png) | 1 |" in card


def test_an_empty_subset_is_written_whole(tmp_path):
    written = write_subset(tmp_path / "out", subset().clear(), lock=LOCK)
    assert (written.rows, written.reread) == (0, 0)
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == b""


def test_ranks_with_gaps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="rank must count from 1 to 2"):
        write_subset(tmp_path / "out", subset().with_columns(rank=pl.col("rank") * 2), lock=LOCK)
