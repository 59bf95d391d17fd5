"""The columns of every table between a source's files and the pool."""

import polars as pl

MESSAGE = pl.Struct({"role": pl.String, "content": pl.String, "tool_calls": pl.String, "reasoning_content": pl.String})
"""One turn; `tool_calls` is JSON text, null where a turn calls none."""

RAW_POOL = pl.Schema(
    {
        "row_id": pl.String(),
        "source": pl.String(),
        "origin": pl.String(),
        "messages": pl.List(MESSAGE),
        "tools": pl.String(),
        "n_turns": pl.Int32(),
        "n_chars": pl.Int64(),
        "meta": pl.String(),
    }
)
"""A source's accepted rows. (source, origin) is unique, `row_id` may repeat; `meta` is a JSON object."""

REJECTED = pl.Schema(
    {"source": pl.String, "origin": pl.String, "reason": pl.String, "detail": pl.String, "raw": pl.String}
)
"""A source's rejected records; `reason` is a code of `mig_dagster.sources.REASONS`, `raw` the head of the record."""

ROW_SIGNATURES = pl.Schema(
    {
        "row_id": pl.String,
        "source": pl.String,
        "origin": pl.String,
        "exact_key": pl.String,
        "normalised_key": pl.String,
        "n_turns": pl.Int32,
        "n_chars": pl.Int64,
    }
)
"""What decides whether two rows are duplicates: 32 hex digits each, equal keys mean equal rows."""

POOL = pl.Schema(
    {"row_id": pl.String, "source": pl.String, "origin": pl.String, "n_turns": pl.Int32, "n_chars": pl.Int64}
)
"""The rows that selection sees, by (source, origin); the line number is the pool index, and `row_id` is unique."""

DUPLICATES = pl.Schema(
    {
        "source": pl.String,
        "origin": pl.String,
        "row_id": pl.String,
        "kind": pl.String,
        "kept_source": pl.String,
        "kept_origin": pl.String,
        "kept_row_id": pl.String,
    }
)
"""The rows left out, by (source, origin), each with the row of the pool that stands for it; `kind` is "exact" when the
two are equal, "normalised" when they differ in case, white space or Unicode form only."""
