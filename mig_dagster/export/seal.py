"""The seal of a lock file: a hash of its own content, so that an edit by hand is noticed."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

SEAL = "lock_sha256"


def sealed(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lock with its seal."""
    return {**lock, SEAL: seal_of(lock)}


def seal_of(lock: Mapping[str, Any]) -> str:
    """Return 64 hex digits over the canonical JSON of everything in a lock but its seal."""
    content = {key: value for key, value in lock.items() if key != SEAL}
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def is_unchanged(lock: Mapping[str, Any]) -> bool:
    """Return whether a lock, as read from its file, is what was sealed."""
    return lock.get(SEAL) == seal_of(lock)
