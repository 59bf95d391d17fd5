"""A web server for the pages in a home, on a disk or in a bucket: it reads, and does nothing else."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from mig_dagster.storage import Store

REPORTS = "reports"
"""Folder of a home in which pages are."""

_TYPES = {".html": "text/html; charset=utf-8", ".parquet": "application/vnd.apache.parquet"}
"""What is served; nothing else that may lie there is."""


def report_server(store: Store, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of a home's reports that listens already; `serve_forever` answers.

    Args:
        store: the home.
        host: the address to listen on.
        port: 0 for any that is free.

    Raises:
        OSError: somebody else listens there.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer with a file, or say that there is none."""
            found = _read(store, self.path)
            self.send_response(404 if found is None else 200)
            body, kind = found or (b"There is no such report.\n", "text/plain; charset=utf-8")
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-cache"}
            for name, value in (headers | {"X-Content-Type-Options": "nosniff"}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of requests."""

    return ThreadingHTTPServer((host, port), Handler)


def _read(store: Store, target: str) -> tuple[bytes, str] | None:
    """Return the bytes and the type of what a request asks for; None where there is no such page or table."""
    path = PurePosixPath(unquote(urlsplit(target).path).lstrip("/"))
    kind = _TYPES.get(path.suffix)
    if kind is None:
        return None
    try:
        return store.read(f"{REPORTS}/{path}"), kind
    except (FileNotFoundError, IsADirectoryError, ValueError):  # the last: the path leaves the store
        return None
