"""The texts in which answers are scored: after all that came before them, and alone. One template a reference.

A canonical row holds an Alpaca record's `instruction` and `input` joined by a line break in one user message, and the
split is not known any more. `plain` joins them in just this way, so that its texts are those of Superfiltering to the
byte. `alpaca` and `chat` write the joined message where their references write an instruction without input: for rows
with an input their texts lack `### Input:` and `Input: `.

Multi-turn conversations are our own extension, no reference has them: an answer is read after everything said before it
and, alone, by itself.
"""

from typing import Protocol

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.ifd.passages import Passage, Writer, answered, turns_of
from mig_dagster.conversation import Conversation


class Template(Protocol):
    """How answers are written, and the rules that its reference has for long ones."""

    @property
    def name(self) -> str:
        """One of `TEMPLATES`."""

    @property
    def version(self) -> str:
        """Changes when any text does."""

    @property
    def adds_special_tokens(self) -> bool:
        """Whether the tokenizer adds its own marks, such as a begin mark; a chat template writes them itself."""

    @property
    def extra_tokens(self) -> int | None:
        """An answer alone is cut at the tokens that the limit left it after its instruction, plus these.

        None: it is cut at the limit, and no more of it is scored than after its instruction.
        """

    @property
    def drops_cut(self) -> bool:
        """Whether a row of which an instruction and its answer do not fit into the limit has no value."""

    def conditioned(self, conversation: Conversation) -> Passage | Defect:
        """Return the answers after all that came before each, in one text."""

    def alone(self, answer: str) -> Passage | Defect:
        """Return an answer without anything that came before it; not empty."""


class Plain:
    r"""Contents alone, each on lines of its own.

    tianyi-lab/Superfiltering @ f0764af, code_ifd/data_analysis.py: `{instruction}\n{input}\n{output}` or
    `{instruction}\n{output}`, and the bare output.
    """

    name = "plain"
    version = "superfiltering-1"
    adds_special_tokens = True
    extra_tokens = 1
    drops_cut = False

    def conditioned(self, conversation: Conversation) -> Passage | Defect:
        """Return all messages up to the last answer, joined by line breaks."""
        writer = Writer()
        for i, (role, text) in enumerate(answered(turns_of(conversation))):
            writer.write("\n" if i else "")
            writer.answer(text) if role == "assistant" else writer.write(text)
        return checked(writer.passage())

    def alone(self, answer: str) -> Passage:
        """Return the answer as it is."""
        writer = Writer()
        writer.answer(answer)
        return writer.passage()


class Alpaca:
    """The prompt of Alpaca; what was said between two answers is the instruction of the second.

    tianyi-lab/Cherry_LLM @ 01fac8d, cherry_seletion/data_analysis.py and data_by_IFD.py, prompt "alpaca" without input.
    The reference gives an answer alone 4 tokens more than were left: `### Response:` and a begin mark under Llama.
    It drops a row whose instruction leaves no room, or whose answer, cut alone to this budget, does not fit behind it:
    where `### Response:` takes 4 tokens or more, as under Llama, cut answers so stay, and are marked as truncated.
    """

    name = "alpaca"
    version = "cherry-1"
    adds_special_tokens = True
    extra_tokens = 4
    drops_cut = True

    _PREAMBLE = (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    )
    _INSTRUCTION = "### Instruction:\n{}\n\n"
    _RESPONSE = "### Response:"

    def conditioned(self, conversation: Conversation) -> Passage | Defect:
        """Return the preamble once, then instruction and response of each answer, with an empty line between."""
        writer = Writer()
        between: list[str] = []
        lead = self._PREAMBLE
        for role, text in answered(turns_of(conversation)):
            if role != "assistant":
                between.append(text)
                continue
            instruction = self._INSTRUCTION.format("\n".join(between)) if between else ""
            writer.write(lead + instruction + self._RESPONSE)
            writer.answer(text)
            between, lead = [], "\n\n"
        return checked(writer.passage())

    def alone(self, answer: str) -> Passage:
        """Return the answer behind `### Response:`."""
        writer = Writer()
        writer.write(self._RESPONSE)
        writer.answer(answer)
        return writer.passage()


def checked(passage: Passage) -> Passage | Defect:
    """Return the passage, or that no answer in it says anything."""
    return passage if passage.answers else Defect("empty_output")


def training_text(conversation: Conversation) -> str:
    """Return a conversation as `plain` writes it, to the end: what a language model that is to score it is trained on.

    Returns:
        What all messages say (contents, and tool calls as JSON), in order, joined by line breaks.
    """
    return "\n".join(text for _, text in turns_of(conversation))
