"""Read a source's files into a version of `raw_pool`: accepted rows, rejected records, and counts that add up."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mig_dagster.pool.batch import Batch
from mig_dagster.sources import Revision, Source, SourceFileError, changed_files
from mig_dagster.sources.blocks import read_blocks
from mig_dagster.sources.joined_scores import joined_scores
from mig_dagster.sources.records import Accepted, Blank, Rejected
from mig_dagster.storage import Lake, LakeWriter, Manifest


def ingest(
    source: Source, revision: Revision, lake: Lake, *, on_progress: Callable[[int], None] | None = None
) -> Manifest:
    """Write a source's records as a version of `raw_pool`, in bounded memory.

    Args:
        source: what to read.
        revision: the pinned state of its files; kept with the version.
        lake: where to write.
        on_progress: called now and then with the number of records read so far.

    Returns:
        The version, not yet published. Table "rows" has the accepted rows, "rejected" the rest. `info` has `revision`,
        `revision_kind`, `records`, `accepted`, `rejected` (count by reason), `blank`, and the same counts for each
        file in `files`; records = accepted + rejected + blank. Where the source names scores, `scores` says how many
        ids they have and how many accepted records got theirs.

    Raises:
        SourceFileError: a file cannot be read as a whole, or is no longer what the revision pins; nothing of the
            source is kept.
    """
    counts = defaultdict(_Counts, {file.path: _Counts() for file in revision.files})
    scores = joined_scores(source)
    with lake.writer("raw_pool", source.name) as writer:
        _append(writer, Batch(source.name))  # both tables exist, whatever comes
        read = 0
        for block in read_blocks(source, revision):
            batch = Batch(source.name)
            count = counts[block.file]
            for record in block.others:
                count.add(record)
                if isinstance(record, Accepted):
                    record.meta = scores.join(record.meta)
                    batch.accept(record)
                elif isinstance(record, Rejected):
                    batch.reject(record)
            block.plain.metas = scores.join_all(block.plain.metas)
            count.accepted += batch.accept_plain(block.file, block.plain)
            _append(writer, batch)
            read += block.records
            if on_progress is not None:
                on_progress(read)
        _check_unchanged(source, revision)
        scores.check(sum(count.accepted for count in counts.values()))
        info = _info(revision, counts, read) | scores.info()
        return writer.finish({f"source_revisions/{source.name}": revision.id}, info)


@dataclass(slots=True)
class _Counts:
    """What became of the records of one file."""

    accepted: int = 0
    blank: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, record: Accepted | Rejected | Blank) -> None:
        if isinstance(record, Accepted):
            self.accepted += 1
        elif isinstance(record, Rejected):
            self.rejected[record.reason] += 1
        else:
            self.blank += 1

    def as_dict(self) -> dict[str, Any]:
        records = self.accepted + self.blank + self.rejected.total()
        rejected = dict(sorted(self.rejected.items()))
        return {"records": records, "accepted": self.accepted, "rejected": rejected, "blank": self.blank}


def _check_unchanged(source: Source, revision: Revision) -> None:
    """Refuse rows that would stand under a revision of other bytes: files may change while they are read."""
    changed = changed_files(source, revision)
    if not changed:
        return
    problem = f"changed while source {source.name!r} was being read"
    raise SourceFileError(changed[0], None, problem, "Read the source again once it is at rest")


def _append(writer: LakeWriter, batch: Batch) -> None:
    writer.append("rows", batch.rows())
    writer.append("rejected", batch.rejected())


def _info(revision: Revision, counts: dict[str, _Counts], read: int) -> dict[str, Any]:
    """Return the counts of the source and of its files."""
    total = _Counts(
        accepted=sum(count.accepted for count in counts.values()),
        blank=sum(count.blank for count in counts.values()),
        rejected=sum((count.rejected for count in counts.values()), start=Counter()),
    )
    files = {file.path: {"sha256": file.sha256, "pin": file.pin, "size": file.size} for file in revision.files}
    return {
        "revision": revision.id,
        "revision_kind": revision.kind,
        **total.as_dict(),
        "records": read,
        "files": [{"path": path, **files.get(path, {}), **count.as_dict()} for path, count in counts.items()],
    }
