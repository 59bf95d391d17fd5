"""Len of InstructMining, and how long the response is: in tokens, by any tokenizer.

Which text the paper's Len counts is not known for sure, so there are both: what third-party code counts for the rule of
version 1, and the response alone. Marks that a tokenizer puts around a text are not counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mig_dagster.annotations.annotator import Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.indicators.rows import measure_by_rule
from mig_dagster.annotations.scoring import OnTokens
from mig_dagster.annotations.token_counts import TokenCounter
from mig_dagster.conversation import Conversation


@dataclass(frozen=True, slots=True)
class CountedText:
    """A text whose tokens are counted.

    Attributes:
        version: names it in the fingerprint.
        of: gives it.
    """

    version: str
    of: Callable[[Conversation], str]


COUNTED = {
    "len": CountedText("instruct_mining_v1", lambda c: f"###Instruction:\n{c.instruction}###Response:\n{c.response}"),
    "output_len": CountedText("response", lambda c: c.response),
}
"""What each length counts the tokens of."""


class TokenLength:
    """Tokens of a text of each row; never missing: an empty text has none.

    Args:
        name: one of `COUNTED`.
        counter: with the tokenizer that counts.

    Raises:
        ValueError: the name is unknown.
    """

    def __init__(self, name: str, counter: TokenCounter) -> None:
        if name not in COUNTED:
            raise ValueError(f"name must be one of {', '.join(COUNTED)}, got {name!r}")
        self.name, self._text, self._counter = name, COUNTED[name], counter

    @property
    def annotator(self) -> Annotator:
        """Who gives it."""
        files = self._counter.files
        return Annotator("token_count", files.name, files.revision, prompt_version=self._text.version)

    def measure(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        """Return the tokens of each row."""

        def rule(chunk: Sequence[Row]) -> list[float]:
            counts: list[int] = self._counter([self._text.of(row.conversation) for row in chunk]).tolist()
            return [float(count) for count in counts]

        return measure_by_rule(self.name, self.annotator, rule, rows, cache)
