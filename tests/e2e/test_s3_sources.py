"""Sources in the buckets of a real S3 server, which checks what moto does not."""

import pytest

from mig_dagster.sources import Source, SourceFileError, changed_files, read_source, resolve
from mig_dagster.sources.locations import open_binary

pytestmark = pytest.mark.e2e
LINE = b'{"instruction": "a", "output": "b"}\n'


@pytest.fixture
def bucket(ceph_s3, monkeypatch):
    ceph_s3.use(monkeypatch)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    uri = ceph_s3.bucket()
    put(ceph_s3, uri, "rows/a.jsonl", LINE)
    return uri


def put(server, uri: str, key: str, data: bytes, **more: str) -> None:
    client = server.client()
    client.put_object(Bucket=uri.removeprefix("s3://"), Key=key, Body=data, **more)
    client.close()


def test_a_source_is_pinned_read_and_seen_to_change(bucket, ceph_s3):
    source = Source("s", f"{bucket}/rows")
    revision = resolve(source)
    assert (revision.kind, sum(1 for _ in read_source(source, revision))) == ("etags", 1)
    assert changed_files(source, revision) == []
    put(ceph_s3, bucket, "rows/a.jsonl", LINE * 2)
    assert changed_files(source, revision) == ["a.jsonl"]


def test_a_large_object_that_is_replaced_while_it_is_read_is_found_out(bucket, ceph_s3):
    put(ceph_s3, bucket, "rows/a.jsonl", LINE * 600_000)
    with open_binary(f"{bucket}/rows/a.jsonl") as file:
        assert file.read(len(LINE)) == LINE
        put(ceph_s3, bucket, "rows/a.jsonl", LINE * 600_001)
        with pytest.raises(SourceFileError, match="changed while it was being read"):
            file.read()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong", r"wrong credentials \(SignatureDoesNotMatch\)"),
        ("AWS_ACCESS_KEY_ID", "nobody", r"wrong credentials \(InvalidAccessKeyId\)"),
        ("AWS_PROFILE", "nobody", "cannot be signed in for"),
    ],
)
def test_credentials_that_do_not_fit_say_so(bucket, monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SourceFileError, match=message):
        resolve(Source("s", bucket))


def test_a_bucket_that_is_not_there_says_so(bucket):
    with pytest.raises(SourceFileError, match=r"is in no bucket that is there \(NoSuchBucket\)"):
        resolve(Source("s", f"{bucket}-none"))


def test_without_credentials_a_public_bucket_is_read_and_a_private_one_is_not(bucket, ceph_s3, monkeypatch):
    private = Source("private", bucket)
    public = Source("public", ceph_s3.bucket())
    client = ceph_s3.client()
    client.put_bucket_acl(Bucket=public.uri.removeprefix("s3://"), ACL="public-read")
    client.close()
    put(ceph_s3, public.uri, "a.jsonl", LINE, ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    assert sum(1 for _ in read_source(public, resolve(public))) == 1
    with pytest.raises(SourceFileError, match=r"may not be read \(AccessDenied\)\. The credentials in AWS_\*"):
        resolve(private)
