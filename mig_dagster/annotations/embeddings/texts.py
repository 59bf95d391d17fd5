"""What of a row is embedded, by name: each as the method that reads the embedding puts it.

Text          For     As in
instruction   QDIT    all user messages, a line break between ([2nd]: the instruction alone)
conversation  -       all messages in order, a line break between
vicuna        DEITA   hkust-nlp/deita@405d060, selection/embedder: its template vicuna_v1.1, `only_answer` off
car           CaR     IronBeliever/CaR@3357044: "Instruction: ... Input: ... Response: ...", " Input: " also when empty

Departures of `vicuna`: DEITA knows neither system messages nor tools and stops at two turns of one speaker. Here a
system message takes the place of the template's, what a tool says is the user's, and each turn has its own separator,
which comes to the same where turns alternate. As there, a first turn of the assistant is left out. `car` puts a
canonical row's whole instruction where CaR has instruction and input: the two are one message here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mig_dagster.conversation import Conversation

VICUNA_SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """A text of a conversation.

    Attributes:
        of: gives it; "" where the conversation says nothing.
        version: names what is put around what was said; None where nothing is.
    """

    of: Callable[[Conversation], str]
    version: str | None = None


def vicuna_prompt(conversation: Conversation) -> str:
    """Return the whole conversation in Vicuna's template: `system USER: ... ASSISTANT: ...</s>USER: ...`."""
    system = [message.content for message in conversation.messages if message.role == "system" and message.content]
    turns = [
        (message.role == "assistant", "\n".join(filter(None, (message.content, message.tool_calls))))
        for message in conversation.messages
        if message.role != "system"
    ]
    if turns and turns[0][0]:
        turns = turns[1:]
    if not any(text.strip() for _, text in turns):
        return ""
    parts = [_vicuna_turn(answer, text) for answer, text in turns]
    return "\n".join(system or [VICUNA_SYSTEM]) + " " + "".join(parts)


def car_text(conversation: Conversation) -> str:
    """Return instruction and response as CaR reads them."""
    instruction, response = conversation.instruction, conversation.response
    if not (instruction + response).strip():
        return ""
    return f"Instruction: {instruction} Input:  Response: {response}"


def _vicuna_turn(answer: bool, text: str) -> str:
    who = "ASSISTANT:" if answer else "USER:"
    return f"{who} {text}{'</s>' if answer else ' '}" if text else who


TEXTS = {
    "instruction": EmbeddedText(lambda conversation: conversation.instruction),
    "conversation": EmbeddedText(lambda conversation: "\n".join(m.content for m in conversation.messages if m.content)),
    "vicuna": EmbeddedText(vicuna_prompt, "vicuna_v1.1-1"),
    "car": EmbeddedText(car_text, "car-1"),
}
