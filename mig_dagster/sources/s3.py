"""Sources in S3 buckets, through s3fs: objects listed by one request a thousand, and read as a stream.

Credentials, endpoint, region and profile come from the environment (AWS_*, or what else the AWS clients look at); where
there are no credentials, requests are not signed, which is enough for public buckets.
"""

import io
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import botocore.session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from s3fs import S3FileSystem
from s3fs.utils import FileExpired

from mig_dagster.sources.patterns import fixed_folder, is_hidden, is_pattern, matching
from mig_dagster.sources.records import SourceFileError

BLOCK_BYTES = 8 << 20
"""One request reads so much of an object; a few blocks are in memory at a time."""
_ATTEMPTS = 4
_FAILURES = (OSError, BotoCoreError)
_Result = TypeVar("_Result")


def find_objects(uri: str, suffixes: tuple[str, ...]) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """Return the folder that relative paths start from, and the objects that a URI means, by `bucket/key`.

    Args:
        uri: an object, a prefix that ends at a slash, or a pattern.
        suffixes: of the objects below a prefix, those with one of these endings count.

    Raises:
        SourceFileError: the bucket is not there, or may not be listed.
    """
    path = _path(uri)
    root = fixed_folder(path) if is_pattern(path) else path
    found: dict[str, Mapping[str, Any]] = _translated(uri, lambda fs: fs.find(root, detail=True))
    objects = {name: info for name, info in found.items() if info["type"] == "file" and not name.endswith("/")}
    if path in objects:
        return posixpath.dirname(path), {path: objects[path]}
    if root == path:
        return path, _visible(objects, (name for name in objects if name.lower().endswith(suffixes)), path)
    try:
        return root, _visible(objects, matching(objects, path), root)
    except ValueError as error:
        problem = f"has a pattern that cannot be read ({error})"
        raise SourceFileError(uri, None, problem, "In a pattern, ** stands alone between two slashes") from error


def open_object(uri: str) -> io.BufferedReader:
    """Return an object's bytes as a stream.

    Raises:
        SourceFileError: it is not there, or may not be read; also from every read of the stream.
    """
    return io.BufferedReader(_Stream(uri, _translated(uri, lambda fs: fs.open(_path(uri), "rb"))), 1 << 20)


class _Stream(io.RawIOBase):
    """An open object whose failures name it and the remedy."""

    def __init__(self, uri: str, file: Any) -> None:
        self._uri = uri
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except _FAILURES as error:
            raise _problem(self._uri, error) from error
        except TypeError as error:
            # s3fs looks for words in the server's message, which Ceph leaves out.
            if not isinstance(error.__context__, OSError):
                raise
            raise _problem(self._uri, error.__context__) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _visible(objects: Mapping[str, Mapping[str, Any]], paths: Iterable[str], root: str) -> dict[str, Mapping[str, Any]]:
    return {path: objects[path] for path in paths if not is_hidden(path.removeprefix(root))}


def _path(uri: str) -> str:
    return uri.partition("://")[2].strip("/")


def _translated(uri: str, action: Callable[[Any], _Result]) -> _Result:
    try:
        return action(_file_system(os.getpid(), _environment()))
    except _FAILURES as error:
        raise _problem(uri, error) from error


def _environment() -> tuple[tuple[str, str], ...]:
    """Return what the AWS clients read of the environment, so that a change of it makes another client."""
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))


@cache
def _file_system(process: int, environment: tuple[tuple[str, str], ...]) -> Any:
    del process  # it tells cached clients apart: a forked process cannot use its parent's
    variables = dict(environment)
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    return S3FileSystem(
        client_kwargs={"region_name": region} if region else {},  # botocore reads only the second
        anon=botocore.session.Session().get_credentials() is None,
        use_listings_cache=False,
        skip_instance_cache=True,
        default_block_size=BLOCK_BYTES,
        config_kwargs={"retries": {"mode": "standard", "max_attempts": _ATTEMPTS}},
    )


def _problem(uri: str, error: Exception) -> SourceFileError:
    """Return the error for a request that failed: what the server said, and what to do about it."""
    _file_system.cache_clear()  # the next request signs in anew: credentials may come or change meanwhile
    code = error.__cause__.response["Error"].get("Code", "") if isinstance(error.__cause__, ClientError) else ""
    for codes, problem, remedy in _REFUSALS:
        if code in codes:
            return SourceFileError(uri, None, f"{problem} ({code})", remedy)
    for kinds, problem, remedy in _FAILED:
        if isinstance(error, kinds):
            return SourceFileError(uri, None, f"{problem} ({error})", remedy)
    remedy = "Check AWS_ENDPOINT_URL and AWS_REGION, or try later"
    return SourceFileError(uri, None, f"cannot be read ({error})", remedy)


_KEYS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, for the endpoint in AWS_ENDPOINT_URL"
_ACCESS = (
    "The credentials in AWS_* need s3:ListBucket for the bucket and s3:GetObject for its objects; without credentials "
    "only public buckets can be read"
)
_CHANGED = ("changed while it was being read", "Read the source again once it is at rest")
_REFUSALS = (
    (("NoSuchBucket",), "is in no bucket that is there", "Check the bucket's name, and AWS_ENDPOINT_URL"),
    (("ExpiredToken", "TokenRefreshRequired", "RequestExpired"), "is refused: the token has expired", "Sign in again"),
    (("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"), "is refused: wrong credentials", _KEYS),
    (("AccessDenied", "403"), "may not be read", _ACCESS),
    (("PermanentRedirect", "301", "AuthorizationHeaderMalformed"), "is in another region", "Set AWS_REGION to it"),
    (("PreconditionFailed", "412"), *_CHANGED),
    (("SlowDown", "503", "ServiceUnavailable"), "is refused for now: too many requests", "Run again later"),
)
"""What a server's code means, by code: the problem, and the remedy."""
_FAILED: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (FileNotFoundError, "is no object in the bucket", "Check the path"),
    (PermissionError, "may not be read", _ACCESS),
    (FileExpired, *_CHANGED),
    ((EndpointConnectionError, ConnectTimeoutError), "cannot be reached", "Check the network and AWS_ENDPOINT_URL"),
    ((PartialCredentialsError, ProfileNotFound), "cannot be signed in for", _KEYS),
)
"""The same where there is no code, by the client's error."""
