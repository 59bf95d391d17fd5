"""Whether a file is written whole, as far as that can be seen from outside."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mig_dagster.sources.discovery.found import Look

SETTLED_SECONDS = 30
"""A file is taken when it did not change for so long, or between two looks: a copy may still be going on."""

_TIMES = ("mtime", "LastModified", "created")


def changed_at(info: Mapping[str, Any]) -> float | None:
    """Return when a file changed last, in seconds since the epoch, from what its file system says of it."""
    found = next((info[name] for name in _TIMES if info.get(name) is not None), None)
    return found.timestamp() if isinstance(found, datetime) else found


def is_settled(uri: str, mark: str, times: Iterable[float | None], look: Look) -> bool:
    """Return whether nothing at a URI changed since the look before, or for `SETTLED_SECONDS`.

    Args:
        uri: what is looked at.
        mark: what changes when it changes.
        times: when each of its files changed.
        look: now, and the look before.
    """
    if look.before.get(uri) == mark:
        return True
    return all(time is not None and look.now - time >= SETTLED_SECONDS for time in times)
