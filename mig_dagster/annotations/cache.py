"""Values once computed, kept as small immutable fragments, so that a killed run resumes and nothing is scored twice.

`cache/<fingerprint>/<time>-<digest>.npz` holds the keys (row ids, or hashes of texts), flags and columns of some values
of one annotator. Fragments are only ever created, so runs on many machines share a cache without locks. Two runs may
compute one key; the fragment whose name sorts first wins then, and it goes on winning because names begin with the time
of writing, or one after all others where a clock was put back. Numbers are stored as arrays and everything else as
JSON: nothing in a fragment is unpickled. The digest is that of the bytes and is checked whenever they are read, so that
a damaged fragment never gives a value.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from io import BytesIO
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Batch, Column
from mig_dagster.annotations.key_index import KeyIndex, Keys

FLUSH_SECONDS = 30.0
"""The most work, in seconds, that a killed run loses."""

FLUSH_ROWS = 50_000
"""The most values that wait in memory for a flush."""

_FRAGMENT = re.compile(r"cache/[^/]+/\d{20}-[0-9a-f]{32}\.npz")

Positions = npt.NDArray[np.int64]


class Files(Protocol):
    """What the cache needs of a store; paths are relative to the store's root."""

    def create(self, path: str, content: bytes, /) -> bool:
        """Write a new file at once; False where it exists."""

    def read(self, path: str, /) -> bytes:
        """Return a file's bytes."""

    def list(self, prefix: str, /) -> list[str]:
        """Return the paths of all files whose path begins with `prefix`."""


class CacheError(RuntimeError):
    """A fragment of the cache cannot be read."""


class FragmentCache:
    """The values of all annotators in one store."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, _Known] = {}

    def append(self, fingerprint: str, keys: Sequence[str], batch: Batch) -> None:
        """Store the values of `keys`, flagged ones too: what failed once would fail again."""
        content = encode_fragment(keys, batch)
        # A clock that was put back must not put a new value in front of one that was used.
        moment = max(time.time_ns(), 1 + max(map(_moment, self._there(fingerprint)), default=0))
        path = f"cache/{fingerprint}/{moment:020d}-{_digest(content)}.npz"
        # One that is there has these very bytes: a client sent them again because it missed the answer.
        self._files.create(path, content)
        self._known_of(fingerprint).add(path, _key_array(keys))

    def load(self, fingerprint: str, keys: Sequence[str]) -> Iterator[tuple[Positions, Batch]]:
        """Yield what is known of `keys` (distinct), piece by piece.

        Yields:
            positions in `keys`, each at most once over all pieces, and the values there.

        Raises:
            CacheError: a fragment is corrupt.
        """
        if not keys:
            return
        known = self._known_of(fingerprint)
        wanted = _key_array(keys)
        fragments, lines = known.index.find(wanted)
        for fragment in np.unique(fragments[fragments >= 0]):
            at = np.flatnonzero(fragments == fragment)
            yield at, decode_fragment(self._read(known.paths[fragment]), lines[at])
        missing = np.flatnonzero(fragments < 0)
        for path in self._unseen(fingerprint, known):
            content = self._read(path)
            found, lines = known.add(path, decode_keys(content)).find(wanted[missing])
            new = found >= 0
            if new.any():
                at, missing = missing[new], missing[~new]
                yield at, decode_fragment(content, lines[new])

    def missing(self, fingerprint: str, keys: Sequence[str]) -> Positions:
        """Return the positions of `keys` (distinct) of which nothing is known, in order; reads keys and no values.

        Raises:
            CacheError: a fragment is corrupt.
        """
        known = self._known_of(fingerprint)
        for path in self._unseen(fingerprint, known):
            known.add(path, decode_keys(self._read(path)))
        fragments, _ = known.index.find(_key_array(keys))
        return np.flatnonzero(fragments < 0)

    def writer(self, fingerprint: str) -> "FragmentWriter":
        """Return a context manager that collects values and flushes them every `FLUSH_SECONDS`."""
        return FragmentWriter(self, fingerprint)

    def _known_of(self, fingerprint: str) -> "_Known":
        return self._known.setdefault(fingerprint, _Known())

    def _unseen(self, fingerprint: str, known: "_Known") -> list[str]:
        """Return the fragments that were not read yet, oldest first."""
        return sorted(set(self._there(fingerprint)).difference(known.paths))

    def _there(self, fingerprint: str) -> list[str]:
        return [path for path in self._files.list(f"cache/{fingerprint}/") if _FRAGMENT.fullmatch(path)]

    def _read(self, path: str) -> bytes:
        content = self._files.read(path)
        if not path.endswith(f"-{_digest(content)}.npz"):
            raise CacheError(
                f"cache fragment {path!r} is corrupt (its {len(content)} bytes do not have the digest in its name); "
                "delete this file from the store: its values are computed again"
            )
        return content


class _Known:
    """The fragments of one annotator whose keys are known; fragments never change."""

    def __init__(self) -> None:
        self.index = KeyIndex()
        self.paths: list[str] = []

    def add(self, path: str, keys: Keys) -> KeyIndex:
        """Take in a fragment, and return the index of it alone."""
        self.index.add(keys)
        self.paths.append(path)
        alone = KeyIndex()
        alone.add(keys)
        return alone


def _moment(path: str) -> int:
    return int(path.rpartition("/")[2].partition("-")[0])


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _key_array(keys: Sequence[str]) -> Keys:
    return np.array([key.encode() for key in keys], dtype=np.bytes_)


def encode_fragment(keys: Sequence[str], batch: Batch) -> bytes:
    """Return a fragment as the bytes of an uncompressed npz file."""
    members: dict[str, npt.NDArray[Any]] = {
        "keys": _key_array(keys),
        "flags": _json_bytes(batch.flags),
    }
    for name, column in batch.columns.items():
        if isinstance(column, np.ndarray):
            members[f"array.{name}"] = column
        else:
            members[f"json.{name}"] = _json_bytes(column)
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **members)
    return buffer.getvalue()


def decode_keys(content: bytes) -> Keys:
    """Return a fragment's keys, by line."""
    with np.load(BytesIO(content), allow_pickle=False) as fragment:
        keys: Keys = fragment["keys"]
    return keys


