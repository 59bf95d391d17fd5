"""What UniEval-dialog is asked about a response, byte for byte as maszhongming/UniEval@9d9b51d, utils.py."""

from dataclasses import dataclass

from mig_dagster.conversation import Conversation

PROMPT_VERSION = "unieval-dialog-1"

QUESTIONS = {
    "nat": "question: Is this a natural response in the dialogue? </s> response: ",
    "coh": "question: Is this a coherent response given the dialogue history? </s> response: ",
    "und": "question: Is this an understandable response in the dialogue? </s> response: ",
}
"""What stands before the response, by indicator."""

HISTORY = " </s> dialogue history: "
"""What stands between a response and its history."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question about a response.

    Attributes:
        lead: what stands before the response.
        response: not blank.
        history: what the response is held against; None where the question asks for none.
    """

    lead: str
    response: str
    history: str | None = None

    @property
    def text(self) -> str:
        """The whole input."""
        return self.lead + self.response + ("" if self.history is None else HISTORY + self.history)


def question_about(conversation: Conversation, name: str) -> Question | None:
    """Return a question of `QUESTIONS` about the last response; None without a response, or history where it asks."""
    spoken = [message for message in conversation.messages if message.role != "system" and message.content.strip()]
    last = max((i for i, message in enumerate(spoken) if message.role == "assistant"), default=None)
    if last is None:
        return None
    response = spoken[last].content
    if name != "coh":
        return Question(QUESTIONS[name], response)
    history = "\n".join(message.content for message in spoken[:last])
    return Question(QUESTIONS[name], response, history) if history else None
