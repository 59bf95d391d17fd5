"""Objects in S3 buckets: how to sign in, and what its servers do differently.

Credentials and endpoint come from the environment: `MIG_HOME_AWS_<NAME>` for the project's own data, in place of the
`AWS_<NAME>` that sources and every other client read. They are kept in the clients alone.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from mig_dagster.storage.objects import Objects

ATTEMPTS = 6
"""How often a request is tried that fails for the server's or the network's sake: for about 15 seconds."""

CREDENTIAL_SECONDS = 300
SIGN_IN = (
    "set MIG_HOME_AWS_ACCESS_KEY_ID and MIG_HOME_AWS_SECRET_ACCESS_KEY, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
)


def is_s3(root: str) -> bool:
    """Return whether a root is in a bucket."""
    return root.startswith(("s3://", "s3a://"))


def s3_options(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the options of s3fs for `MIG_HOME`; what is left out, botocore finds as it does for every client.

    Raises:
        ValueError: one of a pair of variables is set without the other.
    """
    config = {
        "retries": {"mode": "standard", "max_attempts": ATTEMPTS},
        # Of the checksums that newer clients send unasked, some servers refuse the form.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    region = _either(environment, "REGION") or environment.get("AWS_DEFAULT_REGION")
    return {
        **_credentials(environment),
        "endpoint_url": _either(environment, "ENDPOINT_URL"),
        "client_kwargs": {"region_name": region} if region else {},
        "config_kwargs": config,
    }


def _either(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(f"MIG_HOME_AWS_{name}") or environment.get(f"AWS_{name}") or None


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the home's own credentials, {} when it has none: key, secret and token belong together."""
    names = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
    key, secret, token = (environment.get(f"MIG_HOME_AWS_{name}", "") for name in names)
    if bool(key) != bool(secret):
        there, lost = names[:2] if key else names[1::-1]
        raise ValueError(f"MIG_HOME_AWS_{there} is set and MIG_HOME_AWS_{lost} is not: set both, or neither")
    found = {"key": key, "secret": secret, "token": token}
    return {name: value for name, value in found.items() if value}


class S3Objects(Objects):
    """Objects of buckets under one prefix, `bucket/...`, through s3fs."""

    def create(self, full: str, data: bytes) -> bool:
        """Upload an object that must not exist yet, by a conditional request.

        Up to 100 MB are one request. Larger ones are uploaded in parts, where some servers (Ceph 16) ignore the
        condition: of several writers the last one wins then.
        """
        writer = uuid4().hex
        try:
            with self._in_a_bucket():
                self._filesystem.pipe_file(full, data, mode="create", Metadata={"writer": writer})
        except OSError:
            # Servers word "it exists" in several ways: only the object's presence tells. A request that was sent again
            # because its answer was lost finds the object that it made itself.
            found = self._head(full)
            if found is None:
                raise
            return bool(found["Metadata"].get("writer") == writer)
        return True

    def replace(self, full: str, data: bytes) -> None:
        """Upload an object, in place of the one that may be there."""
        with self._in_a_bucket():
            super().replace(full, data)

    def publish_file(self, file: Path, full: str) -> None:
        """Upload a file, in place of the object that may be there."""
        with self._in_a_bucket():
            super().publish_file(file, full)

    def read(self, paths: Sequence[str]) -> list[bytes | Exception]:
        """Return the bytes of objects, or why they cannot be read; one request for each, many at once."""
        # s3fs would ask for the size first, and then read a large object in parts, which may be of two versions of it.
        found: list[bytes | Exception] = self._filesystem.cat_ranges(list(paths), None, None, max_concurrency=1)
        return found

    def exists(self, full: str) -> bool:
        """Return whether there is such an object."""
        return self._head(full) is not None

    def touch(self, full: str) -> None:
        """Make an object young: the server copies it onto itself."""
        bucket, _, key = full.partition("/")
        source = {"Bucket": bucket, "Key": key}
        self._filesystem.call_s3("copy_object", Bucket=bucket, Key=key, CopySource=source, MetadataDirective="REPLACE")

    def remove_leftovers(self, older_than: float, *, dry_run: bool = False) -> int:
        """Abort uploads that were begun long ago and never ended: their parts are stored, but not seen."""
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        stale = [upload for upload in self._uploads() if upload["Initiated"] < before]
        bucket = self._base.partition("/")[0]
        for upload in [] if dry_run else stale:
            self._filesystem.call_s3(
                "abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        return len(stale)

    def scan_parquet(self, paths: Sequence[str]) -> pl.LazyFrame:
        """Return Parquet objects one after the other; Polars itself fetches the columns and row groups it needs."""
        client = self._filesystem.s3.meta
        options: dict[str, str] = {"aws_region": client.region_name, "aws_virtual_hosted_style_request": "false"}
        if not client.endpoint_url.endswith(".amazonaws.com"):
            options |= {"aws_endpoint_url": client.endpoint_url, "aws_allow_http": "true"}
        return pl.scan_parquet(
            [f"s3://{path}" for path in paths],
            glob=False,
            hive_partitioning=False,
            storage_options=options,
            credential_provider=self._signed_in,
        )

    def _signed_in(self) -> tuple[dict[str, str], int]:
        """Return the credentials that s3fs has, and until when to use them before asking again."""
        from botocore.exceptions import NoCredentialsError
        from botocore.session import get_session

        own = self._filesystem
        found = (own.key, own.secret, own.token)
        if not own.key:
            chain = get_session().get_credentials()
            if chain is None:
                raise NoCredentialsError
            found = chain.get_frozen_credentials()[:3]
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        known = {name: value for name, value in zip(names, found, strict=True) if value}
        return known, int(time.time()) + CREDENTIAL_SECONDS

    def errors(self) -> tuple[type[Exception], ...]:
        """Return what botocore raises without an answer of the server."""
        from botocore.exceptions import BotoCoreError

        return (BotoCoreError,)

    def explain(self, error: Exception, root: str) -> OSError:
        """Return such an error as one that says what to do."""
        from botocore.exceptions import NoCredentialsError, PartialCredentialsError, ProfileNotFound

        what = " ".join(str(error).split()).rstrip(".")
        if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
            return PermissionError(f"{root}: {what}: {SIGN_IN}")
        return ConnectionError(f"{root}: {what}: check the network and MIG_HOME_AWS_ENDPOINT_URL or AWS_ENDPOINT_URL")

    @contextmanager
    def _in_a_bucket(self) -> Iterator[None]:
        """Say what is missing where nothing can be written."""
        try:
            yield
        except FileNotFoundError as error:
            bucket = self._base.partition("/")[0]
            raise FileNotFoundError(f"bucket {bucket!r} does not exist: make it, or name another") from error

    def _uploads(self) -> Iterator[dict[str, Any]]:
        """Yield the unfinished uploads below the base, page by page."""
        bucket, _, prefix = self._base.partition("/")
        place: dict[str, str] = {}
        while True:
            prefixed = {"Prefix": f"{prefix}/"} if prefix else {}
            page = self._filesystem.call_s3("list_multipart_uploads", Bucket=bucket, **prefixed, **place)
            yield from page.get("Uploads", [])
            if not page.get("IsTruncated"):
                return
            place = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _head(self, full: str) -> dict[str, Any] | None:
        bucket, _, key = full.partition("/")
        try:
            found: dict[str, Any] = self._filesystem.call_s3("head_object", Bucket=bucket, Key=key)
        except FileNotFoundError:
            return None
        return found
