"""Dialogues in one text, their turns told apart by markers: which style of markers a text has, and its turns."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mig_dagster.conversation import Message
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.turns import ROLES, role_of


@dataclass(frozen=True, slots=True)
class Style:
    """One way to mark turns.

    Attributes:
        name: for messages.
        marker: what a turn begins with; its group `role` says who speaks.
        preamble: whether text may stand before the first marker; it is what the system says.
        tails: what may follow a turn and is no part of it, beside white space.
        closer: what every turn but the last ends with, so that nothing but white space follows it; a marker in a turn
            that is still open may be what somebody says of markers.
    """

    name: str
    marker: re.Pattern[str]
    preamble: bool
    tails: tuple[str, ...] = ()
    closer: str | None = None


_BEGIN = re.compile(r"\s*(?:(?:<s>|<bos>|<\|begin_of_text\|>)\s*)*")
_SYSTEM_BLOCK = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_INST = {"INST": "user", "/INST": "assistant"}

TRANSCRIPT = Style(
    "Human: and Assistant: after a blank line",
    re.compile(r"(?:\A\s*|\r?\n\r?\n)(?P<role>Human|Assistant|System):"),
    preamble=True,
)
STYLES = (
    Style("### Human: and ### Assistant:", re.compile(r"### ?(?P<role>Human|User|Assistant|System):"), preamble=True),
    Style(
        "USER: and ASSISTANT:",
        re.compile(r"(?:\A|(?<=\s)|(?<=</s>))(?P<role>USER|ASSISTANT|SYSTEM):"),
        preamble=True,
        tails=("</s>", "<s>"),
    ),
    Style(
        "<|user|> and <|assistant|>",
        re.compile(r"<\|(?P<role>system|user|human|prompter|assistant|tool|observation)\|>"),
        preamble=False,
        tails=("</s>", "<|end|>", "<|endoftext|>"),
    ),
    Style(
        "<|im_start|> and <|im_end|>",
        re.compile(r"<\|im_start\|>[ \t]*(?P<role>\w*)"),
        preamble=False,
        tails=("<|im_end|>", "</s>", "<|endoftext|>"),
        closer="<|im_end|>",
    ),
    Style("[INST] and [/INST]", re.compile(r"\[(?P<role>/?INST)\]"), preamble=False, tails=("</s>", "<s>")),
)


def style_of(text: str, styles: Iterable[Style]) -> Style | None:
    """Return the style whose markers a text has: one of a user and, after it, one of an assistant.

    Of several the text must begin with the marker of exactly one; else nobody can tell, and it is None.
    """
    fitting = [style for style in styles if _fits(text, style)]
    if len(fitting) > 1:
        start = _after_begin(text)
        fitting = [style for style in fitting if style.marker.match(text, start)]
    return fitting[0] if len(fitting) == 1 else None


def marked_turns(text: str, style: Style) -> list[Message]:
    """Return the turns of a text; white space around a turn is dropped, and nothing else.

    Raises:
        Defect: `unknown_role`, or `text_outside_turns` where text stands before the first or between two turns.
    """
    markers = list(style.marker.finditer(text))
    first = markers[0].start() if markers else len(text)
    before = text[_after_begin(text[:first]) : first].strip()
    if before and not style.preamble:
        raise Defect("text_outside_turns", f"{before[:60]!r} before the first of {style.name}")
    messages = [Message("system", before)] if before else []
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    for marker, end in zip(markers, ends, strict=True):
        if style.closer and end < len(text) and style.closer not in text[marker.end() : end]:
            raise Defect("text_outside_turns", f"{text[end : end + 60]!r} begins a turn before {style.closer}")
        messages += _turn(marker["role"], text[marker.end() : end], style)
    return messages


def begins_as_transcript(text: str) -> bool:
    """Return whether a text is a transcript from its first character on: `Human:` after blank lines."""
    return re.match(r"\s*Human:", text) is not None and _fits(text, TRANSCRIPT)


def _fits(text: str, style: Style) -> bool:
    roles = map(_role, style.marker.finditer(text))
    return "user" in roles and "assistant" in roles  # the second search goes on where the first ended


def _role(marker: re.Match[str]) -> str | None:
    name = marker["role"]
    return _INST.get(name) or ROLES.get(name.lower())


def _turn(name: str, text: str, style: Style) -> Sequence[Message]:
    text = text.strip()
    while text.endswith(style.tails):
        text = next(text.removesuffix(tail) for tail in style.tails if text.endswith(tail)).rstrip()
    if style.closer and style.closer in text:
        rest = text.partition(style.closer)[2].strip()
        raise Defect("text_outside_turns", f"{rest[:60]!r} after {style.closer}")
    role = _INST.get(name) or role_of(name)
    if name == "INST" and (block := _SYSTEM_BLOCK.match(text)):
        return Message("system", block[1].strip()), Message(role, text[block.end() :].strip())
    return (Message(role, text.strip()),)


def _after_begin(text: str) -> int:
    begin = _BEGIN.match(text)
    assert begin is not None  # the pattern matches the empty string
    return begin.end()
