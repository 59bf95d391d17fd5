"""One pass over an export under one trainer's rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mig_dagster.conversation import Conversation
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer, ChatTokens
from mig_dagster.export.consumers.findings import DryRun, ExportedRow, Finding, Notes
from mig_dagster.export.consumers.inference import Inference

Record = Mapping[str, Any]
Registration = Mapping[str, Any]
_AT_ONCE = 256
"""Rows whose tokens are held at a time."""


class Fit(NamedTuple):
    """How much of a row is left under a token limit.

    Attributes:
        tokens: tokens that are left, of all turns.
        trained: tokens that are left of the assistant's turns.
        loss: why the row is not trained on at all; None where it is.
    """

    tokens: int
    trained: int
    loss: Finding | None = None


@dataclass(frozen=True)
class Consumer:
    """A trainer's rules.

    Attributes:
        name: of the trainer.
        rules: whose rules they are: the package and its version.
        faults: what it makes of one record, before any tokens.
        conversation: what it gives to the chat template, of a record without faults.
        fit: what it makes of a limit: tokens, limit, record, registration.
        registration: how the trainer is told to read the file, where the caller says nothing else.
        json_fields: its version of `datasets` keeps objects with unequal keys as they are.
        columns: what must be there under a registration.
    """

    name: str
    rules: str
    faults: Callable[[Record, Registration], Iterator[Finding]]
    conversation: Callable[[Record, Registration], Conversation]
    fit: Callable[[ChatTokens, int, Record, Registration], Fit]
    registration: Registration = field(default_factory=dict)
    json_fields: bool = True
    columns: Callable[[Registration], list[str]] = lambda _: []

    def __call__(
        self,
        rows: Iterable[ExportedRow],
        *,
        registration: Registration | None = None,
        typed: bool = False,
        tokenizer: ChatTokenizer | None = None,
        max_tokens: int | None = None,
    ) -> DryRun:
        """Say what the trainer would do with an export; nothing is loaded or trained.

        Args:
            rows: the records of the exported file, in its order; read once.
            registration: how the trainer is told to read the file (`dataset_info.json`'s entry, the item of Axolotl's
                `datasets`); the consumer's own `registration` where it is left out.
            typed: the file carries its types (Parquet); those of JSON Lines are taken from its rows.
            tokenizer: whose chat template and tokens the limit is counted in.
            max_tokens: the trainer's limit (cutoff_len, max_length, sequence_len, max_seq_length).

        Raises:
            ValueError: a limit without a tokenizer, or below 1.
        """
        if max_tokens is not None and (tokenizer is None or max_tokens < 1):
            raise ValueError(f"max_tokens={max_tokens} must be at least 1 and needs a tokenizer to count with")
        told = self.registration if registration is None else registration
        notes, inference, waiting = Notes(), Inference(self.json_fields, typed), list[ExportedRow]()
        for row in rows:
            notes.see(row)
            for finding in (*inference.add(row.record), *self.faults(row.record, told)):
                notes.add(row, finding)
            if tokenizer is not None and row.rank not in notes.dropped:
                waiting.append(row)
            if tokenizer is not None and len(waiting) == _AT_ONCE:
                self._count(waiting, told, notes, tokenizer, max_tokens)
                waiting = []
        if tokenizer is not None and waiting:
            self._count(waiting, told, notes, tokenizer, max_tokens)
        self._check_columns(told, notes, inference)
        return notes.dry_run(self.name, self.rules, None if tokenizer is None else tokenizer.name, max_tokens)

    def _count(
        self, rows: list[ExportedRow], told: Registration, notes: Notes, tokenizer: ChatTokenizer, limit: int | None
    ) -> None:
        """Note what the chat template and the limit do to some rows."""
        found = tokenizer([self.conversation(row.record, told) for row in rows])
        for row, tokens in zip(rows, found, strict=True):
            if isinstance(tokens, Finding):
                notes.add(row, tokens)
                continue
            for altered in tokens.altered:
                notes.add(row, altered)
            fit = self.fit(tokens, tokens.total if limit is None else limit, row.record, told)
            if fit.loss is not None:
                notes.add(row, fit.loss)
            elif fit.tokens < tokens.total:
                notes.cut_off(row, tokens.total, fit.tokens, tokens.trained(), fit.trained)

    def _check_columns(self, told: Registration, notes: Notes, inference: Inference) -> None:
        missing = [name for name in self.columns(told) if name not in inference.columns]
        if missing and notes.first is not None:
            there = ", ".join(sorted(inference.columns))
            detail = f"no row has {', '.join(map(repr, missing))}, which the trainer is told to read; there are {there}"
            notes.add(notes.first, Finding("missing_column", "stops", detail))
