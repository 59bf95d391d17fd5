"""Lines of JSON with every kind of damage, for tests that compare two ways of reading."""

import json
import random
from collections.abc import Callable
from typing import Any

KEYS = ["instruction", "input", "output", "response", "context", "answer", "system", "prompt", "question", "id", "a\\"]
TEXTS = [
    *(
        "",
        " ",
        "\u00a0",
        "\x1c",
        "Say it.",
        "Grüße \U0001f600",
        'a "quoted" word',
        '":',
        '" :',
        "tail\\",
        'a\\"b',
        "\\",
    ),
    *("\0", "x\0y", "\x7f", "\u2028", "line\nbreak", "\r\n", "[1]", '{"a": 1}', "]},{", "\x01", "\ufeff", "\x85"),
]
_NUMBERS = [0, 1, -1, 7.0, 1e16, 2**53 + 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**25, 0.1, True, False, None]
_SPLICES = [
    *(b'"', b"\\", b'\\"', b'\\\\"', b":", b",", b"{", b"}", b"[", b"]", b" ", b"\t", b"\r", b"\0", b"\x01", b"\x0b"),
    *(
        b"\\u0000",
        b"\\ud800",
        b"\\ud83d\\ude00",
        b"\\u00E9",
        b"\\/",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
    ),
    *(
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-0",
        b"-0.0",
        b"1E5",
        b"01",
        b"1.",
        b"9" * 30,
        b"null",
        b"true",
        b"\xe2\x80\xa8",
    ),
    *(b'"output": "again", ', b'"id":1,', b'"id" :1 ,', b', "input": "x"', b"{}", b'{"a":1}', b"[" * 120, b"//"),
]


def record(draw: random.Random) -> dict[str, Any]:
    """Return an object that is often a plain record of some format, and sometimes anything."""
    names = draw.choice([KEYS[:3], [*KEYS[:2], "response"], ["question", "answer"], ["prompt", "response"]])
    made: dict[str, Any] = {name: text(draw) for name in names}
    while draw.random() < 0.3:
        made[draw.choice(KEYS)] = value(draw)
    if draw.random() < 0.1:
        made.pop(draw.choice(list(made)))
    return made


def text(draw: random.Random) -> str:
    """Return a text: mostly plain, sometimes blank, with a NUL, or hard to escape."""
    return draw.choice(TEXTS) if draw.random() < 0.4 else " ".join(draw.choices(["word", "é", '"x"', "\\n", "\n"], k=4))


def value(draw: random.Random, levels: int = 2) -> Any:
    """Return any JSON value."""
    kinds: list[Callable[[], Any]] = [lambda: text(draw), lambda: draw.choice(_NUMBERS)]
    if levels:
        kinds.append(lambda: [value(draw, levels - 1) for _ in range(draw.randrange(3))])
        kinds.append(lambda: {draw.choice(KEYS): value(draw, levels - 1) for _ in range(draw.randrange(3))})
    return draw.choice(kinds)()


def line(draw: random.Random) -> bytes:
    """Return a line of JSON Lines without its line break: a record as some writer writes it, or damaged."""
    separators = draw.choice([(", ", ": "), (",", ":"), (" , ", " : "), (",\t", "\t:\r")])
    made = json.dumps(record(draw), ensure_ascii=draw.random() < 0.5, separators=separators)
    content = draw.choice([b"", b"", b" ", b"\t", b"\r"]) + made.encode() + draw.choice([b"", b"", b"\r", b" \t"])
    while draw.random() < 0.25:
        content = _damaged(draw, content)
    return content.replace(b"\n", b"")


def _damaged(draw: random.Random, content: bytes) -> bytes:
    at = draw.randrange(len(content) + 1)
    kind = draw.randrange(5)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + content[at + 1 :]
    if kind == 2:
        return content + content
    if kind == 3:  # a key once more, where one may stand
        return content.replace(b"{", b"{" + draw.choice(_SPLICES), 1)
    return content[:at] + draw.choice(_SPLICES) + content[at:]
