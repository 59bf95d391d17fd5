"""InsTagger: a language model fine-tuned to name the intentions of a query, and to explain each, in JSON.

Paper: #InsTag, arXiv 2308.07074. Model: OFA-Sys/InsTagger, a LLaMA-2 7B. There is no reference code; prompts, decoding
and parsing are those of projects that run it [2nd]. It agrees exactly with ChatGPT in 31.8 % of its tags by F1, and in
meaning in 73.4 % (README, OFA-Sys/InsTag@aac2f27): answers that cannot be read are normal, flagged and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mig_dagster.annotations.annotator import Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.annotations.scoring import OnTokens, score_items
from mig_dagster.annotations.tagging.answers import PARSER_VERSION, AnswerScan, noted, read_tags
from mig_dagster.annotations.tagging.greedy import continue_greedily
from mig_dagster.annotations.tagging.prompts import INSTAGGER_PROMPTS, Prompt, PromptVersion
from mig_dagster.annotations.tagging.sessions import session_tags
from mig_dagster.conversation import hash_text

MAX_NEW_TOKENS = 512
"""As projects that run it set it [2nd]; of the 2048 tokens of `ModelSpec.max_tokens` 1536 are left for the prompt."""


class InsTagger:
    """Tags as InsTagger gives them: each user turn is asked about alone, a row gets the union of its turns' tags.

    Queries that are too long for the model are cut at their end, never the cue after them. What an answer says does not
    depend on the batch it is made in, beyond the rounding of the dtype. What is kept in the cache is the tags of a
    query, so that rows that share one, or a turn, share its answer.

    Args:
        model: InsTagger or a model trained like it.
        prompt: which wrapping it was trained with.
        max_new_tokens: where answers are cut; tags that were complete by then count.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self, model: CausalLanguageModel, prompt: PromptVersion = "B", max_new_tokens: int = MAX_NEW_TOKENS
    ) -> None:
        if prompt not in INSTAGGER_PROMPTS:
            raise ValueError(f"prompt must be one of {', '.join(INSTAGGER_PROMPTS)}, got {prompt!r}")
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {max_new_tokens}")
        self._model, self._version, self._max_new_tokens = model, prompt, max_new_tokens

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives the tags; known without loading the model."""
        parameters = {
            **self._model.spec.parameters(),
            "max_new_tokens": self._max_new_tokens,
            "parser": PARSER_VERSION,
            "turns": "union",
        }
        files = self._model.files
        return Annotator(
            "instagger",
            files.name,
            files.revision,
            prompt_version=f"instagger-{self._version}-1",
            parameters=parameters,
        )

    def tag(self, rows: Sequence[Row], cache: FragmentCache | None = None, progress: OnTokens | None = None) -> Batch:
        """Return the tags of rows; flagged and counted as `sessions.session_tags` says.

        Args:
            rows: in any order.
            cache: of the tags of queries, by `hash_text(query)`.
            progress: counts queries, and as tokens those of the prompts with the most that answers may have.

        Returns:
            column "tags": list of str per row, None where flagged.

        Raises:
            ModelError: the model cannot be had.
            ValueError: the model reads too few tokens for the prompt, or its tokenizer ends a prompt.
            CacheError: a fragment of the cache is corrupt.
            MemoryError: a single query does not fit into memory.
            FloatingPointError: the model gave NaN or an infinity.
        """

        def tag_queries(queries: list[str]) -> Batch:
            return score_items(queries, [hash_text(query) for query in queries], self._queries, cache, progress)

        return session_tags(rows, tag_queries)

    @cached_property
    def _queries(self) -> "_Queries":
        return _Queries(self._model, INSTAGGER_PROMPTS[self._version], self._max_new_tokens, self.annotator)


@dataclass(frozen=True, slots=True)
class _Question:
    """A prompt as tokens.

    Attributes:
        ids: of the prompt.
        tokens: with those that the answer may have.
        cut: the query was too long.
    """

    ids: list[int]
    tokens: int
    cut: bool


class _Queries:
    """A `TokenModel` over queries."""

    def __init__(self, model: CausalLanguageModel, prompt: Prompt, max_new_tokens: int, annotator: Annotator) -> None:
        self._model, self._prompt, self._max_new_tokens = model, prompt, max_new_tokens
        self.annotator = annotator
        self.columns: Columns = {"tags": [], "notes": []}
        self.batch_tokens = model.spec.batch_tokens
        self._texts: dict[int, str] = {}

    def encode(self, items: Sequence[str]) -> list[_Question | Defect]:
        """Return prompts as tokens."""
        room = self._model.limit - self._max_new_tokens
        around = len(self._ids(self._prompt.around("")))
        if room <= around:
            raise ValueError(
                f"max_tokens must exceed the {around} tokens of the prompt and {self._max_new_tokens} new ones, got "
                f"{self._model.limit} with {self._model.files.name}: raise max_tokens, lower max_new_tokens or take a "
                "model that reads more"
            )
        self._check_cue()
        prompts = [self._prompt.around(query) for query in items]
        encoded: list[list[int]] = self._model.tokenizer(prompts, **_QUIET)["input_ids"]
        return [self._question(query, ids, room) for query, ids in zip(items, encoded, strict=True)]

    def run(self, encoded: Sequence[_Question]) -> Mapping[str, Column]:
        """Return tags, and what is to be said of each answer."""
        ends = [_End(self._last_tokens, self._text) for _ in encoded]
        said = continue_greedily(self._model, [question.ids for question in encoded], self._max_new_tokens, ends)
        answers = [read_tags(self._model.tokenizer.decode(ids, skip_special_tokens=True)) for ids in said]
        pairs = [noted(answer, question.cut) for answer, question in zip(answers, encoded, strict=True)]
        return {"tags": [tags for tags, _ in pairs], "notes": [notes for _, notes in pairs]}

    def _check_cue(self) -> None:
        """Refuse a tokenizer that ends a prompt: what the model says after that is no answer to it."""
        if self._ids(self._prompt.around(""))[-1] == self._model.tokenizer.eos_token_id:
            raise ValueError(
                f"the tokenizer of {self._model.files.name} puts its end token behind a prompt, so that the model does "
                "not go on from the cue: set add_eos_token to false in its tokenizer_config.json, or take the "
                "tokenizer that the model was trained with"
            )

    def _question(self, query: str, ids: list[int], room: int) -> _Question | Defect:
        """Return the prompt of a query, cut at its end where prompt and answer would not fit."""
        kept = query
        while len(ids) > room:
            kept = self._without_last_tokens(kept, len(ids) - room)
            if not kept.strip():
                return Defect("truncated")
            ids = self._ids(self._prompt.around(kept))  # what is left may fall into other tokens than it did before
        return _Question(ids, len(ids) + self._max_new_tokens, cut=kept != query)

    def _without_last_tokens(self, query: str, excess: int) -> str:
        encoded = self._model.tokenizer(query, add_special_tokens=False, return_offsets_mapping=True, **_QUIET)
        starts = [start for start, _ in encoded["offset_mapping"]]
        return query[: min(starts[-excess], len(query) - 1)] if excess < len(starts) else ""

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._model.tokenizer(text, **_QUIET)["input_ids"]
        return ids

    @cached_property
    def _last_tokens(self) -> frozenset[int]:
        given = self._model.model.generation_config.eos_token_id
        configured = given if isinstance(given, list) else [given]
        return frozenset(token for token in (*configured, self._model.tokenizer.eos_token_id) if token is not None)

    def _text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self._model.tokenizer.decode([token])
        return self._texts[token]


_QUIET: dict[str, Any] = {"verbose": False}  # texts longer than the model reads are expected


class _End:
    """Whether an answer has ended: with the model's end token, or as soon as its JSON is closed."""

    def __init__(self, last_tokens: frozenset[int], text: Any) -> None:
        self._last_tokens, self._text, self._scan = last_tokens, text, AnswerScan()

    def __call__(self, token: int) -> bool:
        return token in self._last_tokens or self._scan.feed(self._text(token))
