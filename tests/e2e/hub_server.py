"""The part of the Hugging Face Hub's HTTP API that huggingface_hub uses for datasets, over repos that a test writes.

A repo is a model's as well: what transformers asks when it loads one is answered in the same way.

The real client is pointed at it by HF_ENDPOINT (the fixture `hub`). What it answers: dataset info at a revision, the
tree and the refs of a repo, the search with its pages, and `resolve` with redirects to a second host for large files.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest

from tests.e2e.hub_repo import LARGE, Repo, git_oid, tree_entry

CONVERTED = "refs/convert/parquet"
_FACTS = ("author", "createdAt", "disabled", "downloads", "gated", "lastModified", "likes", "private", "sha", "tags")


@dataclass(frozen=True)
class Request:
    """One request that came; `token` is what the Authorization header held, or None."""

    method: str
    path: str
    token: str | None


@dataclass
class _Fault:
    status: int
    left: int
    part: str
    headers: Mapping[str, str]
    cut: int | None = None


class Hub:
    """A running server.

    Attributes:
        url: for HF_ENDPOINT.
        repos: by `org/name`; a test may change what stands there.
        tokens: each token that is valid, and the names of the gated and private repos that it opens.
        requests: every request, in order.
        page_size: entries of a page of the search and of the tree.
        most_siblings: files that a dataset's info tells of; the Hub silently leaves out the rest.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.tokens: dict[str, set[str]] = {}
        self.requests: list[Request] = []
        self.blobs: dict[str, bytes] = {}
        self.page_size = 1000
        self.most_siblings = 100_000
        self.stopped = False
        self._faults: list[_Fault] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.other_host = f"http://localhost:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.stopped = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def commit(self, name: str, files: Mapping[str, bytes | str | None], branch: str = "main", **facts: Any) -> str:
        """Write files over those of a branch (None removes one) and return the new commit's sha.

        `facts` are attributes of `Repo`: likes, tags, gated, private, created, modified, ...
        """
        repo = self.repos.setdefault(name, Repo(name))
        before = repo.commits.get(repo.refs.get(branch, ""), {})
        now = before | {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
        kept = {path: data for path, data in now.items() if data is not None}
        document = json.dumps([name, len(repo.commits), sorted((p, sha256(d).hexdigest()) for p, d in kept.items())])
        sha = sha1(document.encode()).hexdigest()
        repo.commits[sha] = kept
        repo.refs[branch] = sha
        for key, value in facts.items():
            if key not in Repo.__dataclass_fields__:
                raise TypeError(f"{key!r} is no attribute of Repo")
            setattr(repo, key, value)
        return sha

    def tag(self, name: str, tag: str, sha: str) -> None:
        self.repos[name].refs[tag] = sha

    def fail(self, status: int, *, times: int = 1, part: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Answer the next requests whose path has `part` in it with a status: 429, 503, ..."""
        self._faults.append(_Fault(status, times, part, headers or {}))

    def cut(self, after: int, *, times: int = 1, part: str = "") -> None:
        """Break the connection of the next downloads after so many bytes of the body."""
        self._faults.append(_Fault(200, times, part, {}, cut=after))

    def fault(self, path: str, *, cut: bool) -> _Fault | None:
        """Return what the answer to a request shall be instead, and count it.

        The client asks for its list of agents once a process, before its first real request, and keeps it: no fault is
        meant for that.
        """
        if path.startswith("/api/agent-harnesses"):
            return None
        for fault in self._faults:
            if fault.left and fault.part in path and (fault.cut is not None) == cut:
                fault.left -= 1
                return fault
        return None

    def count(self, method: str | None = None, part: str = "") -> int:
        """Return how many requests there were of a method whose path has `part` in it; the other host's count too."""
        return sum(part in request.path and method in (None, request.method) for request in self.requests)

    def told(self) -> dict[str, int]:
        """Return how often each kind of request came: `GET info`, `GET search`, `HEAD resolve`, `GET blob`, ..."""
        return dict(Counter(f"{request.method} {_kind(request.path)}" for request in self.requests))

    @property
    def seen_tokens(self) -> set[str | None]:
        return {request.token for request in self.requests}


class _Handler(BaseHTTPRequestHandler):
    """Answers one request; errors carry the headers from which huggingface_hub tells them apart."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.hub.stopped:  # a connection that was kept open
            self.close_connection = True
            return None
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        self.hub.requests.append(Request(self.command, self.path, token))
        if fault := self.hub.fault(self.path, cut=False):
            return self._send(fault.status, b'{"error": "as the test asked"}', dict(fault.headers))
        parts = urlsplit(self.path)
        path, query = parts.path.strip("/"), parse_qs(parts.query)
        if path.startswith("blob/"):  # the other host: it must never be sent a token
            return (
                self._bytes(self.hub.blobs[path.removeprefix("blob/")], {}) if not token else self._send(400, b"", {})
            )
        if token is not None and token not in self.hub.tokens:
            return self._error(401, None, "Invalid credentials in Authorization header")
        if path == "api/datasets":
            return self._page(_found(self.hub, query, token), query)
        if match := re.fullmatch(
            r"api/(?:datasets|models)/([^/]+/[^/]+)(?:/(revision|tree|refs)(?:/([^/]+))?(?:/(.+))?)?", path
        ):
            return self._api(match, query, token)
        if match := re.fullmatch(r"(?:datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._resolve(*(unquote(group) for group in match.groups()), token)
        return self._error(404, None, "Not Found")

    def _api(self, match: re.Match[str], query: dict[str, list[str]], token: str | None) -> None:
        name, what, revision, folder = (unquote(group or "") for group in match.groups())
        if (repo := self._visible(name, token)) is None:
            return None
        if what == "refs":
            branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": sha} for n, sha in repo.refs.items()]
            return self._json({"branches": branches, "converts": [], "tags": []})
        if (sha := repo.sha(revision or "main")) is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if what == "tree":
            entries = [
                tree_entry(path, data) for path, data in sorted(repo.commits[sha].items()) if path.startswith(folder)
            ]
            return self._page(entries, query)
        document = repo.document(sha, blobs="blobs" in query)
        document["siblings"] = document["siblings"][: self.hub.most_siblings]
        return self._json(_wanted(document, query))

    def _visible(self, name: str, token: str | None) -> Repo | None:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and name not in self.hub.tokens.get(token or "", ())):
            self._error(404 if token else 401, "RepoNotFound", "Repository not found")
            return None
        if repo.disabled:
            self._error(403, None, "Access to this resource is disabled.")
            return None
        return repo

    def _resolve(self, name: str, revision: str, path: str, token: str | None) -> None:
        if (repo := self._visible(name, token)) is None:
            return None
        if repo.gated and name not in self.hub.tokens.get(token or "", ()):
            problem = f"Access to dataset {name} is restricted. Visit {self.hub.url}/datasets/{name} to ask for access."
            return self._error(403 if token else 401, "GatedRepo", problem)
        if (sha := repo.sha(revision)) is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        data = repo.commits[sha].get(path)
        if data is None:
            return self._error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": sha})
        headers = {"X-Repo-Commit": sha, "ETag": f'"{git_oid(data)}"'}
        if not path.endswith(LARGE):
            return self._bytes(data, headers)
        digest = sha256(data).hexdigest()
        self.hub.blobs[digest] = data
        linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
        return self._send(302, b"", headers | linked | {"Location": f"{self.hub.other_host}/blob/{digest}"})

    def _bytes(self, data: bytes, headers: dict[str, str]) -> None:
        """Send a file, or the part of it that the Range header asks for."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        status, part = 200, data
        if asked:
            start, end = int(asked.group(1)), int(asked.group(2) or len(data) - 1)
            if start >= len(data):
                return self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            status, part = 206, data[start : end + 1]
            headers |= {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(data)}"}
        cut = self.hub.fault(self.path, cut=True) if self.command == "GET" else None
        self._send(status, part, headers | {"Accept-Ranges": "bytes"}, cut.cut if cut else None)

    def _page(self, items: list[dict[str, Any]], query: dict[str, list[str]]) -> None:
        size = min(self.hub.page_size, int(query.get("limit", [str(self.hub.page_size)])[0]))
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + size < len(items):
            following = urlencode(query | {"cursor": [str(start + size)]}, doseq=True)
            headers["Link"] = f'<{self.hub.url}{urlsplit(self.path).path}?{following}>; rel="next"'
        self._json(items[start : start + size], headers)

    def _json(self, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"} | dict(headers or {}))

    def _error(self, status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None) -> None:
        named = {"X-Error-Code": code} if code else {}
        body = json.dumps({"error": message}).encode()
        self._send(status, body, {"X-Error-Message": message, **named, **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        self.close_connection = self.close_connection or cut is not None


def _found(hub: Hub, query: dict[str, list[str]], token: str | None) -> list[dict[str, Any]]:
    """Return the datasets that a search finds, in the order it asks for."""
    open_to = hub.tokens.get(token or "", set())
    repos = [r for r in hub.repos.values() if "main" in r.refs and (not r.private or r.name in open_to)]
    documents = [repo.document(repo.refs["main"], blobs=False) for repo in repos]
    words = [word.lower() for word in query.get("search", [])]
    for gated in query.get("gated", []):
        documents = [d for d in documents if bool(d["gated"]) == (gated.lower() == "true")]
    for author in query.get("author", []):
        documents = [d for d in documents if d["author"] == author]
    documents = [
        d
        for d in documents
        if set(query.get("filter", [])) <= set(d["tags"]) and all(word in d["id"].lower() for word in words)
    ]
    documents.sort(key=lambda d: d["id"])
    for key in query.get("sort", ["lastModified"]):  # the newest, the most liked, ... first
        documents.sort(key=lambda d: d.get(key) or 0, reverse=True)
    return [_wanted(document, query, listed=True) for document in documents]


def _wanted(document: dict[str, Any], query: dict[str, list[str]], listed: bool = False) -> dict[str, Any]:
    """Return the properties that a query asks for."""
    if names := query.get("expand"):
        return {"_id": document["_id"], "id": document["id"]} | {name: document.get(name) for name in names}
    if listed and "full" not in query:
        return {key: document[key] for key in ("_id", "id", "description", *_FACTS)}
    return document


def _kind(path: str) -> str:
    path = urlsplit(path).path
    if path.rstrip("/") == "/api/datasets":
        return "search"
    if path.startswith("/api/datasets/"):
        return "tree" if "/tree/" in path else "refs" if path.endswith("/refs") else "info"
    return "blob" if path.startswith("/blob/") else "resolve" if "/resolve/" in path else "other"


def environment(hub: Hub, cache: Path) -> dict[str, str]:
    """Return what points huggingface_hub, in a process of its own, at the server and at a cache."""
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "*"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server, the real client of this process and of its children pointed at it, an empty cache, and no token."""
    from huggingface_hub import constants

    server = Hub()
    cache = tmp_path / "hf_home"
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE", "HF_ASSETS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(server, cache).items():
        monkeypatch.setenv(name, value)
    # huggingface_hub reads its environment when it is imported, which may have been before.
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setattr(constants, "HF_ASSETS_CACHE", str(cache / "assets"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    try:
        yield server
    finally:
        server.stop()
