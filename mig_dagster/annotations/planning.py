"""What models would have to read, without running one: the code that annotates runs over a cache that only counts.

`score_items` hands to a `PlanCache` what the cache does not know instead of to the model, and gets entries back that
mean nothing, each with a flag. So whatever an annotator asks its models is counted as it would be asked, and no
annotator says twice what it reads. Of models only tokenizers are loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mig_dagster.annotations.annotator import Annotator, Batch, Columns
from mig_dagster.annotations.cache import Files, FragmentCache
from mig_dagster.annotations.engine import blank
from mig_dagster.annotations.flags import Defect


class Reader(Protocol):
    """What is asked about items, as a plan sees it: a `scoring.TokenModel`, or a server's model."""

    @property
    def annotator(self) -> Annotator:
        """Who would answer."""

    @property
    def columns(self) -> Columns:
        """What would be answered, empty."""

    def encode(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return each item as something of so many `tokens`, or a `Defect`."""


@dataclass(slots=True)
class Missing:
    """What one annotator would read.

    Attributes:
        annotator: who.
        items: distinct items asked for.
        missing: those of them that the cache does not know and that the model can read.
        tokens: of the missing ones, without padding.
    """

    annotator: Annotator
    items: int = 0
    missing: int = 0
    tokens: int = 0


class PlanCache(FragmentCache):
    """A cache that looks up, keeps nothing, and counts what models would have to compute.

    An annotator that was planned with has seen values that mean nothing: make another one to annotate with.

    Args:
        files: the store of the cache that the run will use.
    """

    def __init__(self, files: Files) -> None:
        super().__init__(files)
        self._missing: dict[str, Missing] = {}
        self._seen: dict[str, set[str]] = {}

    def append(self, fingerprint: str, keys: Sequence[str], batch: Batch) -> None:
        """Keep nothing."""

    def count(self, items: Sequence[Any], keys: Sequence[str], model: Reader) -> Batch:
        """Take in what `score_items` was asked; what was asked before counts once.

        Returns:
            Entries that mean nothing, all flagged.

        Raises:
            CacheError: a fragment of the cache is corrupt.
        """
        annotator = model.annotator
        found = self._missing.setdefault(annotator.fingerprint, Missing(annotator))
        new = dict(self._new(annotator.fingerprint, keys))
        found.items += len(new)
        places = list(new.values())
        unknown = self.missing(annotator.fingerprint, list(new)).tolist() if new else []
        if todo := [items[places[i]] for i in unknown]:
            read = [item.tokens for item in model.encode(todo) if not isinstance(item, Defect)]
            found.missing, found.tokens = found.missing + len(read), found.tokens + sum(read)
        nothing = {name: blank(column, len(keys)) for name, column in model.columns.items()}
        return Batch(nothing, ["not_scored"] * len(keys))

    def taken(self) -> Mapping[str, Missing]:
        """Return what was counted since the last call, by fingerprint."""
        counted, self._missing = self._missing, {}
        return counted

    def _new(self, fingerprint: str, keys: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Yield the keys that come for the first time, with their positions."""
        seen = self._seen.setdefault(fingerprint, set())
        for i, key in enumerate(keys):
            if key not in seen:
                seen.add(key)
                yield key, i
