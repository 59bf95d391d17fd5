"""Conversations as turns to read: each part that was said named, long ones cut, and nothing in them left invisible."""

import re

from mig_dagster.conversation import Conversation, Message

TURN_CHARS = 1_600
"""Most characters of a turn that are shown."""

HEAD_TURNS, TAIL_TURNS = 8, 4
"""Turns shown of a conversation that has more than both together."""

_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
_TURNING = "\u061c\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_LINES = "\u2028\u2029"
_UNSEEN = re.compile(f"[{_FORBIDDEN}{_TURNING}{_INVISIBLE}{_LINES}]")
"""What HTML and XML forbid, what turns the text around it, what nobody sees, and what Vega takes for a line's end."""


def visible(text: str) -> str:
    """Return text with control characters and marks that change its direction written out, as `⟨U+202E⟩`."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", plain)


def excerpt(text: str, most: int = TURN_CHARS) -> str:
    """Return text to read: whole, or two thirds of `most` characters from its start and a third from its end."""
    if len(text) <= most:
        return visible(text)
    head, tail = text[: most - most // 3], text[len(text) - most // 3 :]
    return f"{visible(head)}\n{left_out(len(text) - most, 'characters')}\n{visible(tail)}"


def turns(conversation: Conversation, most: int = TURN_CHARS) -> list[tuple[str, str]]:
    """Return (role, text) of what a conversation consists of: tools offered, reasoning and calls named as such.

    Args:
        conversation: any.
        most: characters of each text.
    """
    said = parts(conversation)
    if len(said) > HEAD_TURNS + TAIL_TURNS:
        between = ("", left_out(len(said) - HEAD_TURNS - TAIL_TURNS, "turns"))
        said = [*said[:HEAD_TURNS], between, *said[-TAIL_TURNS:]]
    return [(role, excerpt(text, most)) for role, text in said]


def parts(conversation: Conversation) -> list[tuple[str, str]]:
    """Return (role, text) of everything in a conversation, uncut."""
    offered = [] if conversation.tools is None else [("tools offered", conversation.tools)]
    return offered + [part for message in conversation.messages for part in _parts(message)]


def left_out(count: int, what: str) -> str:
    """Return what stands where something was cut."""
    return f"[… {count:,} {what} left out …]"


def _parts(message: Message) -> list[tuple[str, str]]:
    role = message.role
    found = [
        (f"{role}, reasoning", message.reasoning_content),
        (role, message.content),
        (f"{role}, tool calls", message.tool_calls),
    ]
    return [(name, text) for name, text in found if text] or [(role, "[empty]")]
