"""What a dataset repo holds at a commit: asked of the Hub, remembered beside its cache for work offline."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote

import httpx2
from huggingface_hub import HfApi, cached_assets_path, constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.hf_api import RepoFile as HubFile

from mig_dagster.sources.hub.address import Address, file_uri, parse_address
from mig_dagster.sources.hub.problems import FAILURES, problem
from mig_dagster.sources.records import SourceFileError

_WAITS = (1.0, 4.0)
_LONGEST_WAIT = 30.0
_MANY_FILES = 1000
"""From so many files on the Hub may leave some out of a dataset's info: its tree is asked for page by page."""
_TRANSIENT = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class RepoFile:
    """A file of a repo.

    Attributes:
        size: bytes.
        sha256: of the bytes, where the Hub tells it: for large files; else "".
        oid: git's name for the content.
    """

    size: int
    sha256: str
    oid: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A commit of a dataset repo.

    Attributes:
        sha: the whole commit sha.
        files: by path in the repo.
    """

    sha: str
    files: Mapping[str, RepoFile]


def ask(address: Address) -> Listing:
    """Return the commit that an address means now and its files, by one request and, of many files, one a thousand.

    Offline it is what the Hub told last; what it told of a whole commit sha is never asked again.

    Raises:
        SourceFileError: there is no such dataset or revision, it may not be read, or the Hub cannot be asked.
    """
    if constants.is_offline_mode() or (address.pinned and _memory(address).exists()):
        return _remembered(address)
    try:
        listing = _patiently(lambda: _told(address))
    except FAILURES as error:
        raise problem(error, address) from error
    except (ValueError, KeyError) as error:
        told = f"cannot be asked for: what answers at {constants.ENDPOINT} does not speak as the Hub does"
        raise SourceFileError(address.name, None, told, "Check HF_ENDPOINT, and the proxy on the way to it") from error
    _remember(address, listing)
    return listing


def download(uri: str) -> Path:
    """Return the local path of a file at a commit, downloaded into huggingface_hub's cache unless it is there.

    Raises:
        SourceFileError: it cannot be downloaded.
    """
    place = parse_address(uri)
    try:
        local = hf_hub_download(place.repo, place.path, repo_type="dataset", revision=place.revision)
    except (*FAILURES, OSError) as error:
        raise problem(error, place) from error
    return Path(local)


def read_card(repo: str, listing: Listing) -> str:
    """Return the text of a dataset's card, README.md, at a commit; "" where it has none.

    Raises:
        SourceFileError: it cannot be downloaded.
    """
    if "README.md" not in listing.files:
        return ""
    return download(file_uri(repo, listing.sha, "README.md")).read_text(encoding="utf-8", errors="replace")


def _patiently(request: Callable[[], Listing]) -> Listing:
    """Repeat a request that failed for a reason that passes, twice, after the wait that the Hub asks for."""
    for wait in _WAITS:
        try:
            return request()
        except HfHubHTTPError as error:
            asked = error.response.headers.get("Retry-After", "")
            wait = float(asked) if asked.isdigit() else wait
            if error.response.status_code not in _TRANSIENT or wait > _LONGEST_WAIT:
                raise
        except (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError):
            pass
        time.sleep(wait)
    return request()


def _told(address: Address) -> Listing:
    info = HfApi().dataset_info(address.repo, revision=address.revision, files_metadata=True)
    siblings = info.siblings or []
    if len(siblings) < _MANY_FILES:
        return Listing(str(info.sha), {file.rfilename: _repo_file(file) for file in siblings})
    tree = HfApi().list_repo_tree(address.repo, repo_type="dataset", revision=info.sha, recursive=True)
    return Listing(str(info.sha), {entry.path: _repo_file(entry) for entry in tree if isinstance(entry, HubFile)})


def _repo_file(file: Any) -> RepoFile:
    return RepoFile(int(file.size or 0), file.lfs.sha256 if file.lfs else "", file.blob_id or "")


def _memory(address: Address) -> Path:
    folder = cached_assets_path("mig_dagster", namespace="datasets", subfolder=address.repo)
    return folder / f"{quote(address.revision or 'main', safe='')}.json"


def _remember(address: Address, listing: Listing) -> None:
    """Write down what the Hub told, at once or not at all: other processes may read it."""
    path = _memory(address)
    files = {name: [file.size, file.sha256, file.oid] for name, file in listing.files.items()}
    text = json.dumps({"sha": listing.sha, "files": files}, sort_keys=True)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(text)
    os.replace(file.name, path)


def _remembered(address: Address) -> Listing:
    path = _memory(address)
    if not path.exists():
        raise problem(OfflineModeIsEnabled("offline"), address)
    document = json.loads(path.read_text(encoding="utf-8"))
    return Listing(document["sha"], {name: RepoFile(*values) for name, values in document["files"].items()})
