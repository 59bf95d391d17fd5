"""What a trainer would do with a subset in an export format: the records that the format writes, under its rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from mig_dagster.annotations.tokens import RowTokenizer
from mig_dagster.export.consumers import CONSUMERS, DryRun, ExportedRow
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer
from mig_dagster.export.consumers.findings import FOUND
from mig_dagster.export.conversations import PLAIN, Codec, LeftOut, encoded
from mig_dagster.export.formats import (
    FORMATS,
    REASONS,
    axolotl,
    hf,
    llama_factory,
    llama_factory_turns,
    open_instruct,
    trl,
)
from mig_dagster.export.tables import Shape, shape_of
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.subset_files import with_conversations


@dataclass(frozen=True)
class _File:
    """How a format's file is read.

    Attributes:
        consumer: a name of `CONSUMERS`.
        codec: of the records, for rows of a shape.
        typed: whether the file carries its types.
        registration: what tells the trainer how to read it.
    """

    consumer: str
    codec: Callable[[Shape], Codec]
    typed: Callable[[Shape], bool] = lambda _: True
    registration: Callable[[Shape], Mapping[str, Any]] = field(default=lambda _: {})


_FILES: Mapping[str, _File] = {
    "llama-factory": _File(
        "llama-factory",
        lambda shape: llama_factory_turns.CODEC if shape.tools else llama_factory_turns.WITHOUT_TOOLS,
        lambda _: False,
        lambda shape: llama_factory.entry("train.jsonl", shape),
    ),
    "trl": _File("trl", lambda _: trl.MESSAGES),
    "trl-prompt-completion": _File("trl", lambda _: trl.PROMPT_COMPLETION),
    "axolotl": _File(
        "axolotl",
        lambda _: axolotl.CODEC,
        lambda shape: not shape.plain or shape.tools,
        lambda shape: axolotl.training("subset", "train", shape)["datasets"][0],
    ),
    "open-instruct": _File("open-instruct", lambda _: open_instruct.CODEC, lambda _: False),
    "hf": _File("datasets", lambda _: hf.CODEC),
    "jsonl": _File("datasets", lambda _: PLAIN, lambda _: False),
    "parquet": _File("datasets", lambda _: PLAIN),
}
assert _FILES.keys() == FORMATS.keys()


def dry_run(
    rows: pl.DataFrame, form: str, tokenizer: RowTokenizer | None = None, max_tokens: int | None = None
) -> DryRun:
    """Say what a format's trainer would do with rows; nothing is written, loaded or trained.

    Args:
        rows: by rank, with `rank`, `row_id`, `source`, `messages` and `tools`.
        form: a name of `FORMATS`.
        tokenizer: whose chat template and tokens a limit is counted in; without one neither is looked at.
        max_tokens: the trainer's limit.

    Returns:
        The trainer's verdict; rows that the format cannot say are dropped as `left_out`.

    Raises:
        ValueError: there is no such format, or there is a limit and no tokenizer, or the tokenizer has no template.
        ModelError: the tokenizer cannot be had.
    """
    if form not in _FILES:
        raise ValueError(f"unknown format {form!r}: expected one of {', '.join(_FILES)}")
    file, shape, left_out = _FILES[form], shape_of(rows), LeftOut()
    records = encoded(rows.sort("rank"), file.codec(shape), left_out)
    written = CONSUMERS[file.consumer](
        (ExportedRow(row["rank"], row["row_id"], record) for row, record in records),
        registration=file.registration(shape),
        typed=file.typed(shape),
        tokenizer=None if tokenizer is None else ChatTokenizer(tokenizer),
        max_tokens=max_tokens,
    )
    lost = [(row["rank"], row["row_id"], "left_out", "dropped", _why(row["reason"])) for row in left_out.rows]
    dropped = pl.concat([pl.DataFrame(lost, schema=FOUND, orient="row"), written.dropped]).sort("rank")
    return replace(written, rows=rows.height, dropped=dropped)


def rows_of(subset: StoredSubset) -> pl.DataFrame:
    """Return a subset's rows with their conversations, by rank.

    Raises:
        LookupError: the conversations are no longer in the home.
    """
    raw_pool = subset.frames().raw_pool
    assert raw_pool is not None, "a stored subset leads to the conversations of its pool"
    return with_conversations(subset.rows.lazy(), raw_pool)


def _why(reason: str) -> str:
    return f"{reason}: {REASONS[reason]}"
