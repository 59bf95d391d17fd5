"""Damaged files of every container and format, and what reading them must give whatever the damage.

The suite tries some (`test_fuzz.py`); `python -m tests.sources.fuzz --minutes 5` goes on for as long as it is asked to.
"""

import argparse
import csv
import gzip
import io
import json
import random
import signal
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mig_dagster.sources import FORMATS, REASONS, Accepted, Rejected, Source, SourceFileError, bytestream, read_file
from mig_dagster.sources.blocks import read_blocks
from mig_dagster.sources.records import Blank

SECONDS = 10
"""How long one input may take; these are of some kilobytes."""

Found = list[Accepted | Rejected | Blank]

_TURNS = [{"role": "user", "content": "2 + 3? é\u2028"}, {"role": "assistant", "content": 'It is "5".\n\\end'}]
_SHARE = [{"from": "human", "value": "2 + 3?"}, {"from": "gpt", "value": "5 𝄞"}]
_CALL = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
RECORDS: dict[str, list[dict[str, Any]]] = {
    "alpaca": [
        {"instruction": "Add 2 and 3.", "input": "", "output": "5"},
        {"instruction": "Add.", "input": "2 é 3", "output": "5\nfive", "score": -1.5e-3, "tags": ["a", None, {"b": 2}]},
        {"instruction": "Add.", "output": "5", "grades": [[0.5], [0.25], [1e3], [2.0], [], [1.5], {"a": 0.1}, [7.5]]},
    ],
    "messages": [
        {"messages": _TURNS, "id": 1},
        {"messages": [{"role": "system", "content": "Be brief."}, *_TURNS, {"role": "user", "content": "Thanks"}]},
        {"messages": [_TURNS[0], {"role": "assistant", "content": None, "tool_calls": [_CALL]}], "tools": '[{"a": 1}]'},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, _TURNS[1]]},
    ],
    "sharegpt": [{"conversations": _SHARE, "system": "s"}, {"conversations": [*_SHARE, *_SHARE], "id": "x"}],
    "deita": [{"conversations": _SHARE, "quality_scores": [3.5], "complexity_scores": [2.0]}],
    "kto": [{"messages": _TURNS, "label": True}, {"messages": _TURNS, "label": False}],
    "preference": [
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"conversations": _SHARE[:1], "chosen": _SHARE[1], "rejected": _SHARE[1]},
        {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"},
    ],
    "oasst": [
        {
            "prompt": {
                "text": "a",
                "role": "prompter",
                "replies": [{"text": "b", "role": "assistant", "rank": 0, "replies": []}],
            }
        }
    ],
    "xsample": [
        {
            "dialogs": _TURNS,
            "annotation": {
                "instag": {"content": ["math"]},
                "deita": {"quality_scores": [3.0], "complexity_scores": [2.0]},
            },
        }
    ],
    "opendataarena": [{"instruction": "a", "output": "b", "Q_scores": {"x": 1}, "QA_scores": "{'y': None}"}],
    "question_answer": [{"question": "2 + 3?", "answer": "5 <<2+3=5>>\n#### 5"}],
    "prompt_completion": [{"prompt": "a", "completion": "b"}, {"prompt": _TURNS[:1], "completion": _TURNS[1:]}],
    "transcript": [{"text": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d"}],
    "marked_text": [
        {"text": "### Human: a### Assistant: b"},
        {"text": "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"},
        {"text": "<s>[INST] <<SYS>>\ns\n<</SYS>>\n\na [/INST] b </s>"},
        {"text": "s USER: a ASSISTANT: b</s>"},
        {"text": "<|user|>\na\n<|assistant|>\nb</s>"},
    ],
}


@dataclass(frozen=True)
class Input:
    """A file to be read: its name and bytes, the format and columns it is read with, and in chunks of what size."""

    name: str
    content: bytes
    format: str | None
    columns: dict[str, str]
    chunk: int


def _lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def _table(records: list[dict[str, Any]], delimiter: str) -> bytes:
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, delimiter=delimiter)
    writer.writeheader()
    for record in records:
        writer.writerow({k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in record.items()})
    return text.getvalue().encode()


