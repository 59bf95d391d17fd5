"""Plain records, read by orjson and taken in columns, become exactly what one record after the other would become."""

import json
import os
import random
from collections import Counter

import pytest

from mig_dagster.conversation import canonical_json
from mig_dagster.pool import ingest
from mig_dagster.pool.schema import RAW_POOL, REJECTED
from mig_dagster.sources import FORMATS, Rejected, Source, blocks, plain, read_source, resolve
from mig_dagster.sources.containers import json_lines
from mig_dagster.sources.decode import decode_line
from mig_dagster.sources.records import Accepted, Blank
from mig_dagster.storage import Lake, Store
from tests.sources.mutations import KEYS, TEXTS, line, record, text

FUZZ_LINES = int(os.environ.get("MIG_FUZZ_LINES", "20000"))
COLUMNS = [
    *({}, {}, {}, {"instruction": "prompt"}, {"output": "id", "input": "context"}, {"instruction": "input"}),
    *({"system": "id"}, {"input": "id.0"}, {"output": "answer"}, {"instruction": "id", "output": "instruction"}),
    *({"question": "prompt"}, {"answer": "a\\", "context": "system"}, {"prompt": "question.a"}, {"completion": "id"}),
]


def one_by_one(source):
    """Return the rows, the rejected records and the counts by the strict decoder and one object a record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "decode_lines", lambda lines: list(map(decode_line, lines)))
        records = list(read_source(source))
    rows = [
        {
            "row_id": found.conversation.row_id,
            "source": source.name,
            "origin": found.origin,
            "messages": [
                {
                    "role": message.role,
                    "content": message.content,
                    "tool_calls": message.tool_calls,
                    "reasoning_content": message.reasoning_content,
                }
                for message in found.conversation.messages
            ],
            "tools": found.conversation.tools,
            "n_turns": found.conversation.n_turns,
            "n_chars": found.conversation.n_chars,
            "meta": canonical_json(found.meta),
        }
        for found in records
        if isinstance(found, Accepted)
    ]
    rejected = [
        (source.name, found.origin, found.reason, found.detail, found.raw)
        for found in records
        if isinstance(found, Rejected)
    ]
    return rows, rejected, sum(isinstance(found, Blank) for found in records)


def assert_same(source, folder):
    """Compare both ways; return how many rows were plain."""
    lake = Lake(Store(folder))
    manifest = ingest(source, resolve(source), lake)
    rows, rejected, blank = one_by_one(source)
    found = lake.scan_versions([manifest]).collect()
    assert found.schema == RAW_POOL
    for row, expected in zip(found.iter_rows(named=True), rows, strict=True):
        assert row == expected
    turned_away = lake.scan_versions([manifest], "rejected").collect()
    assert turned_away.schema == REJECTED
    assert turned_away.rows() == rejected
    reasons = Counter(reason for _, _, reason, _, _ in rejected)
    assert manifest.info["rejected"] == dict(reasons)
    assert (manifest.info["accepted"], manifest.info["blank"]) == (len(rows), blank)
    taken = 0
    for block in blocks.read_blocks(source):
        list(block.others)
        taken += len(block.plain.positions)
    return taken


def written(draw, path, lines):
    """Write lines as JSON Lines, or what they hold as an array."""
    if draw.random() < 0.8:
        path = path.with_suffix(".jsonl")
        path.write_bytes(b"".join(content + draw.choice([b"\n", b"\r\n"]) for content in lines))
    else:
        path = path.with_suffix(".json")
        path.write_text(json.dumps([record(draw) for _ in lines]))
    return path


def test_any_file_becomes_what_it_becomes_record_by_record(tmp_path, monkeypatch):
    """Set MIG_FUZZ_LINES to try more lines than the suite has time for."""
    draw = random.Random(0)
    left, number, plain_rows = FUZZ_LINES, 0, Counter()
    monkeypatch.setattr(blocks, "BLOCK_RECORDS", 100)
    while left > 0:
        number += 1
        form = draw.choice(sorted(plain.PLAIN_FORMATS))
        columns = {name: column for name, column in draw.choice(COLUMNS).items() if name in FORMATS[form].fields}
        path = written(draw, tmp_path / f"{number}", [line(draw) for _ in range(500)])
        source = Source("s", str(path), format=form, columns=columns)
        plain_rows[form] += assert_same(source, tmp_path / f"home{number}")
        left -= 500
        path.unlink()
    assert plain_rows.keys() == plain.PLAIN_FORMATS
    assert plain_rows.total() > FUZZ_LINES / 20  # the comparison is of something


@pytest.mark.parametrize("form", sorted(plain.PLAIN_FORMATS))
def test_every_text_is_the_same_in_every_field_of_a_plain_format(tmp_path, form):
    """A format whose parse comes to look into a text, beyond a blank context, is not plain any more."""
    hard = [*TEXTS, "\n\nHuman: a\n\nAssistant: b", "Human: a\n\nAssistant: b", "<|im_start|>user\na<|im_end|>", "null"]
    names = sorted({*FORMATS[form].fields, *KEYS, "label", "score", "messages", "conversations", "text"})
    base = dict.fromkeys(("instruction", "output", "question", "answer", "prompt", "completion"), "Something.")
    records = [base | {name: text} for name in names for text in hard]
    records += [{key: item for key, item in made.items() if key != left} for made in records[:99] for left in base]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(made) + "\n" for made in records))
    assert assert_same(Source("s", str(path), format=form), tmp_path / "home") > 99


def test_a_column_that_a_path_leads_into_is_not_plain(tmp_path):
    """Its name is there in every record, its inside decides what the record says."""
    whole = {"instruction": "Add.", "output": "4", "data": {"input": "2 and 2"}}
    records = [whole | {"data": data} for data in ("2 and 2", {"input": "2 and 2"}, {"other": 1}, ["a"], None, 7)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(made) + "\n" for made in records))
    source = Source("s", str(path), format="alpaca", columns={"input": "data.input"})
    assert assert_same(source, tmp_path / "home") == 3


def test_plain_records_and_others_keep_their_order(tmp_path):
    records = [
        {"instruction": f"q{i}", "output": f"a{i}", **({"history": [["b", "c"]]} if i % 3 else {})} for i in range(99)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(made) + "\n" for made in records))
    assert assert_same(Source("s", str(path), format="alpaca"), tmp_path / "home") == 33


def test_files_of_ordinary_alpaca_rows_are_plain_as_a_whole(tmp_path):
    draw = random.Random(1)
    made = [
        {"instruction": f"Say {i}.", "input": text(draw).replace("\0", ""), "output": "Yes.", "id": i}
        for i in range(50)
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(made))
    assert assert_same(Source("s", str(path), format="alpaca"), tmp_path / "home") == 50
