"""The log of discovered sources: numbered batches of events in the project's store, created once and never changed.

Whoever adds a batch has read all before it, and only one writer can create the next number: of two daemons that find
the same at the same time one writes, and the other reads that and decides again. Order is that of the numbers, so a
clock that goes back changes nothing.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from mig_dagster.sources.discovery.events import Discovered, Event, fold
from mig_dagster.sources.registry import RegistryError
from mig_dagster.storage import Store

FOLDER = "registry/events"
_NAME = re.compile(re.escape(FOLDER) + r"/(\d{8})\.json")

Decide = Callable[[Discovered], Sequence[Event]]


def read_log(store: Store) -> Discovered:
    """Return the state after all batches.

    Raises:
        RegistryError: a batch is missing, or cannot be read.
    """
    paths = [path for path in store.list(FOLDER) if _NAME.fullmatch(path)]
    if not paths:
        return Discovered()
    if missing := set(range(1, len(paths) + 1)) - {int(path[-13:-5]) for path in paths}:
        raise RegistryError(f"{store.uri(_path(min(missing)))}: is missing; restore it: later events build on it")
    # One call for all: on S3 they are fetched side by side.
    contents = store.filesystem.cat([store.location(path) for path in paths])
    state = Discovered()
    for path in paths:
        try:
            document = json.loads(contents[store.location(path)])
            at = datetime.fromisoformat(document["at"])
            state = fold(state, at, [Event(**event) for event in document["events"]])
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryError(f"{store.uri(path)}: is no batch of events ({error!r}); restore it") from error
    return state


def record(store: Store, decide: Decide, now: datetime | None = None) -> tuple[Discovered, Sequence[Event]]:
    """Add what is decided on the state as it is; decide again where another writer came first.

    Args:
        store: the project's store.
        decide: returns the events for a state, none where nothing is to happen; called once or more.
        now: the time that is written down, in UTC.

    Returns:
        The state afterwards, and the events that were added.

    Raises:
        RegistryError: as `read_log`.
    """
    while True:
        state = read_log(store)
        events = decide(state)
        if not events:
            return state, ()
        at = now or datetime.now(UTC)
        document = {"at": at.isoformat(), "events": [asdict(event) for event in events]}
        data = json.dumps(document, indent=1, sort_keys=True).encode()
        if store.create(_path(state.number + 1), data):
            return fold(state, at, events), events


def _path(number: int) -> str:
    return f"{FOLDER}/{number:08d}.json"
