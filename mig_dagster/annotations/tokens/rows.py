"""Token counts of rows, computed once under one tokenizer and template."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import annotate
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.tokens.chat_text import ChatText
from mig_dagster.annotations.tokens.counting import count_tokens
from mig_dagster.annotations.tokens.tokenizer import RowTokenizer
from mig_dagster.annotations.tokens.written import Written, plain_text
from mig_dagster.conversation import Conversation

Template = Literal["model", "none"]
VERSION = "2"
"""Changed when the same row, tokenizer and template shall have other counts."""

COLUMNS: Columns = MappingProxyType(
    {name: np.empty(0, np.int64) for name in ("tokens", "trained_tokens", "searched_turns")}
)
"""`searched_turns` are the assistant turns of a row whose end was looked for (`Written.searched`): it marks the row."""

_AT_ONCE = 256
"""Rows whose tokens are held at a time: a token takes some hundred bytes there."""


class RowTokens:
    """Counts the tokens of rows.

    Args:
        tokenizer: that counts.
        template: "model" writes a row in the tokenizer's own chat template, marks included; "none" counts what the row
            says and nothing else.

    Raises:
        ValueError: the template is unknown, or, on first use, the tokenizer has none.
        ModelError: the tokenizer cannot be had; on first use.
    """

    def __init__(self, tokenizer: RowTokenizer, template: Template = "none") -> None:
        if template not in get_args(Template):
            raise ValueError(f"template must be one of {', '.join(get_args(Template))}, got {template!r}")
        self._tokenizer, self._template = tokenizer, template

    @cached_property
    def annotator(self) -> Annotator:
        """Who counts."""
        files = self._tokenizer.files
        named = {} if self._chat is None else {"template": self._chat.template}
        return Annotator(
            "row_tokens", files.name, files.revision, prompt_version=f"{self._template}-{VERSION}", parameters=named
        )

    def count(self, rows: Sequence[Row]) -> Batch:
        """Return the `COLUMNS` of distinct rows; 0 and flagged `template_refused` where the template takes no such."""
        tokens, trained, searched = np.zeros((3, len(rows)), np.int64)
        written = [self._written(row.conversation) for row in rows]
        flags = [each.flag if isinstance(each, Defect) else None for each in written]
        there = [(place, each) for place, each in enumerate(written) if isinstance(each, Written)]
        for start in range(0, len(there), _AT_ONCE):
            places, texts = zip(*there[start : start + _AT_ONCE], strict=True)
            tokens[list(places)], trained[list(places)] = count_tokens(self._tokenizer.pieces, texts)
            searched[list(places)] = [text.searched for text in texts]
        return Batch({"tokens": tokens, "trained_tokens": trained, "searched_turns": searched}, flags)

    def _written(self, conversation: Conversation) -> Written | Defect:
        return plain_text(conversation) if self._chat is None else self._chat(conversation)

    @cached_property
    def _chat(self) -> ChatText | None:
        return None if self._template == "none" else ChatText(self._tokenizer.chat)


def token_rows(rows: Iterable[Row], counter: RowTokens, cache: FragmentCache | None = None) -> Annotations:
    """Count the tokens of each distinct row.

    Args:
        rows: may repeat a `row_id`; the first counts.
        counter: whose tokenizer and template.
        cache: of counts.

    Returns:
        values of `COLUMNS`: (n,) int64, at least 0, trained at most all; flagged `template_refused` where
        the template takes no such conversation, or its assistant turns cannot be found in what it writes.

    Raises:
        ModelError: the tokenizer cannot be had.
        ValueError: it has no chat template.
        CacheError: a fragment of the cache is corrupt.
    """
    return annotate(rows, counter.annotator, counter.count, cache, columns=COLUMNS)
