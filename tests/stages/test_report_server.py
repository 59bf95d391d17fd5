"""The server of reports: it gives pages and tables of a home, and nothing else."""

import threading
import urllib.error
import urllib.request

import pytest

from mig_dagster.stages.report_server import report_server
from mig_dagster.storage import Store


@pytest.fixture
def url(tmp_path):
    store = Store(tmp_path)
    store.replace("reports/selection_report/report.html", b"<!doctype html>page")
    store.replace("reports/selection_report/overlap_pairs.parquet", b"PAR1")
    store.replace("reports/selection_report/notes.txt", b"mine")
    store.replace("secret.html", b"secret")
    with report_server(store, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def status(url: str, **more) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **more), timeout=10) as found:
            return found.status
    except urllib.error.HTTPError as problem:
        problem.close()
        return problem.code


def test_a_page_and_its_tables_are_served_as_what_they_are(url):
    with urllib.request.urlopen(f"{url}/selection_report/report.html?x=1", timeout=10) as page:
        assert page.read() == b"<!doctype html>page"
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert status(f"{url}/selection_report/overlap_pairs.parquet") == 200


@pytest.mark.parametrize(
    "path",
    ["", "/", "/selection_report/", "/../secret.html", "/%2e%2e/secret.html", "/..%2fsecret.html", "/a%00.html",
     "/selection_report/notes.txt", "/selection_report/absent.html", "//etc/passwd.html", "/..\\secret.html"],
)  # fmt: skip
def test_nothing_else_is(url, path):
    assert status(url + path.replace("\\", "%5c")) == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nobody_writes(url, method):
    assert status(f"{url}/selection_report/report.html", method=method, data=b"x") == 501


def test_a_port_that_is_taken_is_an_error(url, tmp_path):
    with pytest.raises(OSError, match="in use"):
        report_server(Store(tmp_path), "127.0.0.1", int(url.rpartition(":")[2]))
