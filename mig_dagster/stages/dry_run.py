"""What trainers would do with a subset: what is exported for them, read from its files, under their rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mig_dagster.annotations.tokens import RowTokenizer
from mig_dagster.export import FORMATS, Exported, build_export, check_formats
from mig_dagster.export.consumers import CONSUMERS, REASONS, DryRun, ExportedRow
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer
from mig_dagster.export.consumers.findings import FOUND
from mig_dagster.export.exported import Lock
from mig_dagster.export.lines import read_lines
from mig_dagster.export.reading import exported_rows
from mig_dagster.stages.export_subset import stored_rows

READ_BY: Mapping[str, str] = {
    "llama-factory": "llama-factory",
    "trl": "trl",
    "trl-prompt-completion": "trl",
    "axolotl": "axolotl",
    "open-instruct": "open-instruct",
    "hf": "datasets",
    "jsonl": "datasets",
    "parquet": "datasets",
}
"""Which of `CONSUMERS` reads a format of `FORMATS`."""
assert READ_BY.keys() == FORMATS.keys()


def check_subset(
    name: str,
    formats: Sequence[str],
    *,
    home: str,
    tokenizer: RowTokenizer | None = None,
    max_tokens: int | None = None,
    on_progress: Callable[[str, int, int | None], None] = lambda *_: None,
) -> dict[str, DryRun]:
    """Say what the trainers of some formats would do with a stored subset; its files are written aside and go again.

    Args:
        name: as `find_subset` takes it.
        formats: names of `FORMATS`.
        home: folder or URI of the lake.
        tokenizer: as `dry_run` takes it.
        max_tokens: as `dry_run` takes it.
        on_progress: told what is being done.

    Raises:
        LookupError: there is no such subset, or its conversations are no longer in the home.
        ValueError: an unknown format, a limit without a tokenizer, or a tokenizer without a chat template.
        ModelError: the tokenizer cannot be had.
    """
    wanted = check_formats(formats)
    on_progress("reading the subset", 0, None)
    rows, lock = stored_rows(name, home)
    runs = {}
    for form in wanted:
        on_progress(f"checking {form}", 0, None)
        runs[form] = dry_run(rows, form, lock, tokenizer, max_tokens)
    return runs


def dry_run(
    rows: pl.DataFrame,
    form: str,
    lock: Lock,
    tokenizer: RowTokenizer | None = None,
    max_tokens: int | None = None,
) -> DryRun:
    """Say what a format's trainer would do with rows; its files are written aside and go again.

    Args:
        rows: by rank, with `SUBSET_COLUMNS`, `messages` and `tools`.
        form: a name of `FORMATS`.
        lock: of the subset.
        tokenizer: as `dry_run_of` takes it.
        max_tokens: as `dry_run_of` takes it.
    """
    with TemporaryDirectory() as aside:
        exported = build_export(Path(aside) / form, form, rows, lock, target=form)
        return dry_run_of(exported, rows, tokenizer, max_tokens)


def dry_run_of(
    exported: Exported, rows: pl.DataFrame, tokenizer: RowTokenizer | None = None, max_tokens: int | None = None
) -> DryRun:
    """Say what a trainer would do with an export; nothing is loaded or trained.

    Args:
        exported: files that are there.
        rows: what was handed over, by rank.
        tokenizer: whose chat template and tokens a limit is counted in; without one neither is looked at.
        max_tokens: the trainer's limit.

    Returns:
        The trainer's verdict; rows that the format cannot say are dropped for the format's own reason.

    Raises:
        ValueError: there is a limit and no tokenizer, or the tokenizer has no chat template.
        ModelError: the tokenizer cannot be had.
    """
    found = CONSUMERS[READ_BY[exported.format]](
        (ExportedRow(*each) for each in exported_rows(exported, rows)),
        registration=exported.registration or None,
        typed=all(name.endswith(".parquet") for name in exported.data),
        tokenizer=None if tokenizer is None else ChatTokenizer(tokenizer),
        max_tokens=max_tokens,
    )
    return replace(found, rows=rows.height, dropped=pl.concat([_left_out(exported, rows), found.dropped]).sort("rank"))


def check_reasons(names: Sequence[str]) -> list[str]:
    """Return reasons for which a trainer loses a row, without repetition.

    Raises:
        ValueError: there is no such reason.
    """
    if unknown := [name for name in names if name not in REASONS]:
        raise ValueError(
            f"may_leave_out: unknown reason {unknown[0]!r}: `mig-dagster check-export` names the reasons of the rows "
            f"that would be lost; expected some of {', '.join(REASONS)}"
        )
    return list(dict.fromkeys(names))


def _left_out(exported: Exported, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that a format could not say, as its own listing names them, with what their turns are."""
    listing = exported.folder / exported.listing
    named = {row["rank"]: row for row in read_lines(listing)} if exported.left_out else {}
    roles = pl.col("messages").list.eval(pl.element().struct.field("role"))
    turns = rows.filter(pl.col("rank").is_in(list(named))).select("rank", "row_id", roles).iter_rows()
    lines = [
        (rank, row_id, named[rank]["reason"], "dropped", f"not in the file; its turns: {_shown(said)}")
        for rank, row_id, said in turns
    ]
    return pl.DataFrame(lines, schema=FOUND, orient="row")


def _shown(roles: Sequence[str], most: int = 8) -> str:
    rest = len(roles) - most
    return ", ".join(roles[:most]) + (f" and {rest} more" if rest > 0 else "")
