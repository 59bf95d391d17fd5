"""Tags by any model behind a server that speaks OpenAI's chat API, asked as InsTag asked ChatGPT.

Paper: #InsTag, arXiv 2308.07074; the prompt is that of ChatGPT there. An outage is an error and never a flag: what was
answered is kept, and the next run asks for the rest.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property

from mig_dagster.annotations.annotator import Annotator, Batch, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.scoring import OnTokens
from mig_dagster.annotations.tagging.answers import PARSER_VERSION
from mig_dagster.annotations.tagging.chat_endpoint import ChatEndpoint, EndpointError
from mig_dagster.annotations.tagging.endpoint_spec import EndpointSpec
from mig_dagster.annotations.tagging.prompts import CHAT_PROMPT, CHAT_PROMPT_VERSION
from mig_dagster.annotations.tagging.questions import Question, Questioning, Said
from mig_dagster.annotations.tagging.sessions import session_tags
from mig_dagster.conversation import hash_text

_COLUMNS: Columns = {"tags": [], "notes": []}


class EndpointTagger:
    """Tags as a model behind a server gives them: each user turn is asked about alone, a row gets the union.

    Several queries are asked at once, and each answer is kept in the cache as it comes, so that a run that stopped or
    was killed is taken up where it ended. Answers at temperature 0 are kept for good, refused and unreadable ones too.

    Args:
        spec: which server and model.
    """

    def __init__(self, spec: EndpointSpec) -> None:
        self._spec = spec

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives the tags; known without asking the server."""
        parameters = {**self._spec.parameters(), "parser": PARSER_VERSION, "turns": "union"}
        return Annotator("endpoint", self._spec.model, prompt_version=CHAT_PROMPT_VERSION, parameters=parameters)

    @property
    def columns(self) -> Columns:
        """What is kept of each query."""
        return _COLUMNS

    def encode(self, items: Sequence[str]) -> list[Question]:
        """Return what is asked about queries, for plans."""
        return [self._question(query) for query in items]

    def tag(self, rows: Sequence[Row], cache: FragmentCache | None = None, progress: OnTokens | None = None) -> Batch:
        """Return the tags of rows; flagged and counted as `sessions.session_tags` says.

        Args:
            rows: in any order.
            cache: of the tags of queries, by `hash_text(query)`.
            progress: counts answers, and as tokens those of the prompts, guessed.

        Returns:
            column "tags": list of str per row, None where flagged.

        Raises:
            EndpointError: the package `openai` or the key is missing, or the server gives no answers; the message says
                what to do. What was answered before is in the cache.
            CacheError: a fragment of the cache is corrupt.
        """
        return session_tags(rows, lambda queries: self._tag_queries(queries, cache, progress))

    def _tag_queries(self, queries: list[str], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        keys = [hash_text(query) for query in queries]
        if isinstance(cache, PlanCache):
            return cache.count(queries, keys, self)
        said = Said(len(queries))
        if cache is not None:
            for at, batch in cache.load(self.annotator.fingerprint, keys):
                for i, tags, notes in zip(at.tolist(), batch.columns["tags"], batch.columns["notes"], strict=True):
                    said.tags[i], said.notes[i] = tags, notes
        todo = [i for i, tags in enumerate(said.tags) if tags is None]
        if todo:
            with nullcontext() if cache is None else cache.writer(self.annotator.fingerprint) as writer:
                work = Questioning(
                    {i: self._question(queries[i]) for i in todo}, keys, said, writer, progress, self.annotator
                )
                asyncio.run(self._ask(work))
        return Batch({"tags": said.tags, "notes": said.notes}, [None] * len(queries))

    def _question(self, query: str) -> Question:
        kept = query[: self._spec.max_query_chars]
        return Question(CHAT_PROMPT.around(kept), cut=kept != query)

    async def _ask(self, work: Questioning) -> None:
        """Ask all questions, a few at a time; the first that cannot be asked ends it."""
        left = iter(work.questions)

        async def take_turns() -> None:
            for i in left:
                work.keep(i, await endpoint.ask(work.questions[i].prompt))

        async with ChatEndpoint(self._spec) as endpoint:
            try:
                async with asyncio.TaskGroup() as group:
                    flushing = group.create_task(work.flush_by_the_clock())
                    at_once = min(self._spec.concurrency, len(work.questions))
                    await asyncio.wait([group.create_task(take_turns()) for _ in range(at_once)])
                    flushing.cancel()
            except ExceptionGroup as failed:
                first = failed.exceptions[0]
                if not isinstance(first, EndpointError):
                    raise first from None
                raise EndpointError(f"{first}. {work.standing}") from None
