"""A text as a model reads it, and which of its characters are answers."""

from dataclasses import dataclass

from mig_dagster.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in a text, as character positions.

    Attributes:
        start: of its first character.
        end: behind its last.
        closed: behind the marks with which a chat template closes it; `end` where there are none.
    """

    start: int
    end: int
    closed: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A text and the answers in it, in order; none of them is empty."""

    text: str
    answers: tuple[Answer, ...]


class Writer:
    """Puts a passage together from what is only read and what is an answer."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._answers: list[Answer] = []

    def write(self, text: str) -> None:
        """Add text that is only read."""
        self._parts.append(text)
        self._length += len(text)

    def answer(self, text: str, closing: str = "") -> None:
        """Add an answer, if it says anything; `closing` is the part of the text to come that closes it."""
        start, end = self._length, self._length + len(text)
        self.write(text)
        if text:
            self._answers.append(Answer(start, end, end + len(closing)))

    def passage(self) -> Passage:
        """Return what was written."""
        return Passage("".join(self._parts), tuple(self._answers))


Turn = tuple[str, str]
"""Who speaks, and what it says."""


def turns_of(conversation: Conversation) -> list[Turn]:
    """Return what each message says: its content, then its tool calls as JSON on lines of their own.

    Reasoning that a source keeps apart, and the tools that were offered, are not read.
    """
    return [
        (message.role, "\n".join(filter(None, (message.content, message.tool_calls))))
        for message in conversation.messages
    ]


def answered(turns: list[Turn]) -> list[Turn]:
    """Return the turns up to the last answer that is not empty: what comes after it bears on no answer."""
    last = max((i for i, (role, text) in enumerate(turns) if role == "assistant" and text), default=-1)
    return turns[: last + 1]