def _parquet(records: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    # Values that Arrow cannot put into one column are text there, as JSON.
    try:
        table = pa.Table.from_pylist(records)
    except pa.ArrowException:
        table = pa.Table.from_pylist([{k: json.dumps(v) for k, v in record.items()} for record in records])
    pq.write_table(table, sink, row_group_size=3)
    return sink.getvalue().to_pybytes()


CONTAINERS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "a.jsonl": _lines,
    "lines.json": _lines,
    "compact.json": lambda records: json.dumps(records).encode(),
    "indented.json": lambda records: json.dumps(records, indent=2, ensure_ascii=False).encode(),
    "array.json": lambda records: b"[\n" + _lines(records).rstrip().replace(b"\n", b",\n") + b"\n]\n",
    "a.csv": lambda records: _table(records, ","),
    "semicolon.csv": lambda records: _table(records, ";"),
    "a.tsv": lambda records: _table(records, "\t"),
    "a.parquet": _parquet,
}
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
TOKENS = (
    *(b'"', b"\\", b'\\"', b":", b",", b"{", b"}", b"[", b"]", b"\n", b"\r\n", b"\r", b" ", b"\t", b";", b"|", b"\0"),
    *(b"\\ud83d", b"\\u0000", b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"null", b"true", b"{}", b"[]", b'""'),
    *(b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"),
    *(
        "\u2028\u0085\u2029".encode(),
        b"'",
        b"},\n{",
        b"}{",
        b'"}, {"',
        b"[" * 300,
        b'{"a":' * 300,
        b'"role"',
        b'"from"',
    ),
    *(b"\n\nHuman:", b"\n\nAssistant:", b"### Human:", b"<|im_start|>", b"<|im_end|>", b"[INST]", b"[/INST]", b"USER:"),
    *(
        b'"chosen"',
        b'"messages"',
        b'"text"',
        b'"label"',
        b'"instruction"',
        b'"prompt"',
        b'"output"',
        b'"quality_scores"',
    ),
)


@cache
def seeds() -> dict[tuple[str, str], bytes]:
    """Return sound files by container and format."""
    return {
        (name, form): build([dict(record) for record in records * 2])
        for name, build in CONTAINERS.items()
        for form, records in RECORDS.items()
    }


NUMBERS = st.integers(0, 2**48)


def damaged_input(number: int) -> Input:
    """Return a file that was damaged before it was packed, after, or both: for each number another one."""
    chance = random.Random(number)
    (name, form), content = chance.choice(list(seeds().items()))
    if name != "a.parquet" and (encoding := chance.choice(ENCODINGS)) != "utf-8":
        content = content.decode().encode(encoding, "replace")
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        content = _damaged(content, chance)
    suffix = chance.choice(("", "", "", "", ".gz", ".zst"))
    content = PACKED[suffix](content)
    if suffix and chance.random() < 0.5:
        content = _damaged(content, chance)
    named = chance.random()
    format = None if named < 0.4 else form if named < 0.9 else chance.choice(list(FORMATS))
    columns = (
        {} if chance.random() < 0.9 else {chance.choice(FORMATS[form].fields): chance.choice(("id", "a.0.b", "text.0"))}
    )
    return Input(name + suffix, content, format, columns, chance.choice((1, 7, 100, 5000)))


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """Return bytes with one piece of damage."""
    start = chance.randrange(len(content) + 1)
    end = min(len(content), start + chance.choice((0, 1, 1, 2, 8, 60, 1000)))
    other = chance.choice(list(seeds().values()))
    at = chance.randrange(len(other))
    piece = chance.choice(
        (
            b"",  # a loss
            chance.choice(TOKENS),
            chance.choice(TOKENS),
            chance.choice(TOKENS) * chance.choice((2, 50)),
            bytes(byte ^ (1 << chance.randrange(8)) for byte in content[start:end]),  # bits that flip
            chance.randbytes(end - start),
            content[start:end] * 2,
            other[at : at + chance.choice((5, 100, 2000))],
            None,  # the end is lost
        )
    )
    return content[:start] if piece is None else content[:start] + piece + content[end:]


@contextmanager
def _in_time() -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"an input took longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read_input(given_input: Input, path: Path, chunk: int) -> tuple[Found, str | None]:
    """Return what reading a file gives, and the failure of the file, if it failed."""
    found: Found = []
    records = read_file(str(path), origin="a", format=given_input.format, columns=given_input.columns)
    with mock.patch.object(bytestream, "CHUNK_BYTES", chunk):
        try:
            for record in records:
                found.append(record)
        except SourceFileError as failure:
            return found, str(failure)
        except ValueError as error:
            if not str(error).startswith("columns names"):
                raise
            return found, str(error)
    return found, None


def check_input(given_input: Input) -> Counter[str]:
    """Read a file, and check everything that must hold; return how many records of each kind it gave.

    Raises:
        AssertionError: something does not hold.
        Exception: whatever reading raises beside `SourceFileError`.
    """
    with tempfile.TemporaryDirectory() as folder, _in_time():
        path = Path(folder, given_input.name)
        path.write_bytes(given_input.content)
        found, failure = read_input(given_input, path, 1 << 20)
        assert (found, failure) == read_input(given_input, path, 1 << 20), "two readings differ"
        in_chunks, failure_in_chunks = read_input(given_input, path, given_input.chunk)
        # With less of the beginning in sight, a file may be taken for another container.
        if given_input.chunk >= 5000:
            both = min(len(found), len(in_chunks)) if failure else None  # how far one comes before a failure differs
            assert (failure is None) == (failure_in_chunks is None), "a file fails by the size of chunks"
            assert found[:both] == in_chunks[:both], "chunks of another size read differently"
        source = Source("a", str(path), format=given_input.format, columns=given_input.columns)
        _check_blocks(source, found, failure)
    _check_usable(found, failure)
    if failure is None:
        expected = _records_of(given_input)
        assert expected is None or expected == len(found), f"{len(found)} of {expected} records"
    return Counter(["files", "failed" if failure else "read"]) + Counter(type(record).__name__ for record in found)


def _check_blocks(source: Source, found: Found, failure: str | None) -> None:
    """Check that reading in blocks, as ingestion does, gives as many records, and fails where the other fails."""
    records, problem = 0, None
    try:
        for block in read_blocks(source):
            records += sum(1 for _ in block.others)
            records += len(block.plain.positions)
    except (SourceFileError, ValueError) as error:
        problem = str(error)
    assert problem == failure
    assert failure or records == len(found), f"{records} records in blocks, {len(found)} one by one"


def _check_usable(found: Found, failure: str | None) -> None:
    (failure or "").encode()
    for position, record in enumerate(found, 1):
        assert record.origin == f"a:{position:09d}"
        if isinstance(record, Accepted):
            assert record.conversation.messages[-1].role == "assistant"
            assert record.conversation.n_turns >= 1
            record.conversation.canonical_json().encode()
            json.dumps(record.meta, ensure_ascii=False, allow_nan=False).encode()
        elif isinstance(record, Rejected):
            assert record.reason in REASONS
            assert len(record.raw.encode()) <= 2048
            record.detail.encode()


def _records_of(given_input: Input) -> int | None:
    """Return how many records a file has, counted without the readers; None where that is not as simple."""
    content = _unpacked(given_input.content)
    if content is None:
        raise AssertionError("damaged compressed data was read")
    if content.startswith(b"PAR1"):
        return int(pq.ParquetFile(io.BytesIO(content)).metadata.num_rows)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or given_input.name.startswith(("a.csv", "semicolon", "a.tsv")):
        return None
    text = content.removeprefix(b"\xef\xbb\xbf")
    if not given_input.name.startswith("a.jsonl") and text.lstrip(b" \t\r\n").startswith(b"["):
        try:
            elements = json.loads(text.decode("utf-8", "surrogateescape"))
        except (ValueError, RecursionError):
            return None
        return len(elements)
    return text.count(b"\n") + (not text.endswith(b"\n"))


def _unpacked(content: bytes) -> bytes | None:
    """Return what a file holds as other libraries unpack it; None where they cannot."""
    try:
        if content.startswith(b"\x1f\x8b"):
            return gzip.decompress(content)
        if content.startswith(b"\x28\xb5\x2f\xfd"):
            with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
                return bytes(stream.read())
    except (EOFError, OSError, zlib.error, pa.ArrowException):
        return None
    return content


def _fuzz(minutes: float) -> Counter[str]:
    """Try inputs for some minutes; return the counts of all."""
    total: Counter[str] = Counter()
    ends = time.monotonic() + 60 * minutes

    def attempt(number: int) -> None:
        total.update(check_input(damaged_input(number)))

    while time.monotonic() < ends:
        round_of = settings(
            max_examples=1000,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        round_of(given(number=NUMBERS)(attempt))()
        sys.stdout.write(f"{dict(total)}\n")
        sys.stdout.flush()
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    _fuzz(parser.parse_args().minutes)
