"""What S3 does differently: signing in, lost answers, uploads in parts, and secrets that are shown nowhere."""

import os
import subprocess
import sys
import threading
import time

import pytest

from mig_dagster.storage import Store
from mig_dagster.storage.objects import Objects
from mig_dagster.storage.s3 import s3_options
from tests.storage.roots import CEPH

KEYS = {"MIG_HOME_AWS_ACCESS_KEY_ID": "key", "MIG_HOME_AWS_SECRET_ACCESS_KEY": "hidden"}


@pytest.fixture(params=["moto_s3", CEPH])
def server(request, monkeypatch):
    server = request.getfixturevalue(request.param)
    server.use(monkeypatch, "MIG_HOME_AWS_")
    return server


@pytest.fixture
def unsigned(monkeypatch, tmp_path):
    """No credentials anywhere."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MIG_HOME_AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def test_the_home_has_its_own_credentials_and_endpoint():
    shared = {"AWS_ENDPOINT_URL": "http://sources", "AWS_SESSION_TOKEN": "of the sources", "AWS_REGION": "eu-north-1"}
    found = s3_options(shared | KEYS | {"MIG_HOME_AWS_ENDPOINT_URL": "http://home"})
    assert (found["key"], found["secret"], found["endpoint_url"]) == ("key", "hidden", "http://home")
    assert "token" not in found
    assert found["client_kwargs"] == {"region_name": "eu-north-1"}


def test_what_is_not_set_for_the_home_is_that_of_every_client():
    found = s3_options({"AWS_ENDPOINT_URL": "http://shared", "AWS_ACCESS_KEY_ID": "a", "AWS_DEFAULT_REGION": "x"})
    assert found["endpoint_url"] == "http://shared"
    assert "key" not in found
    assert found["client_kwargs"] == {"region_name": "x"}
    assert s3_options({})["client_kwargs"] == {}


@pytest.mark.parametrize("name", KEYS)
def test_half_of_a_key_is_refused_without_showing_it(name):
    with pytest.raises(ValueError, match=f"{name} is set and MIG_HOME_AWS_.* is not: set both, or neither") as refused:
        s3_options({name: "hidden"})
    assert "hidden" not in str(refused.value)


@pytest.mark.usefixtures("unsigned")
def test_without_credentials_the_error_says_what_to_set(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(PermissionError, match=r"s3://bucket/home: .*set MIG_HOME_AWS_ACCESS_KEY_ID and"):
        Store("s3://bucket/home").read("a")


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_wrong_credentials_are_an_error_without_the_secret(ceph_s3, monkeypatch):
    ceph_s3.use(monkeypatch, "MIG_HOME_AWS_")
    bucket = ceph_s3.bucket()
    monkeypatch.setenv("MIG_HOME_AWS_SECRET_ACCESS_KEY", "hidden")
    with pytest.raises(PermissionError) as refused:
        Store(bucket).create("a", b"x")
    assert "hidden" not in str(refused.value)


def test_an_endpoint_that_nobody_serves_is_a_lost_connection(monkeypatch):
    monkeypatch.setattr("mig_dagster.storage.s3.ATTEMPTS", 1)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MIG_HOME_AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = Store("s3://bucket/home")
    with pytest.raises(ConnectionError, match=r"s3://bucket/home: .*check the network and MIG_HOME_AWS_ENDPOINT_URL"):
        store.exists("a")
    assert "hidden" not in repr(store)


def test_a_bucket_that_is_not_there_is_said(server):
    store = Store(f"{server.bucket()}-not/home")
    for write in (store.create, store.replace):
        with pytest.raises(FileNotFoundError, match=r"bucket 'test-\w+-not' does not exist: make it, or name another"):
            write("a", b"x")
    assert store.read_all(["a"]) == [None]
    assert not store.exists("a")


def test_only_an_error_of_the_client_has_an_explanation():
    with pytest.raises(AssertionError, match="KeyError is none of errors"):
        Objects(None, "").explain(KeyError("a"), "root")


def test_a_create_whose_answer_was_lost_knows_its_own_object(server, monkeypatch):
    """The client sends the request again, and is told that the object exists: it made it itself."""
    store = Store(f"{server.bucket()}/home")
    put = store.filesystem.pipe_file

    def put_twice(path, data, **kwargs):
        put(path, data, **kwargs)
        put(path, data, **kwargs)

    monkeypatch.setattr(store.filesystem, "pipe_file", put_twice)
    assert store.create("a", b"x")
    monkeypatch.setattr(store.filesystem, "pipe_file", put)
    assert not store.create("a", b"y")
    assert store.read("a") == b"x"


def test_many_objects_are_read_at_once_and_missing_ones_are_none(server):
    store = Store(f"{server.bucket()}/home")
    store.create("a", b"1")
    store.create("b", b"")
    assert store.read_all(["a", "none", "b", "a"]) == [b"1", None, b"", b"1"]
    assert store.read_all([]) == []


LARGE = """
    import os, sys
    from mig_dagster.storage import Store
    print("writing", flush=True)
    Store(sys.argv[1]).replace("large", bytes([int(sys.argv[2])]) * int(sys.argv[3]))
"""


def write_large(root, value, size):
    script = "\n".join(line.strip() for line in LARGE.strip().splitlines())
    command = [sys.executable, "-c", script, root, str(value), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def uploads(server, root):
    client = server.client()
    found = client.list_multipart_uploads(Bucket=root.split("/")[2]).get("Uploads", [])
    client.close()
    return found


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_large_object_is_seen_whole_or_not_at_all_and_a_killed_upload_leaves_nothing_visible(ceph_s3, monkeypatch):
    ceph_s3.use(monkeypatch, "MIG_HOME_AWS_")
    root = f"{ceph_s3.bucket()}/home"
    store = Store(root)
    size = 200 * 10**6
    with write_large(root, 1, size) as first:
        seen = {store.exists("large") and store.size("large") for _ in iter(first.poll, 0)}
    assert first.returncode == 0
    assert seen <= {False, size}
    with write_large(root, 2, size) as second:
        second.stdout.readline()
        deadline = time.monotonic() + 60
        while not uploads(ceph_s3, root) and time.monotonic() < deadline:
            pass
        second.kill()
    assert uploads(ceph_s3, root), "it was killed in the middle of its upload"
    assert store.list() == ["large"]
    assert store.read("large") == b"\1" * size
    assert store.remove_leftovers(3600) == 0
    assert store.remove_leftovers(-60, dry_run=True) == 1
    assert store.remove_leftovers(-60) == 1
    assert uploads(ceph_s3, root) == []


def test_an_upload_that_others_began_elsewhere_is_left_alone(server):
    bucket = server.bucket()
    client = server.client()
    name = bucket.removeprefix("s3://")
    for key in ("home/a", "home2/a"):
        client.create_multipart_upload(Bucket=name, Key=key)
    assert Store(f"{bucket}/home").remove_leftovers(-60) == 1
    assert [upload["Key"] for upload in client.list_multipart_uploads(Bucket=name)["Uploads"]] == ["home2/a"]
    assert Store(bucket).remove_leftovers(-60) == 1
    client.close()


def test_stores_are_used_from_many_threads(server):
    store = Store(f"{server.bucket()}/home")
    threads = [threading.Thread(target=store.create, args=(f"a/{i}", b"x")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.list("a")) == 8
