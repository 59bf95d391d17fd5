"""Sources on S3: through the real client against moto's server, and against one that fails as it is told."""

import json
import tracemalloc
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from mig_dagster.pool.ingest import ingest
from mig_dagster.sources import Source, SourceFileError, changed_files, files_of, read_source, resolve, s3
from mig_dagster.sources.locations import open_binary
from mig_dagster.storage import Lake, Store

LINE = json.dumps({"instruction": "a", "output": "b"}).encode() + b"\n"
KEYS = ("x/a.jsonl", "x/sub/b.jsonl", "x/.hidden/c.jsonl", "x/notes.txt", "y/a[1].jsonl", "xx.jsonl")


@pytest.fixture
def bucket(moto_s3, monkeypatch):
    moto_s3.use(monkeypatch)
    uri = moto_s3.bucket()
    for key in KEYS:
        put(moto_s3, uri, key, LINE)
    return uri


def put(server, uri: str, key: str, data: bytes, **more: str) -> None:
    client = server.client()
    client.put_object(Bucket=uri.removeprefix("s3://"), Key=key, Body=data, **more)
    client.close()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ["x/a.jsonl", "x/sub/b.jsonl", "xx.jsonl", "y/a[1].jsonl"]),
        ("/x", ["a.jsonl", "sub/b.jsonl"]),
        ("/x/", ["a.jsonl", "sub/b.jsonl"]),
        ("/x/a.jsonl", ["a.jsonl"]),
        ("/x/*.jsonl", ["a.jsonl"]),
        ("/**/[ab].jsonl", ["x/a.jsonl", "x/sub/b.jsonl"]),
        ("/y/a[1].jsonl", ["a[1].jsonl"]),
    ],
)
def test_a_prefix_an_object_or_a_pattern_gives_the_objects_that_a_local_path_would(bucket, path, expected):
    source = Source("s", bucket + path)
    assert [file.relative for file in files_of(source)] == expected
    assert sum(1 for _ in read_source(source)) == len(expected)


def test_an_object_is_pinned_by_its_etag_without_being_read(bucket, moto_s3, monkeypatch):
    source = Source("s", f"{bucket}/x")
    monkeypatch.setattr(s3, "open_object", None)
    revision = resolve(source)
    assert (revision.kind, len(revision.id), revision.size) == ("etags", 32, 2 * len(LINE))
    assert revision.files[0].pin.startswith("ETag:")
    put(moto_s3, bucket, "x/a.jsonl", LINE)
    assert resolve(source, revision).id == revision.id  # the same bytes have the same ETag
    put(moto_s3, bucket, "x/sub/b.jsonl", LINE * 2)
    assert changed_files(source, revision) == ["sub/b.jsonl"]


def test_a_source_that_changes_while_it_is_read_leaves_no_rows(bucket, moto_s3, tmp_path):
    source, lake = Source("s", f"{bucket}/x"), Lake(Store(str(tmp_path / "home")))
    revision = resolve(source)
    put(moto_s3, bucket, "x/a.jsonl", LINE * 2)
    with pytest.raises(SourceFileError, match=r"a\.jsonl: changed while source 's' was being read"):
        ingest(source, revision, lake)
    assert lake.history("raw_pool", "s") == []


def test_an_object_that_is_replaced_between_two_blocks_is_never_half_the_old_and_half_the_new(bucket, moto_s3):
    put(moto_s3, bucket, "x/long.jsonl", b"1" * (2 * s3.BLOCK_BYTES + 10))
    with open_binary(f"{bucket}/x/long.jsonl") as file:
        file.read(10)
        put(moto_s3, bucket, "x/long.jsonl", b"2" * (2 * s3.BLOCK_BYTES + 10))
        with pytest.raises(SourceFileError, match="changed while it was being read"):
            file.read()


