"""Copies of rows that a pipeline should recognise: exact, normalised and near duplicates, within and across sources."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mig_dagster.conversation import Conversation, Message
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.rows import Row, normalised

Kind = Literal["exact", "normalised", "near"]

# (from, to): copies by kind. Only sources whose format can say it get rows of another.
_PLAN: dict[tuple[str, str], dict[Kind, int]] = {
    ("arithmetic", "arithmetic"): {"exact": 6, "normalised": 5, "near": 6},
    ("sql", "sql"): {"exact": 5, "normalised": 4, "near": 5},
    ("units_and_extraction", "units_and_extraction"): {"exact": 5, "normalised": 4, "near": 5},
    ("help_desk", "help_desk"): {"exact": 5, "normalised": 4, "near": 5},
    ("tool_calls", "tool_calls"): {"exact": 5, "normalised": 4, "near": 5},
    ("essays", "essays"): {"exact": 6, "normalised": 5, "near": 6},
    ("arithmetic", "essays"): {"exact": 8, "normalised": 4, "near": 4},
    ("essays", "help_desk"): {"exact": 6, "normalised": 3, "near": 3},
    ("essays", "units_and_extraction"): {"exact": 3, "normalised": 2, "near": 2},
    ("units_and_extraction", "sql"): {"exact": 6, "normalised": 3, "near": 3},
    ("sql", "tool_calls"): {"exact": 5, "normalised": 2, "near": 2},
    ("help_desk", "essays"): {"exact": 5, "normalised": 3, "near": 3},
}
_SYNONYMS = {
    "buys": "purchases",
    "costs": "is priced at",
    "many": "large a number of",
    "List": "Enumerate",
    "Find": "Look up",
    "Show": "Display",
    "Convert": "Change",
    "Extract": "Gather",
    "Write": "Compose",
    "Explain": "Describe",
    "short": "brief",
    "Make": "Prepare",
    "Hello": "Greetings",
    "Please": "Kindly",
    "Suggest": "Propose",
}


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """A planted row, where it goes, and the row that it repeats."""

    kind: Kind
    row: Row
    to: str
    original: Row


def plant(draws: Draws, rows: Mapping[str, list[Row]], seen: set[str]) -> list[Copy]:
    """Make all copies of the plan; no row is copied twice.

    Args:
        draws: random choices.
        rows: the rows of each source.
        seen: normalised texts of all rows; near duplicates are made to be new and are added.
    """
    left = {source: draws.shuffled([row for row in listed if not row.trailing]) for source, listed in rows.items()}
    copies = []
    for (source, to), counts in _PLAN.items():
        for kind, count in counts.items():
            for _ in range(count):
                original = left[source].pop()
                copies.append(Copy(kind, Row(_CHANGES[kind](draws, original.conversation, seen)), to, original))
    return copies


def _exact(draws: Draws, conversation: Conversation, seen: set[str]) -> Conversation:
    del draws, seen
    return conversation


def _normalised(draws: Draws, conversation: Conversation, seen: set[str]) -> Conversation:
    """Change case, white space or compatibility forms, in one or in all texts."""
    del seen
    variant = draws.choice(_VARIANTS)
    everywhere = draws.chance(0.4)
    changed = _with_texts(conversation, variant, ("user", "assistant") if everywhere else ("user",))
    assert changed != conversation
    return changed


def _near(draws: Draws, conversation: Conversation, seen: set[str]) -> Conversation:
    """Change one word of the question for another, or add one."""
    fitting = [word for word in _SYNONYMS if any(word in m.content.split(" ") for m in conversation.messages[:2])]
    for word in draws.shuffled(fitting):
        changed = _with_texts(conversation, lambda text, word=word: _replaced(text, word), ("user",))  # type: ignore[misc]
        if changed != conversation and _new(changed, seen):
            return changed
    for extra in ("Thanks.", "Please.", "Quickly!"):
        changed = _with_texts(conversation, lambda text, extra=extra: f"{text} {extra}", ("user",))  # type: ignore[misc]
        if _new(changed, seen):
            return changed
    raise AssertionError("no word makes this row new")


def _new(conversation: Conversation, seen: set[str]) -> bool:
    text = normalised(conversation)
    if text in seen:
        return False
    seen.add(text)
    return True


def _replaced(text: str, word: str) -> str:
    return " ".join(_SYNONYMS[word] if part == word else part for part in text.split(" "))


def _with_texts(conversation: Conversation, change: Callable[[str], str], roles: Iterable[str]) -> Conversation:
    """Apply a change to the first message of each role that has a text."""
    left, messages = set(roles), list[Message]()
    for message in conversation.messages:
        if message.role in left and message.content:
            left.discard(message.role)
            message = replace(message, content=change(message.content))
        messages.append(message)
    return replace(conversation, messages=tuple(messages))


def _wide(text: str) -> str:
    """Write letters and digits of the first 40 characters as full-width forms, which NFKC undoes."""
    wide = (chr(ord(sign) + 0xFEE0) if sign.isascii() and sign.isalnum() else sign for sign in text[:40])
    return "".join(wide) + text[40:]


_VARIANTS: tuple[Callable[[str], str], ...] = (
    str.upper,
    lambda text: text.replace(" ", "  "),
    lambda text: f"  {text}\n",
    _wide,
)
_CHANGES: dict[Kind, Callable[[Draws, Conversation, set[str]], Conversation]] = {
    "exact": _exact,
    "normalised": _normalised,
    "near": _near,
}
