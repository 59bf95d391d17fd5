"""Plain records, columns already, as rows of `raw_pool`."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from mig_dagster.pool.identity import meta_text, pair_ids
from mig_dagster.pool.schema import RAW_POOL
from mig_dagster.sources.plain import PlainRows


def plain_rows(source: str, file: str, plain: PlainRows) -> pl.DataFrame:
    """Return plain records of one file in `RAW_POOL`'s columns, in their order."""
    n = len(plain.positions)
    metas = map(meta_text, plain.metas) if any(plain.metas) else ["{}"] * n
    origins = pl.Series(plain.positions, dtype=pl.Int64).cast(pl.String).str.zfill(9)
    contents = _contents(plain)
    lengths: Any = pc.utf8_length(contents)
    columns = {
        "row_id": pl.Series(pair_ids(plain.questions, plain.answers), dtype=pl.String),
        "source": pl.repeat(source, n, dtype=pl.String, eager=True),
        "origin": pl.repeat(f"{file}:", n, dtype=pl.String, eager=True) + origins,
        "messages": _messages(contents),
        "tools": pl.repeat(None, n, dtype=pl.String, eager=True),
        "n_turns": pl.repeat(1, n, dtype=pl.Int32, eager=True),
        "n_chars": pl.Series(lengths.to_numpy().reshape(n, 2).sum(axis=1), dtype=pl.Int64),
        "meta": pl.Series(list(metas), dtype=pl.String),
    }
    return pl.DataFrame(columns, schema=RAW_POOL)


def _contents(plain: PlainRows) -> Any:
    """Return questions and answers in turn, an Arrow array (2 n,).

    Joined and encoded at once: Arrow takes several times as long to encode them one by one.
    """
    texts = [""] * (2 * len(plain.positions))
    texts[::2], texts[1::2] = plain.questions, plain.answers
    joined = "".join(texts)
    data = joined.encode()
    ends = np.zeros(len(texts) + 1, dtype=np.int64)
    sizes = map(len, texts if len(data) == len(joined) else map(str.encode, texts))
    ends[1:] = np.cumsum(np.fromiter(sizes, dtype=np.int64, count=len(texts)))
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(ends.tobytes()), pa.py_buffer(data))


def _messages(contents: Any) -> pl.Series:
    n = len(contents) // 2
    text = pa.large_string()
    turn: Any = pa.array(np.arange(2 * n) % 2)
    fields: dict[str, Any] = {
        "role": pa.array(["user", "assistant"], type=text).take(turn),
        "content": contents,
        "tool_calls": pa.nulls(2 * n, type=text),
        "reasoning_content": pa.nulls(2 * n, type=text),
    }
    turns = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    offsets: Any = pa.array(np.arange(0, 2 * n + 1, 2))
    return pl.Series(pa.LargeListArray.from_arrays(offsets, turns), dtype=RAW_POOL["messages"])
