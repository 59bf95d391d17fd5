"""What a look at one place gives."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mig_dagster.sources.records import SourceFileError


class DiscoveryError(ValueError):
    """A place that could not be looked at; nothing is concluded from that."""


@contextmanager
def looking(problem: str, remedy: str) -> Iterator[None]:
    """Turn whatever goes wrong at a place into one error in words.

    Raises:
        DiscoveryError: with the problem, the error itself and the remedy.
    """
    try:
        yield
    except SourceFileError as error:
        raise DiscoveryError(str(error)) from error
    except DiscoveryError:
        raise
    except Exception as error:  # each file system has errors of its own, such as those of an S3 client
        unchanged = "nothing was changed on account of that"
        raise DiscoveryError(f"{problem} ({error}); {unchanged}; {remedy}") from error


@dataclass(frozen=True, slots=True)
class Found:
    """A dataset that a rule came upon.

    Attributes:
        uri: what its source will have as URI; two finds with one URI are the same.
        name: what its slug is made from: `org/name` on the Hub, the name of a file or folder elsewhere.
        licence: as the place states it.
        details: what else the place says, JSON-ready: `likes`, `gated`, `sha`, `rows`, `last_modified`, ...
        card: the beginning of its dataset card, as text that nobody has cleaned.
    """

    uri: str
    name: str
    licence: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is at a place.

    Attributes:
        found: what can be taken, in a stable order.
        present: the URIs of all that is there, also what cannot be taken yet: what was found before and is not among
            them has vanished. None where absence says nothing, as in a search.
        waiting: names of what is still being written.
        marks: size and time of what is there, by URI, to be given to the next look.
        notes: what a person should know of this look.
    """

    found: tuple[Found, ...]
    present: frozenset[str] | None = None
    waiting: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """When a place is looked at, and what its files were like the last time.

    Attributes:
        now: seconds since the epoch.
        before: `Findings.marks` of the look before.
    """

    now: float
    before: Mapping[str, str] = field(default_factory=dict)
