"""Questions to a server while they are being answered: each answer is read and kept as it comes."""

import asyncio
import time
from dataclasses import dataclass, field

from mig_dagster.annotations import cache as caching
from mig_dagster.annotations.annotator import Annotator, Batch
from mig_dagster.annotations.cache import FragmentWriter
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.scoring import OnTokens, TokenProgress
from mig_dagster.annotations.tagging.answers import noted, read_tags
from mig_dagster.annotations.tagging.chat_endpoint import tokens_of


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a query.

    Attributes:
        prompt: with the query in it.
        cut: the query was too long to be asked about whole.
    """

    prompt: str
    cut: bool

    @property
    def tokens(self) -> int:
        """About how many tokens the prompt has."""
        return tokens_of(self.prompt)


class Said:
    """The tags and notes of n queries, None until they are known."""

    def __init__(self, n: int) -> None:
        self.tags: list[list[str] | None] = [None] * n
        self.notes: list[list[str] | None] = [None] * n


@dataclass(slots=True)
class Questioning:
    """The questions of one call, and what was answered so far, kept as it comes.

    Attributes:
        questions: by place in `keys` and `said`.
        keys: of all queries in the cache.
        said: takes the answers in.
        writer: keeps them; None keeps nothing.
        progress: told of each answer.
        annotator: who answers.
    """

    questions: dict[int, Question]
    keys: list[str]
    said: Said
    writer: FragmentWriter | None
    progress: OnTokens | None
    annotator: Annotator
    started: float = field(default_factory=time.monotonic)
    answers: int = 0
    tokens: int = 0
    of_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        """Count what is to be asked."""
        self.of_tokens = sum(question.tokens for question in self.questions.values())

    @property
    def standing(self) -> str:
        """What an interrupted run has to show."""
        if self.writer is None:
            return f"{self.answers} of {len(self.questions)} queries were answered, and nothing keeps the answers"
        return (
            f"{self.answers} of {len(self.questions)} queries were answered and are in the cache: run it again to ask "
            "for the others"
        )

    def keep(self, i: int, reply: str | Defect) -> None:
        """Take in an answer."""
        answer = reply if isinstance(reply, Defect) else read_tags(reply)
        tags, notes = noted(answer, self.questions[i].cut)
        self.said.tags[i], self.said.notes[i] = tags, notes
        if self.writer is not None:
            self.writer.add([self.keys[i]], Batch({"tags": [tags], "notes": [notes]}, [None]))
        self.answers += 1
        self.tokens += self.questions[i].tokens
        if self.progress is not None:
            seconds = time.monotonic() - self.started
            told = TokenProgress(
                self.annotator, self.answers, len(self.questions), self.tokens, self.of_tokens, self.tokens, seconds
            )
            self.progress(told)

    async def flush_by_the_clock(self) -> None:
        """Write what waits, also while the server lets everyone wait."""
        while self.writer is not None:
            await asyncio.sleep(caching.FLUSH_SECONDS)
            self.writer.flush()
