"""What a trainer would do with exported rows: which it loses, cuts or changes without a word, each with its reason."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import polars as pl

from mig_dagster.export.formats import REASONS as NOT_SAID

Effect = Literal["dropped", "stops", "altered"]

REASONS: dict[str, str] = {
    # The file does not hold the row
    **NOT_SAID,
    # The file, and how the library `datasets` reads it
    "mixed_types": "a field has another JSON type than in the rows before it",
    "late_field": "a field first appears after the part of the file that the types are taken from",
    "missing_column": "a column that the trainer was told to read is in no row",
    "null_filled": "an object gets the keys of all others in the file, with null as their value",
    # The messages
    "no_messages": "there is no list of messages, or it is empty",
    "malformed_turn": "a turn is not an object with a role and a text",
    "unknown_role": "a turn has a role that the trainer does not know",
    "role_order": "a turn stands where the trainer expects another role",
    "odd_turns": "the last turn is no answer, so the turns do not come in pairs",
    "system_position": "a system turn stands after the first turn",
    "empty_system": "the column of system prompts is null, and the trainer writes it as a system turn",
    "no_trained_turn": "no turn is trained on",
    # Tools
    "invalid_tools": "the tools are not the JSON list that the trainer reads",
    "invalid_tool_call": "a tool call is not what the trainer reads",
    "tools_ignored": "the trainer does not show the tools to the model",
    "tool_calls_ignored": "the trainer, or the chat template, leaves tool calls out",
    "answer_beside_calls": "a text beside tool calls is left out",
    "reasoning_ignored": "the trainer, or the chat template, leaves the reasoning out",
    "turn_ignored": "the chat template leaves a turn out",
    "system_extended": "the trainer adds words of its own to the system prompt",
    # The chat template and the token limit
    "template_refuses": "the chat template raises an error",
    "too_long": "the row is longer than the limit",
    "too_short": "the row has fewer tokens than the trainer takes",
    "cut": "the end of the row is cut off",
    "no_trained_token": "nothing that is trained on is left within the limit",
}
"""The closed list of reasons."""

FOUND = {"rank": pl.Int64, "row_id": pl.String, "reason": pl.String, "effect": pl.String, "detail": pl.String}
CUT = {
    "rank": pl.Int64,
    "row_id": pl.String,
    "reason": pl.String,
    "tokens": pl.Int64,
    "kept_tokens": pl.Int64,
    "trained": pl.Int64,
    "kept_trained": pl.Int64,
    "detail": pl.String,
}


class ExportedRow(NamedTuple):
    """One line of an exported file.

    Attributes:
        rank: from 1, in the order of the file.
        row_id: whose conversation it is.
        record: what the line holds, parsed.
    """

    rank: int
    row_id: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a trainer does to one row.

    Attributes:
        reason: a code of `REASONS`.
        effect: "dropped", the row is left out; "stops", the trainer ends with an error at it, so that nothing is
            trained; "altered", the row is trained on as something else than what was exported.
        detail: the field, the value or the position, for a person.
    """

    reason: str
    effect: Effect
    detail: str

    def __post_init__(self) -> None:
        """Refuse a reason that is not in the list."""
        assert self.reason in REASONS, self.reason


