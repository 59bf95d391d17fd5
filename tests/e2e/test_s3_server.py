"""The S3 servers of the tests answer, and find each other's buckets their own."""

import pytest
import s3fs

SERVERS = ["moto_s3", pytest.param("ceph_s3", marks=[pytest.mark.e2e, pytest.mark.timeout(180)])]


@pytest.fixture(params=SERVERS)
def server(request):
    return request.getfixturevalue(request.param)


def test_a_bucket_is_new_and_takes_objects(server, monkeypatch):
    server.use(monkeypatch)
    first, second = server.bucket(), server.bucket()
    fs = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    fs.pipe_file(f"{first}/a", b"1")
    assert fs.cat_file(f"{first}/a") == b"1"
    assert fs.ls(second) == []


def test_no_secret_is_shown(server):
    assert server.secret not in repr(server)
