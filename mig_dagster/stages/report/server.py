"""A web server for the pages in a home, on a disk or in a bucket: it reads, and does nothing else."""

import errno
import ipaddress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from mig_dagster.storage import Store

REPORTS = "reports"
"""Folder of a home in which pages are."""

_TYPES = {".html": "text/html; charset=utf-8", ".parquet": "application/vnd.apache.parquet"}
"""What is served; nothing else that may lie there is."""

_PLAIN = "text/plain; charset=utf-8"
_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_SECONDS = 30
"""For which a client may say nothing."""


def report_server(store: Store, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of a home's reports that listens already; `serve_forever` answers.

    One that listens on this machine alone answers only to names of this machine: else a page from elsewhere, whose own
    name was made to lead here, could read the reports.

    Args:
        store: the home.
        host: the address to listen on.
        port: 0 for any that is free.

    Raises:
        OSError: somebody else listens there.
    """
    own = _is_loopback(host)

    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version, sys_version = "mig-dagster", ""

        def do_GET(self) -> None:
            """Answer with a file, or say that there is none."""
            self.wfile.write(self._answer())

        def do_HEAD(self) -> None:
            """Answer as `do_GET` does, without the file."""
            self._answer()

        def _answer(self) -> bytes:
            """Send what stands before the body, and return that."""
            if own and not _is_loopback(_host_of(self.headers.get("Host", ""))):
                status, body, kind = 403, b"Ask for http://127.0.0.1 or http://localhost.\n", _PLAIN
            elif found := _read(store, self.path):
                status, (body, kind) = 200, found
            else:
                status, body, kind = 404, b"There is no such report.\n", _PLAIN
            self.send_response(status)
            for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | _HEADERS).items():
                self.send_header(name, value)
            self.end_headers()
            return body

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of requests."""

    return ThreadingHTTPServer((host, port), Handler)


def _read(store: Store, target: str) -> tuple[bytes, str] | None:
    """Return the bytes and the type of what a request asks for; None where there is no such page or table."""
    path = PurePosixPath(unquote(target.partition("?")[0]).lstrip("/"))
    kind = _TYPES.get(path.suffix)
    if kind is None:
        return None
    try:
        if store.local and not _lies_in(Path(store.location(f"{REPORTS}/{path}")), Path(store.location(REPORTS))):
            return None
        return store.read(f"{REPORTS}/{path}"), kind
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except ValueError:  # the path leaves the store
        return None
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            return None
        raise


def _lies_in(file: Path, folder: Path) -> bool:
    """Return whether a file is in a folder, wherever links lead."""
    return file.resolve().is_relative_to(folder.resolve())


def _host_of(header: str) -> str:
    """Return the name or address in a request's header `Host`, without the port; "" where it is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
