"""What becomes of an error: tried again when it may be gone then, told in words when a person can mend it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from mig_dagster.annotations.cache import CacheError
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.tagging import EndpointError
from mig_dagster.sources import SourceFileError

TRANSIENT = (ConnectionError, TimeoutError)
"""Errors that may be gone at the next attempt; so may those of `_TRANSIENT_NUMBERS` and `_TRANSIENT_NAMES`."""
_TRANSIENT_NUMBERS = {errno.EBUSY, errno.EREMOTEIO if hasattr(errno, "EREMOTEIO") else errno.EIO}
"""What s3fs makes of the answers 503 and 500, when its own attempts are used up."""
_TRANSIENT_NAMES = {
    "ConnectionError",
    "HTTPClientError",
    "ClientConnectionError",
    "ClientPayloadError",
    "TransportError",
}
"""Base classes of the errors of S3 and HTTP clients, which have nothing in common with Python's own; by name, because
loading those clients takes longer than all else that a run on a local disk loads."""
WAIT_SECONDS = 30
RETRIES = 2
EXPLAINED = (
    SourceFileError,
    ModelError,
    EndpointError,
    CacheError,
    LookupError,
    ValueError,
    FileNotFoundError,
    IsADirectoryError,
    PermissionError,
)
"""Errors whose message says what to do: the UI shows it instead of a traceback."""
_FULL = {errno.ENOSPC: "no space left", errno.EDQUOT: "the quota is used up", errno.EFBIG: "a file grew too large"}


@contextmanager
def told(root: str, attempts: int = 0) -> Iterator[None]:
    """Turn errors of a step into what Dagster acts on: a further attempt, or a failure with a message for people.

    Args:
        root: where the step writes, named when there is no room.
        attempts: how often the step was tried before.

    Raises:
        RetryRequested: the error may be gone at the next attempt.
        Failure: the error says what to do, or there is no space left.
    """
    try:
        yield
    except (dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        causes = list(_chain(error))
        if full := next(filter(None, map(_no_space, causes)), None):
            remedy = "free space there (mig-dagster vacuum drops old versions) and run again"
            kept = "what was current before stays current"
            raise dg.Failure(f"{root}: {full} ({error}): {remedy}; {kept}") from error
        if attempts < RETRIES and any(map(_transient, causes)):
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=WAIT_SECONDS) from error
        if isinstance(error, EXPLAINED):
            raise dg.Failure(str(error)) from error
        raise


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from: a source that cannot be read may be a connection that was lost."""
    while error is not None:
        yield error
        error = error.__cause__


def _transient(error: BaseException) -> bool:
    if isinstance(error, TRANSIENT):
        return True
    if isinstance(error, OSError) and error.errno in _TRANSIENT_NUMBERS:
        return True
    return not _TRANSIENT_NAMES.isdisjoint(kind.__name__ for kind in type(error).__mro__)


def _no_space(error: BaseException) -> str | None:
    if isinstance(error, OSError):
        return _FULL.get(error.errno or 0)
    # DuckDB, Polars and SQLite word it and give no number.
    said = str(error).lower()
    return "no space left" if "no space left" in said or "disk is full" in said else None