@dataclass(frozen=True, eq=False)
class DryRun:
    """What a trainer would make of an export.

    Attributes:
        consumer: the trainer.
        rules: whose rules they are: the trainer's version.
        rows: rows in the export.
        kept: rows that would be trained on; 0 where one of them makes the trainer stop.
        dropped: `FOUND`, by rank: one line for each row lost, with its first reason; effect "dropped" or "stops".
        cut: `CUT`, by rank: rows trained on in part. `trained` counts the tokens of the assistant's turns.
        altered: `FOUND`, by rank: one line for each row and reason.
        tokenizer: whose tokens and chat template were counted; None where no limit was asked about.
        max_tokens: the limit; None where none was asked about.
    """

    consumer: str
    rules: str
    rows: int
    kept: int
    dropped: pl.DataFrame
    cut: pl.DataFrame
    altered: pl.DataFrame
    tokenizer: str | None = None
    max_tokens: int | None = None

    @property
    def lost(self) -> int:
        """Rows that would not be trained on."""
        return self.rows - self.kept

    def refused(self, accepted: Collection[str]) -> pl.DataFrame:
        """Return the lines of `dropped` that stop the trainer, or whose reason is not among the accepted ones."""
        return self.dropped.filter((pl.col("effect") == "stops") | ~pl.col("reason").is_in(list(accepted)))

    def by_reason(self) -> pl.DataFrame:
        """Return `effect, reason, rows, first_rank, detail`: each reason once, the worst effect first."""
        parts = [self.dropped, self.cut.select("rank", "row_id", "reason", pl.lit("cut").alias("effect"), "detail")]
        order = {"stops": 0, "dropped": 1, "cut": 2, "altered": 3}
        return (
            pl.concat([*parts, self.altered])
            .sort("rank")
            .group_by("effect", "reason", maintain_order=True)
            .agg(rows=pl.len().cast(pl.Int64), first_rank=pl.first("rank"), detail=pl.first("detail"))
            .sort(pl.col("effect").replace_strict(order), "first_rank", maintain_order=True)
        )

    def sentence(self) -> str:
        """Return one sentence: what is lost, and why."""
        if not self.lost:
            return f"{self.consumer} would load all {self.rows:,} rows"
        reasons = self.by_reason().filter(pl.col("effect").is_in(["stops", "dropped"]))
        why = "; ".join(
            f"{row['reason']} in {row['rows']:,} ({REASONS[row['reason']]}; first at rank {row['first_rank']}: "
            f"{row['detail']})"
            for row in reasons.iter_rows(named=True)
        )
        stops = "stops" in reasons["effect"].to_list()
        what = "stop with an error and train nothing" if stops else f"lose {self.lost:,} of {self.rows:,} rows"
        return f"{self.consumer} would {what}: {why}"

    def as_dict(self, examples: int = 5) -> dict[str, Any]:
        """Return counts, reasons and the first few rows of each kind, as JSON values."""
        head = {name: getattr(self, name).head(examples).to_dicts() for name in ("dropped", "cut", "altered")}
        counts = {"rows": self.rows, "kept": self.kept, "lost": self.lost, "cut": len(self.cut)}
        return {
            "consumer": self.consumer,
            "rules": self.rules,
            **counts,
            "altered": self.altered["rank"].n_unique(),
            "tokenizer": self.tokenizer,
            "max_tokens": self.max_tokens,
            "reasons": self.by_reason().to_dicts(),
            "examples": head,
        }


@dataclass
class Notes:
    """What is found while the rows pass by.

    Attributes:
        rows: rows seen.
        first: the first of them.
        dropped: rows lost, by rank: the first finding of each.
        cut: lines of `CUT`.
        altered: lines of `FOUND`.
    """

    rows: int = 0
    first: ExportedRow | None = None
    dropped: dict[int, tuple[str, Finding]] = field(default_factory=dict)
    cut: list[tuple[Any, ...]] = field(default_factory=list)
    altered: list[tuple[Any, ...]] = field(default_factory=list)

    def see(self, row: ExportedRow) -> None:
        """Count a row."""
        self.rows += 1
        self.first = self.first or row

    def cut_off(self, row: ExportedRow, tokens: int, kept: int, trained: int, kept_trained: int) -> None:
        """Note a row of which the limit leaves a part."""
        detail = (
            f"{tokens - kept:,} of {tokens:,} tokens are cut off, {trained - kept_trained:,} of the {trained:,} that "
            "the assistant says among them"
        )
        self.cut.append((row.rank, row.row_id, "cut", tokens, kept, trained, kept_trained, detail))

    def add(self, row: ExportedRow, finding: Finding) -> None:
        """Note a finding; the first that loses a row stands, unless a later one stops the trainer."""
        if finding.effect == "altered":
            self.altered.append((row.rank, row.row_id, finding.reason, finding.effect, finding.detail))
            return
        before = self.dropped.get(row.rank)
        if before is None or (before[1].effect, finding.effect) == ("dropped", "stops"):
            self.dropped[row.rank] = (row.row_id, finding)

    def dry_run(self, consumer: str, rules: str, tokenizer: str | None, max_tokens: int | None) -> DryRun:
        """Return them as frames."""
        lost = [(rank, *_columns(row_id, found)) for rank, (row_id, found) in sorted(self.dropped.items())]
        stops = any(found.effect == "stops" for _, found in self.dropped.values())
        frames = {
            "dropped": pl.DataFrame(lost, schema=FOUND, orient="row"),
            "cut": pl.DataFrame(self.cut, schema=CUT, orient="row").sort("rank"),
            "altered": pl.DataFrame(self.altered, schema=FOUND, orient="row").sort("rank", maintain_order=True),
        }
        kept = 0 if stops else self.rows - len(lost)
        return DryRun(consumer, rules, self.rows, kept, **frames, tokenizer=tokenizer, max_tokens=max_tokens)


def _columns(row_id: str, finding: Finding) -> tuple[str, str, str, str]:
    return row_id, finding.reason, finding.effect, finding.detail
