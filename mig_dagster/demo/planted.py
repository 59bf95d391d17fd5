"""What the demo sources contain, as ground truth for tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Planted(NamedTuple):
    """Where a row stands: source, and `file:position` with nine digits."""

    source: str
    origin: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that repeat each other.

    Attributes:
        kind: `exact`: equal conversations; `normalised`: equal after NFKC, lower case and folded white space; `near`:
            a word or two changed.
        copy: the later of the two by source, then origin.
        kept: the earlier one, which stays where all sources have one priority.
    """

    kind: Literal["exact", "normalised", "near"]
    copy: Planted
    kept: Planted


@dataclass(frozen=True, slots=True)
class BenchmarkLike:
    """A row in the style of a public benchmark."""

    style: str
    row: Planted


@dataclass(frozen=True, slots=True)
class SourceManifest:
    """What one source holds.

    Attributes:
        uri: where to read it.
        format: the format that its records have.
        files: its files in reading order.
        records: all records, blank lines included.
        row_ids: row id of every record that is accepted, by origin.
        rejected: records per reason.
        rejected_origins: reason of every record that is rejected, by origin.
        blank_origins: the blank lines.
        trailing_origins: accepted records whose last turn is cut, because it is not an answer.
    """

    uri: str
    format: str
    files: tuple[str, ...]
    records: int
    row_ids: Mapping[str, str]
    rejected: Mapping[str, int]
    rejected_origins: Mapping[str, str]
    blank_origins: tuple[str, ...]
    trailing_origins: tuple[str, ...]

    @property
    def accepted(self) -> int:
        """Records that are accepted."""
        return len(self.row_ids)

    @property
    def blank(self) -> int:
        """Lines that are blank."""
        return len(self.blank_origins)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What all sources hold.

    Attributes:
        sources: by name.
        pairs: all planted pairs; apart from them no two rows are exact or normalised duplicates. Rows made from one
            template are alike too, so a near-duplicate search finds more than the pairs of kind `near`.
        benchmark_like: rows in the style of a public benchmark.
    """

    sources: Mapping[str, SourceManifest]
    pairs: tuple[Pair, ...]
    benchmark_like: tuple[BenchmarkLike, ...]
