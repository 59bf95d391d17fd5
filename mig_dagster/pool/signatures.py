"""The keys by which rows are recognised as duplicates: equal text, or equal text after normalisation."""

from hashlib import blake2b

import polars as pl

from mig_dagster.conversation import canonical_json, embedded_json
from mig_dagster.pool.schema import ROW_SIGNATURES

_BATCH_ROWS = 20_000


def row_signatures(raw_pool: pl.LazyFrame) -> pl.DataFrame:
    """Return the signature of every row, in the order of `raw_pool`.

    `exact_key` is the row id. `normalised_key` hashes roles and texts after Unicode NFKC, lower case, white space runs
    folded to one space and ends stripped; tools, tool calls and reasoning count as they are in the row id. Rows with
    equal exact keys so always have equal normalised keys.

    Args:
        raw_pool: rows with the columns of `schema.RAW_POOL`.

    Returns:
        The columns of `schema.ROW_SIGNATURES`, (n,).
    """
    wanted = raw_pool.select("row_id", "source", "origin", "messages", "tools", "n_turns", "n_chars")
    batches = wanted.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True)
    return pl.concat([ROW_SIGNATURES.to_frame(), *map(_signatures, batches)])


def _signatures(rows: pl.DataFrame) -> pl.DataFrame:
    texts = rows.select(pl.concat_str(_messages_text(), _field(_canonical(pl.col("tools"))))).to_series()
    keys = [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
    columns = rows.with_columns(exact_key="row_id", normalised_key=pl.Series(keys, dtype=pl.String))
    return columns.select(ROW_SIGNATURES.names())


def _messages_text() -> pl.Expr:
    """Return one string per row that tells apart whatever should be told apart."""
    turn = pl.element().struct
    # After normalisation no text has a line break left, so it can end each part; the rest carries its length.
    parts = pl.concat_str(
        turn.field("role"),
        pl.lit("\n"),
        normalised(turn.field("content")),
        pl.lit("\n"),
        _field(_canonical(turn.field("tool_calls"))),
        _field(turn.field("reasoning_content")),
    )
    return pl.col("messages").list.eval(parts).list.join("")


def normalised(text: pl.Expr) -> pl.Expr:
    """Return text in Unicode NFKC and lower case, white space runs folded to one space, ends stripped."""
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")


def _field(text: pl.Expr) -> pl.Expr:
    """Return a text with its length before it, so that no text runs into the next; null is not the empty text."""
    marked = pl.concat_str(text.str.len_bytes().cast(pl.String), pl.lit(":"), text, pl.lit("\n"))
    return marked.fill_null("-\n")


def _canonical(text: pl.Expr) -> pl.Expr:
    """Return embedded JSON with its keys sorted and its spaces gone, as the row id sees it."""
    return text.map_elements(lambda json: canonical_json(embedded_json(json)), return_dtype=pl.String, skip_nulls=True)
