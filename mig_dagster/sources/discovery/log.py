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
from mig_dagster.sources.discovery.snapshot import dump_state, load_state
from mig_dagster.sources.registry import RegistryError
from mig_dagster.storage import Store

FOLDER = "registry/events"
STATES = "registry/states"
STATE_EVERY = 50
"""After so many batches the state is written down too: a reader fetches the last state and the batches after it."""
_NAME = re.compile(r"\d{8}\.json")

Decide = Callable[[Discovered], Sequence[Event]]


def read_log(store: Store, seen: int = 0) -> Discovered:
    """Return the state after all batches.

    Args:
        store: the project's store.
        seen: the number of a batch that was there before.

    Raises:
        RegistryError: a batch is missing, or cannot be read; or the log ends before the batch that was seen.
    """
    batches = _numbers(store, FOLDER)
    if missing := set(range(1, max(batches, default=0) + 1)).difference(batches):
        raise RegistryError(
            f"{store.uri(_path(FOLDER, min(missing)))}: is missing; restore it: later events build on it"
        )
    state = _last_state(store) if len(batches) > STATE_EVERY else Discovered()
    later = [_path(FOLDER, number) for number in batches[state.number :]]
    # One call for all: on S3 they are fetched side by side.
    contents = store.filesystem.cat([store.location(path) for path in later]) if later else {}
    for path in later:
        try:
            document = json.loads(contents[store.location(path)])
            at = datetime.fromisoformat(document["at"])
            state = fold(state, at, [Event(**event) for event in document["events"]])
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryError(f"{store.uri(path)}: is no batch of events ({error!r}); restore it") from error
    if state.number < seen:  # an empty folder where a disk should be looks as if nothing had ever been discovered
        raise RegistryError(
            f"{store.uri(FOLDER)}: has {state.number} batches of events, and had {seen}; is its disk there? "
            "Restore it, or reset the cursors of the sensors to go on without what was discovered"
        )
    return state


def record(
    store: Store, decide: Decide, now: datetime | None = None, *, seen: int = 0
) -> tuple[Discovered, Sequence[Event]]:
    """Add what is decided on the state as it is; decide again where another writer came first.

    Args:
        store: the project's store.
        decide: returns the events for a state, none where nothing is to happen; called once or more.
        now: the time that is written down, in UTC.
        seen: as of `read_log`.

    Returns:
        The state afterwards, and the events that were added.

    Raises:
        RegistryError: as `read_log`.
    """
    while True:
        state = read_log(store, seen)
        events = decide(state)
        if not events:
            return state, ()
        at = now or datetime.now(UTC)
        document = {"at": at.isoformat(), "events": [asdict(event) for event in events]}
        data = json.dumps(document, indent=1, sort_keys=True).encode()
        if store.create(_path(FOLDER, state.number + 1), data):
            after = fold(state, at, events)
            if after.number % STATE_EVERY == 0:
                store.create(_path(STATES, after.number), dump_state(after))
            return after, events


def _last_state(store: Store) -> Discovered:
    """Return the last state that was written down; nothing is lost without one but time."""
    numbers = _numbers(store, STATES)
    if not numbers:
        return Discovered()
    path = _path(STATES, numbers[-1])
    try:
        return load_state(store.read(path))
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(f"{store.uri(path)}: is no state ({error!r}); delete it") from error


def _numbers(store: Store, folder: str) -> list[int]:
    names = (path.rpartition("/")[2] for path in store.list(folder))
    return [int(name[:8]) for name in names if _NAME.fullmatch(name)]


def _path(folder: str, number: int) -> str:
    return f"{folder}/{number:08d}.json"
