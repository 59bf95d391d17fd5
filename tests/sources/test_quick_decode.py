"""orjson is trusted only where it says what the strict decoder says."""

import os
import random

import orjson
import pytest

from mig_dagster.sources import quick_decode
from mig_dagster.sources.decode import decode_line
from mig_dagster.sources.quick_decode import decode_lines
from mig_dagster.sources.reasons import Defect
from tests.sources.mutations import line

FUZZ_LINES = int(os.environ.get("MIG_FUZZ_LINES", "20000"))


def shown(value):
    """Return what tells values apart that are equal to Python: 1, 1.0 and true, 0.0 and -0.0, the order of keys."""
    return (value.reason, value.detail) if isinstance(value, Defect) else repr(value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": "x", "a": "x"}',
        b'{"a": 1, "a" :2}',
        b'{"a\\\\":1,"a\\\\" :1}',
        b'{"a\\\\":"x\\\\","a\\\\":"y\\\\"}',
        b'{"b": {"a": "x", "\\u0061": "y"}}',
        b'{"a": [{"a": "\\"", "a": null}]}',
        b'{"a": 18446744073709551616}',
        b'{"a": [-9223372036854775809]}',
        b'{"a": -0}',
        b'{"a": -0.0}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\x01"}',
        b'{"a": 1} {"b": 2}',
        b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}",
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        b"\xef\xbb\xbf{}",
        b"",
        b"7",
        b"null",
        b'"text"',
        b"[]",
        b"{",
    ],
)
def test_what_orjson_reads_otherwise_is_left_to_the_strict_decoder(text):
    assert list(map(shown, decode_lines([b"{}", text, b"{}"]))) == list(
        map(shown, map(decode_line, [b"{}", text, b"{}"]))
    )


@pytest.mark.parametrize(
    "text", [b'{"a": "x", "b": null}', b'{"a": {"b": ["c", 1, true]}}', b'{"a": "say \\"x\\": y"}']
)
def test_ordinary_lines_never_reach_the_strict_decoder(text, monkeypatch):
    monkeypatch.setattr(quick_decode, "decode_line", None)
    assert decode_lines([text] * 3) == [orjson.loads(text)] * 3


def test_many_floats_on_a_line_are_left_to_the_strict_decoder():
    assert decode_lines([b"[" + b"[0.5]," * 100 + b"{}]"]) == [[[0.5]] * 100 + [{}]]


def test_any_damage_is_read_as_the_strict_decoder_reads_it():
    """Set MIG_FUZZ_LINES to try more lines than the suite has time for."""
    draw = random.Random(0)
    left = FUZZ_LINES
    while left > 0:
        lines = [line(draw) for _ in range(draw.choice([1, 2, 50, 500]))]
        found = decode_lines(lines)
        for content, value in zip(lines, found, strict=True):
            assert shown(value) == shown(decode_line(content)), content
        left -= len(lines)
