"""One pass over an export under one trainer's rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mig_dagster.export.consumers.chat_tokens import ChatTokenizer, ChatTokens, Turns
from mig_dagster.export.consumers.findings import DryRun, ExportedRow, Finding, Notes
from mig_dagster.export.consumers.inference import Inference

Record = Mapping[str, Any]
Registration = Mapping[str, Any]


class Fit(NamedTuple):
    """How much of a row is left under a token limit.

    Attributes:
        tokens: tokens that are left, of all turns.
        trained: tokens that are left of those trained on.
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
        registration: how the trainer is told to read the file, where the caller gives nothing else.
        faults: what it makes of one record, before any tokens.
        conversation: what it gives to the chat template: turns in the OpenAI form, and tools.
        fit: what it makes of a limit.
        json_fields: its version of `datasets` keeps objects with unequal keys as they are.
        columns: the columns that must be there under a registration.
    """

    name: str
    rules: str
    faults: Callable[[Record, Registration], Iterator[Finding]]
    conversation: Callable[[Record, Registration], tuple[Turns, list[Any] | None]]
    fit: Callable[[ChatTokens, int, Record, Registration], Fit]
    registration: Registration = field(default_factory=dict)
    json_fields: bool = True
    columns: Callable[[Registration], list[str]] = lambda _: []

    def __call__(
        self,
        rows: Iterable[ExportedRow],
        *,
        registration: Registration | None = None,
        tokenizer: ChatTokenizer | None = None,
        max_tokens: int | None = None,
    ) -> DryRun:
        """Say what the trainer would do with an export; nothing is loaded or trained.

        Args:
            rows: the lines of the exported file, in its order; read once.
            registration: how the trainer is told to read the file (`dataset_info.json`'s entry, the item of Axolotl's
                `datasets`); what `registration` of the consumer says where it is left out.
            tokenizer: whose chat template and tokens the limit is counted in.
            max_tokens: the trainer's limit (cutoff_len, max_length, sequence_len, max_seq_length).

        Raises:
            ValueError: a limit without a tokenizer, or below 1.
        """
        if max_tokens is not None and (tokenizer is None or max_tokens < 1):
            raise ValueError(f"max_tokens={max_tokens} needs a tokenizer to count with, and must be at least 1")
        told = self.registration if registration is None else registration
        notes, inference = Notes(), Inference(self.json_fields)
        for row in rows:
            notes.rows += 1
            notes.first_id = notes.first_id or row.row_id
            for finding in (*inference.add(row.record), *self.faults(row.record, told)):
                notes.add(row, finding)
            if tokenizer is not None and row.rank not in notes.dropped:
                self._count(row, told, notes, tokenizer, max_tokens)
        self._check_columns(told, notes, inference)
        name = None if tokenizer is None else tokenizer.name
        return notes.dry_run(self.name, self.rules, name, max_tokens)

    def _count(
        self, row: ExportedRow, told: Registration, notes: Notes, tokenizer: ChatTokenizer, limit: int | None
    ) -> None:
        found = tokenizer(*self.conversation(row.record, told))
        if isinstance(found, Finding):
            notes.add(row, found)
            return
        for altered in found.altered:
            notes.add(row, altered)
        fit = self.fit(found, found.total if limit is None else limit, row.record, told)
        if fit.loss is not None:
            notes.add(row, fit.loss)
        elif fit.tokens < found.total:
            trained = found.trained()
            detail = (
                f"{found.total - fit.tokens:,} of {found.total:,} tokens are cut off, and with them "
                f"{trained - fit.trained:,} of the {trained:,} that the assistant says"
            )
            notes.cut.append((row.rank, row.row_id, "cut", found.total, fit.tokens, trained, fit.trained, detail))

    def _check_columns(self, told: Registration, notes: Notes, inference: Inference) -> None:
        missing = [name for name in self.columns(told) if name not in inference.columns]
        if missing and notes.rows:
            detail = f"columns {', '.join(missing)} are in no row; there are {', '.join(sorted(inference.columns))}"
            notes.add(ExportedRow(1, notes.first_id, {}), Finding("missing_column", "stops", detail))
