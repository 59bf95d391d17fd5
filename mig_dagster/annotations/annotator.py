"""Who says what of a row: the annotator and its fingerprint, the row it reads, the table it fills."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from mig_dagster.conversation import Conversation, canonical_json, hash_text

Column = list[Any] | npt.NDArray[Any]
Columns = Mapping[str, Column]
"""Values by column name, all of one length: arrays (n, ...) for numbers, lists for everything else."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """A model or a rule, with everything that changes what it says.

    Attributes:
        name: the kind of annotator, such as "sentence_embedding" or "lexical".
        model: model id, or the rule's name.
        revision: what pins the model's bytes (a commit, a content hash) or the rule's version; None where nothing does.
        prompt_version: names the text put around a row; None where a row is read as it is.
        parameters: whatever else the values depend on, as JSON values. Device and batch size do not belong here.
    """

    name: str
    model: str
    revision: str | None = None
    prompt_version: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """16 hex digits of a hash over all fields."""
        return hash_text(canonical_json(self.as_dict()))[:16]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            "name": self.name,
            "model": self.model,
            "revision": self.revision,
            "prompt_version": self.prompt_version,
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True)
class Row:
    """What an annotator may read of a row.

    Attributes:
        row_id: content hash of the conversation.
        conversation: the messages.
        meta: the remaining columns of the source's record; annotations made elsewhere are imported from here.
    """

    row_id: str
    conversation: Conversation
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one annotator says of some rows, in their order.

    Attributes:
        columns: values. Where `flags` is set the entry means nothing and must not be read: None in a list, NaN (or 0 in
            an integer array) in an array.
        flags: per row None, or the code of `FLAGS` that says why there is no value.
        counts: of what the rows are made of and what was met there, such as turns that could not be read in rows that
            have a value all the same; not cached.
    """

    columns: Columns
    flags: list[str | None]
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Annotations:
    """One signal over distinct rows, as columns of one length in the order in which the rows first came.

    Attributes:
        row_ids: distinct.
        values: as in `Batch.columns`: where `flags` is set the entry means nothing.
        annotators: fingerprint of who gave each value (or failed to).
        provenance: "computed" (now or earlier, from the cache) or "imported" (came with the row).
        flags: None, or why there is no value.
        used: the annotators behind the fingerprints.
        partial: a row's flag says why at least one of its values is missing: NaN is, and the others stand.
        counts: sums of `Batch.counts`.
    """

    row_ids: list[str]
    values: Columns
    annotators: list[str]
    provenance: list[str]
    flags: list[str | None]
    used: dict[str, Annotator]
    partial: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
