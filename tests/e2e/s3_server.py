"""S3 servers for tests: moto's, within a second and in memory, and a real Ceph gateway.

The fixtures live as long as the session; a test takes a bucket of its own from them:

    def test_something(moto_s3, monkeypatch):
        moto_s3.use(monkeypatch)  # this process; a child process gets env=os.environ | moto_s3.environment()
        home = moto_s3.bucket()  # s3://test-<random>, empty
"""

import logging
import os
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from tests.e2e import ceph

REGION = "us-east-1"


@dataclass(frozen=True)
class S3Server:
    """Where an S3 server is and how to sign in."""

    name: str
    endpoint: str
    key: str
    secret: str = field(repr=False)

    def environment(self, prefix: str = "AWS_") -> dict[str, str]:
        """Return the variables that lead clients to this server; `MIG_HOME_AWS_` is for the home alone."""
        return {
            f"{prefix}ACCESS_KEY_ID": self.key,
            f"{prefix}SECRET_ACCESS_KEY": self.secret,
            f"{prefix}ENDPOINT_URL": self.endpoint,
            f"{prefix}REGION": REGION,
        }

    def use(self, monkeypatch: pytest.MonkeyPatch, prefix: str = "AWS_") -> None:
        """Let this process and its children find the server."""
        for name, value in self.environment(prefix).items():
            monkeypatch.setenv(name, value)

    def client(self) -> Any:
        """Return a boto3 client, which shares no code path of ours."""
        settings = Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"})
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name=REGION,
            config=settings,
        )

    def bucket(self) -> str:
        """Make an empty bucket and return its URI."""
        name = f"test-{uuid4().hex[:16]}"
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()
        return f"s3://{name}"


@pytest.fixture(scope="session")
def moto_s3():
    """moto's server, for the quick suite; it ends with this process."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server("moto", f"http://{host}:{port}", "moto-test-key", "moto-test-secret")
    server.stop()


@pytest.fixture(scope="session")
def ceph_cluster():
    """The daemons behind `ceph_s3`, for tests that kill and restart one."""
    from tests.e2e.conftest import require

    missing = ceph.missing_programs()
    require(not missing, f"the S3 tests need Debian's ceph-mon, ceph-osd and radosgw; not found: {', '.join(missing)}")
    cluster = ceph.Ceph()
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def ceph_s3(request):
    """A Ceph gateway, a real S3 server, about 20 s to start; mark the tests `e2e`.

    TEST_S3_ENDPOINT_URL, TEST_S3_ACCESS_KEY_ID and TEST_S3_SECRET_ACCESS_KEY put another server in its place.
    """
    if endpoint := os.environ.get("TEST_S3_ENDPOINT_URL"):
        return S3Server(
            "given", endpoint, *(os.environ[f"TEST_S3_{key}"] for key in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        )
    cluster = request.getfixturevalue("ceph_cluster")
    return S3Server("ceph", cluster.endpoint, ceph.KEY, ceph.SECRET)