def test_without_credentials_public_objects_are_read_and_others_say_what_is_missing(bucket, moto_s3, monkeypatch):
    client = moto_s3.client()
    client.put_bucket_acl(Bucket=bucket.removeprefix("s3://"), ACL="public-read")
    client.close()
    put(moto_s3, bucket, "x/a.jsonl", LINE, ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    assert sum(1 for _ in read_source(Source("s", f"{bucket}/x/a.jsonl"))) == 1
    with pytest.raises(
        SourceFileError, match=r"may not be read \(403\)\. The credentials in AWS_\* need s3:ListBucket"
    ):
        list(read_source(Source("s", f"{bucket}/x/sub")))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "half")
    with pytest.raises(SourceFileError, match=r"cannot be signed in for .* Set AWS_ACCESS_KEY_ID and"):
        resolve(Source("s", bucket))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none", "is no file, and no folder or pattern with files to read"),
        ("/n**x", "has a pattern that cannot be read"),
        ("-gone/x", r"is in no bucket that is there \(NoSuchBucket\)\. Check the bucket's name"),
    ],
)
def test_what_is_not_there_says_so(bucket, path, message):
    with pytest.raises(SourceFileError, match=message):
        resolve(Source("s", bucket + path))


def test_an_object_that_is_gone_says_so(bucket):
    with pytest.raises(SourceFileError, match=r"is no object in the bucket .* Check the path"):
        open_binary(f"{bucket}/x/none.jsonl")


def test_a_server_that_is_not_there_says_where_to_look(monkeypatch, failing):
    failing.stop()
    monkeypatch.setattr(s3, "_ATTEMPTS", 1)  # without the seconds between them
    with pytest.raises(SourceFileError, match=r"cannot be reached .* Check the network and AWS_ENDPOINT_URL"):
        resolve(Source("s", "s3://bucket/x"))


class Failing:
    """An S3 server with one object; the next answers may be errors."""

    def __init__(self) -> None:
        self.data = b""
        self.errors: list[tuple[int, str]] = []
        self.asked: Counter[str] = Counter()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"s3": self}))
        self.server.daemon_threads = True
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    s3: Failing

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.s3.asked[self.command] += 1
        data = self.s3.data
        if self.s3.errors:
            status, code = self.s3.errors.pop(0)
            return self._send(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), {})
        if "list-type" in self.path:
            entry = f"<Contents><Key>x/a.jsonl</Key><ETag>1</ETag><Size>{len(data)}</Size></Contents>"
            return self._send(200, f"<ListBucketResult>{entry}</ListBucketResult>".encode(), {})
        start, end = 0, len(data) - 1
        if asked := self.headers.get("Range"):
            start, end = map(int, asked.removeprefix("bytes=").split("-"))
        tell = {"Content-Range": f"bytes {start}-{end}/{len(data)}"} if asked else {}
        return self._send(206 if asked else 200, data[start : end + 1], {"ETag": '"1"', **tell})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def failing(monkeypatch):
    server = Failing()
    settings = {"ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s", "REGION": "us-east-1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server.server_port}")
    yield server
    if server.thread.is_alive():
        server.stop()


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "ExpiredToken", "the token has expired .* Sign in again"),
        (403, "InvalidAccessKeyId", "wrong credentials .* Set AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", "wrong credentials"),
        (403, "AccessDenied", r"may not be read .* need s3:ListBucket"),
        (400, "AuthorizationHeaderMalformed", "in another region .* Set AWS_REGION"),
        (409, "Strange", "cannot be read .* Check AWS_ENDPOINT_URL"),
    ],
)
def test_a_refusal_comes_with_its_remedy(failing, status, code, message):
    failing.errors = [(status, code)] * 20
    with pytest.raises(SourceFileError, match=message):
        resolve(Source("s", "s3://bucket/x"))


def test_what_fails_for_a_moment_is_asked_again(failing):
    failing.data = LINE
    failing.errors = [(503, "SlowDown"), (500, "InternalError")]
    source = Source("s", "s3://bucket/x")
    assert resolve(source).size == len(LINE)
    failing.errors = [(503, "SlowDown")]
    assert sum(1 for _ in read_source(source)) == 1


def test_a_large_object_is_read_in_bounded_memory(failing):
    failing.data = LINE * (12 * s3.BLOCK_BYTES // len(LINE))
    with open_binary("s3://bucket/x/a.jsonl") as file:
        file.read(1)
        tracemalloc.start()
        read = 1
        while chunk := file.read(1 << 20):
            read += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert read == len(failing.data)
    assert peak < 6 * s3.BLOCK_BYTES
    assert failing.asked["GET"] <= 15