def decode_fragment(content: bytes, lines: Positions) -> Batch:
    """Return the values on the given lines of a fragment."""
    columns: dict[str, Column] = {}
    with np.load(BytesIO(content), allow_pickle=False) as fragment:
        flags = json.loads(fragment["flags"].tobytes())
        for member in fragment.files:
            kind, _, name = member.partition(".")
            if kind == "array":
                columns[name] = fragment[member][lines]
            elif kind == "json":
                items = json.loads(fragment[member].tobytes())
                columns[name] = [items[line] for line in lines.tolist()]
    return Batch(columns, [flags[line] for line in lines.tolist()])


def _json_bytes(items: Sequence[Any]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(list(items), ensure_ascii=False).encode(), dtype=np.uint8)


class FragmentWriter:
    """Collects values and writes them as one fragment when due; leaving the context writes the rest, errors or not."""

    def __init__(self, cache: FragmentCache, fingerprint: str) -> None:
        self._cache = cache
        self._fingerprint = fingerprint
        self._keys: list[str] = []
        self._batches: list[Batch] = []
        self._flushed = time.monotonic()

    def add(self, keys: Sequence[str], batch: Batch) -> None:
        """Take values in; flush when `FLUSH_SECONDS` have passed or `FLUSH_ROWS` values wait."""
        self._keys.extend(keys)
        self._batches.append(batch)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS or len(self._keys) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._keys:
            self._cache.append(self._fingerprint, self._keys, concatenate(self._batches))
        self._keys, self._batches, self._flushed = [], [], time.monotonic()

    def __enter__(self) -> Self:
        """Start collecting."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write the rest, also when a batch after it failed: what was computed is not computed again."""
        self.flush()


def concatenate(batches: Sequence[Batch]) -> Batch:
    """Join batches that have the same columns."""
    columns: dict[str, Column] = {}
    for name, first in batches[0].columns.items():
        parts = [batch.columns[name] for batch in batches]
        columns[name] = np.concatenate(parts) if isinstance(first, np.ndarray) else [x for part in parts for x in part]
    return Batch(columns, [flag for batch in batches for flag in batch.flags])
