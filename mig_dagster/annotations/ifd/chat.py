"""Answers in the chat template of the model's own tokenizer."""

from typing import Any

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.ifd.passages import Passage, Turn, Writer, answered, turns_of
from mig_dagster.annotations.ifd.templates import checked
from mig_dagster.annotations.models.chat_template import in_chat_template
from mig_dagster.conversation import Conversation

SYSTEM = "You are a helpful assistant."
"""The system message of conversations without one, as IterIT has it."""

_MARK = "\ue000answer {}\ue001"  # private use: stands in for an answer while the template is asked where it goes


class Chat:
    """The tokenizer's chat template.

    JiaQiSJTU/IterIT @ a351a38, src/data_utils.py: system "You are a helpful assistant.", user,
    assistant, and the template with the assistant's message alone. Its span is looked for with `rfind`, which fails
    where a template trims an answer: answers are stripped of outer white space first.

    Args:
        tokenizer: of transformers.

    Raises:
        ValueError: it has no chat template, or one that takes no assistant message alone.
    """

    name = "chat"
    version = "iterit-1"
    adds_special_tokens = False
    extra_tokens = None
    drops_cut = False

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        if not getattr(tokenizer, "chat_template", None):
            raise ValueError(
                "template='chat' needs a tokenizer with a chat template, this model's has none: use 'plain'"
            )
        if isinstance(self.alone("answer"), Defect):
            raise ValueError(
                "template='chat' scores an assistant message alone, and this model's chat template takes none without "
                "a question before it: use template='plain' or a model with another chat template"
            )

    def conditioned(self, conversation: Conversation) -> Passage | Defect:
        """Return the conversation up to its last answer; without a system message of its own it gets `SYSTEM`."""
        turns = [(role, text.strip() if role == "assistant" else text) for role, text in turns_of(conversation)]
        turns = answered(turns)
        if not turns:
            return Defect("empty_output")
        return self._passage(turns if turns[0][0] == "system" else [("system", SYSTEM), *turns])

    def alone(self, answer: str) -> Passage | Defect:
        """Return the answer as the only message."""
        return self._passage([("assistant", answer)])

    def _passage(self, turns: list[Turn]) -> Passage | Defect:
        """Write marks for answers, put the answers into their places, and see that the template does the same."""
        answers = [text for role, text in turns if role == "assistant" and text]
        marks = [_MARK.format(i) for i in range(len(answers))]
        left = iter(marks)
        marked = self._rendered([(role, next(left) if role == "assistant" and text else text) for role, text in turns])
        whole = self._rendered(turns)
        pieces = None if marked is None or whole is None else _split(marked, marks)
        if pieces is None:
            return Defect("template_refused")
        writer = Writer()
        for piece, answer, following in zip(pieces, answers, pieces[1:], strict=False):
            writer.write(piece)
            writer.answer(answer, closing=pieces[-1] if following.startswith(pieces[-1]) else "")
        writer.write(pieces[-1])
        passage = writer.passage()
        return checked(passage) if passage.text == whole else Defect("template_refused")

    def _rendered(self, turns: list[Turn]) -> str | None:
        """Return the turns in the template; None where it raises, as many do for roles in an unusual order."""
        from jinja2 import TemplateError

        try:
            return in_chat_template(self._tokenizer, turns)
        except TemplateError:
            return None


def _split(text: str, marks: list[str]) -> list[str] | None:
    """Return what stands between the marks, which come in order; None where one is missing."""
    pieces = []
    for mark in marks:
        before, found, text = text.partition(mark)
        if not found:
            return None
        pieces.append(before)
    return [*pieces, text]
