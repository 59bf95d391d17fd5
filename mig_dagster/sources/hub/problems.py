"""What went wrong on the Hub, in the words of the one who can mend it."""

from collections.abc import Callable

import httpx2
from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    XetDownloadError,
)

from mig_dagster.sources.hub.address import Address
from mig_dagster.sources.records import SourceFileError

FAILURES = (
    HfHubHTTPError,
    httpx2.TransportError,
    OfflineModeIsEnabled,
    LocalEntryNotFoundError,
    HFValidationError,
    XetDownloadError,
)
"""What huggingface_hub raises where a request or a download fails."""


def problem(error: Exception, address: Address) -> SourceFileError:
    """Return the error for the source whose request or download failed; no part of it comes from a token."""
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # huggingface_hub also looked into its cache, in vain
    for kind, explain in _EXPLAINED.items():
        if isinstance(error, kind):
            return SourceFileError(address.name, None, *explain(address))
    if isinstance(error, HfHubHTTPError):
        return SourceFileError(address.name, None, *_refused(error))
    return SourceFileError(address.name, None, f"cannot be downloaded ({error})", "Check the space left at HF_HOME")


def _gated(address: Address) -> tuple[str, str]:
    page = f"{constants.ENDPOINT}/datasets/{address.repo}"
    if get_token() is None:
        return "is gated", f"Accept the terms at {page}, and set HF_TOKEN to a token of the account that did"
    remedy = (
        f"Accept the terms at {page} with that account, or wait for its owner's consent; the token needs read access"
    )
    return "is gated, and the account of HF_TOKEN has no access", remedy


def _not_found(address: Address) -> tuple[str, str]:
    page = f"{constants.ENDPOINT}/datasets/{address.repo}"
    if get_token() is None:
        return "is not there, or is private", f"Check the name at {page}; for a private dataset set HF_TOKEN"
    return "is not there, or HF_TOKEN may not read it", f"Check the name at {page}, and what the token may read"


def _no_revision(address: Address) -> tuple[str, str]:
    page = f"{constants.ENDPOINT}/datasets/{address.repo}/tree/main"
    return f"has no revision {address.revision!r}", f"Branches, tags and commits are listed at {page}"


def _no_file(address: Address) -> tuple[str, str]:
    return "is no file of that revision", "Check the path"


def _disabled(address: Address) -> tuple[str, str]:
    return "was disabled by the Hub", "Take the source out of the registry, or ask the dataset's owner"


def _offline(address: Address) -> tuple[str, str]:
    remedy = "Unset HF_HUB_OFFLINE to download it, or point HF_HOME at a cache that has it"
    return "is not in the cache, and HF_HUB_OFFLINE is set", remedy


def _invalid(address: Address) -> tuple[str, str]:
    return "is no name that a dataset on the Hub can have", "Write it as org/name"


def _unreachable(address: Address) -> tuple[str, str]:
    remedy = "Check the network and HF_ENDPOINT; HF_HUB_OFFLINE=1 reads what was downloaded before"
    return f"cannot be reached at {constants.ENDPOINT}", remedy


_EXPLAINED: dict[type[Exception] | tuple[type[Exception], ...], Callable[[Address], tuple[str, str]]] = {
    GatedRepoError: _gated,  # before what it is a kind of
    DisabledRepoError: _disabled,
    RepositoryNotFoundError: _not_found,
    RevisionNotFoundError: _no_revision,
    RemoteEntryNotFoundError: _no_file,
    (OfflineModeIsEnabled, LocalEntryNotFoundError): _offline,
    HFValidationError: _invalid,
    httpx2.TransportError: _unreachable,
}


def _refused(error: HfHubHTTPError) -> tuple[str, str]:
    """Say what an HTTP status means that has no class of its own."""
    status = error.response.status_code
    if status == 401:
        return "is refused: the Hub does not know the token", "Set HF_TOKEN to a valid token, or unset it"
    if status == 403:
        return "is refused: HF_TOKEN may not do this", "Give the token read access to gated and private repos"
    if status == 429:
        remedy = "Run again later, and with HF_TOKEN set: the limits are higher for an account"
        return f"is refused for now: too many requests{_wait(error)}", remedy
    return f"cannot be read: the Hub answers {status}", "Run again later"


def _wait(error: HfHubHTTPError) -> str:
    seconds = error.response.headers.get("Retry-After", "")
    return f" (asked to wait {seconds} s)" if seconds.isdigit() else ""
