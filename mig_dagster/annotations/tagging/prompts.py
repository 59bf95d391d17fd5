"""How models are asked for the tags of a query, byte for byte as InsTag and its users ask."""

from dataclasses import dataclass
from typing import Literal

PromptVersion = Literal["A", "B"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What stands around a query.

    Attributes:
        before: the query.
        after: the query; ends in the cue that makes the model answer, so it is never cut.
    """

    before: str
    after: str

    def around(self, query: str) -> str:
        """Return the prompt for a query."""
        return f"{self.before}{query}{self.after}"


_TASK = (
    "Please identify tags of user intentions in the following user query and provide an explanation for each tag. "
    'Please respond in the JSON format {"tag": str, "explanation": str}.'
)

INSTAGGER_PROMPTS: dict[PromptVersion, Prompt] = {
    "A": Prompt(f"You are a helpful assistant. {_TASK} Query: ", " Assistant: "),
    "B": Prompt(
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
        f"detailed, and polite answers to the human's questions. USER: {_TASK}\nUser query: ",
        " ASSISTANT:",
    ),
}
"""Of OFA-Sys/InsTagger: A as in the paper (#InsTag, arXiv 2308.07074); B in the Vicuna v1.1 template,
which its README (OFA-Sys/InsTag@aac2f27) says it was trained with, and which OpenDataArena and DataFlow send."""

CHAT_PROMPT_VERSION = "instag-chat-1"

CHAT_PROMPT = Prompt(
    "You are a tagging system that provides useful tags for instruction intentions to distinguish instructions for a "
    "helpful AI assistant. Below is an instruction:\n[begin]\n",
    '\n[end]\nPlease provide coarse-grained tags, such as "Spelling and Grammar Check" and "Cosplay", to identify main '
    "intentions of above instruction. Your answer should be a list including titles of tags and a brief explanation of "
    "each tag. Your response have to strictly follow this JSON format: "
    '[{"tag": str, "explanation": str}]. Please response in English.',
)
"""What the paper asked ChatGPT (#InsTag, arXiv 2308.07074 [2nd])."""
