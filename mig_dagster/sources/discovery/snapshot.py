"""The state after a batch as one object, so that a reader need not fetch every batch before it."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from mig_dagster.sources.discovery.events import Discovered, Entry, Hold
from mig_dagster.sources.registry import Source

_TIMES = ("found_at", "changed_at")


def dump_state(state: Discovered) -> bytes:
    """Return a state as JSON."""
    return json.dumps(asdict(state), sort_keys=True, default=datetime.isoformat).encode()


def load_state(data: bytes) -> Discovered:
    """Return what `dump_state` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is something else.
    """
    document = json.loads(data)
    entries = {uri: _entry(values) for uri, values in document["entries"].items()}
    holds = {name: _hold(values) for name, values in document.get("holds", {}).items()}  # older states have none
    return Discovered(document["number"], entries, document["refreshes"], holds)


def _entry(values: dict[str, Any]) -> Entry:
    times = {name: datetime.fromisoformat(values[name]) for name in _TIMES}
    return Entry(**{**values, **times, "source": Source(**values["source"])})


def _hold(values: dict[str, Any]) -> Hold:
    return Hold(**{**values, "changed_at": datetime.fromisoformat(values["changed_at"])})
