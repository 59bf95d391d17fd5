"""What `source_revisions` last said of each source: the one place where a source's revision is kept.

The sensor, the nightly run and the demo all compare with it before they report, so that none repeats or undoes what
another one found.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg

from assets.sources import source_revisions
from mig_dagster.conversation import canonical_json, hash_text
from mig_dagster.sources import Revision, Source, SourceFileError, resolve
from mig_dagster.sources.revisions import FileVersion

VERSION_TAG = "dagster/data_version"
UNREADABLE = "unreadable-"
"""How the version of a source begins that cannot be read."""


@dataclass(frozen=True)
class Look:
    """What a source was like when somebody looked.

    Attributes:
        version: data version of `source_revisions`: what pins the bytes of its files, and `entry_of` it at the end.
        revision: with the files' sizes and times; None when they could not be read and never were.
        problem: why it cannot be read; "" when it can.
    """

    version: str
    revision: Revision | None = field(repr=False)
    problem: str = ""


def look(source: Source, known: Revision | None) -> Look:
    """Look at a source's files.

    Args:
        source: where they are.
        known: an earlier revision: what did not change since is not read again.
    """
    try:
        revision = resolve(source, known)
    except SourceFileError as error:
        return Look(f"{UNREADABLE}{hash_text(str(error))}-{entry_of(source)}", known, str(error))
    return Look(f"{revision.id}-{entry_of(source)}", revision)


def entry_of(source: Source) -> str:
    """Return a hash of what is registered of a source and decides which rows it has."""
    reading = {"uri": source.uri, "format": source.format, "columns": dict(source.columns)}
    pins = {"revision": source.revision, "config": source.config, "split": source.split}
    return hash_text(canonical_json([reading, pins]))[:12]


def entry_in(version: str | None) -> str:
    """Return `entry_of` the source as it was registered when a version was reported of it; "" for None."""
    return (version or "").rpartition("-")[2]


def all_reported(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return the version that was last reported of every source, whether or not it is still registered."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        source_revisions.key, dg.DagsterEventType.ASSET_MATERIALIZATION, [VERSION_TAG]
    )
    return {name: found[VERSION_TAG] for name, found in tags.items()}


def reported_revision(instance: dg.DagsterInstance, name: str) -> Revision | None:
    """Return the revision that was last reported of a source, None where there was none."""
    wanted = dg.AssetRecordsFilter(asset_key=source_revisions.key, asset_partitions=[name])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        event = record.asset_materialization
        if event is not None and "revision" in event.metadata:
            return revision_from(json.loads(str(event.metadata["revision"].value)))
    return None


def event_of(name: str, found: Look) -> dg.AssetMaterialization:
    """Return the event that reports a source."""
    metadata: dict[str, Any] = {"problem": found.problem} if found.problem else {}
    if found.revision is not None:
        metadata |= {"bytes": found.revision.size, "files": len(found.revision.files)}
        metadata["revision"] = dg.MetadataValue.text(canonical_json(asdict(found.revision)))
    tags = {VERSION_TAG: found.version}
    return dg.AssetMaterialization(source_revisions.key, partition=name, tags=tags, metadata=metadata)


def revision_from(document: Mapping[str, Any] | None) -> Revision | None:
    """Return a revision from what `asdict` made of it."""
    if document is None:
        return None
    return Revision(**{**document, "files": tuple(FileVersion(**file) for file in document["files"])})
