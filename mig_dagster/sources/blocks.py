"""From a source to blocks of records: the plain ones in columns, the others one by one, as `read_source` gives them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from mig_dagster.sources.containers import RawRecord
from mig_dagster.sources.files import files_of
from mig_dagster.sources.plain import PlainReader, PlainRows
from mig_dagster.sources.reader import form_and_records, judged_records
from mig_dagster.sources.records import Accepted, Blank, Rejected
from mig_dagster.sources.registry import Source
from mig_dagster.sources.revisions import Revision

BLOCK_RECORDS = 8192
BLOCK_BYTES = 8 << 20
_PART_RECORDS = 64
_UNKNOWN_BYTES = BLOCK_BYTES // 512  # what a record without a text counts for


@dataclass(slots=True)
class Block:
    """Some successive records of one file, which are read while one goes over `others`.

    Attributes:
        file: what the origins begin with.
        others: the accepted ones that are not plain, the rejected and the blank, in order; to be read to their end.
        plain: the plain ones, in order; complete after the others.
        records: number of all of them, complete after the others.
    """

    file: str
    others: Iterator[Accepted | Rejected | Blank] = field(init=False)
    plain: PlainRows = field(default_factory=PlainRows)
    records: int = 0


def read_blocks(source: Source, revision: Revision | None = None) -> Iterator[Block]:
    """Yield what `read_source` yields, file by file, in blocks of bounded memory.

    Raises:
        SourceFileError: as `read_source`.
    """
    for file in files_of(source, revision):
        form, records = form_and_records(file.uri, source.format, source.columns)
        reader = PlainReader(form, source.columns)
        for first in records:
            block = Block(file.relative)
            others = reader.others(_counted(block, chain([first], records)), block.plain)
            block.others = judged_records(form, others, file.relative, source.columns)
            yield block


def _counted(block: Block, records: Iterator[RawRecord]) -> Iterator[list[RawRecord]]:
    """Yield the records of a block in parts, and count them."""
    size = 0
    while part := list(islice(records, min(_PART_RECORDS, BLOCK_RECORDS - block.records))):
        block.records += len(part)
        yield part
        size += sum(_UNKNOWN_BYTES if raw is None else len(raw) for _, _, raw in part)
        if size >= BLOCK_BYTES:
            return
