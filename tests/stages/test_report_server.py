"""The server of reports: it gives pages and tables of a home, and nothing else."""

import threading
import urllib.error
import urllib.request

import pytest

from mig_dagster.stages.report.server import report_server
from mig_dagster.storage import Store


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("home")
    store = Store(tmp_path)
    store.replace("reports/selection_report/report.html", b"<!doctype html>page")
    store.replace("reports/selection_report/overlap_pairs.parquet", b"PAR1")
    store.replace("reports/selection_report/notes.txt", b"mine")
    store.replace("secret.html", b"secret")
    (tmp_path / "reports" / "selection_report" / "folder.html").mkdir()
    (tmp_path / "reports" / "leak.html").symlink_to(tmp_path / "secret.html")
    (tmp_path / "reports" / "out").symlink_to(tmp_path)
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
     "/selection_report/notes.txt", "/selection_report/absent.html", "//etc/passwd.html", "/..\\secret.html",
     "/selection_report/report.html/x.html", f"/{'x' * 300}.html", "/selection_report.html", "//[x.html", "/leak.html",
     "/out/secret.html", "/selection_report/folder.html"],
)  # fmt: skip
def test_nothing_else_is(url, path):
    assert status(url + path.replace("\\", "%5c")) == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nobody_writes(url, method):
    assert status(f"{url}/selection_report/report.html", method=method, data=b"x") == 501


def test_the_head_of_a_page_says_how_large_it_is_and_nothing_more(url):
    request = urllib.request.Request(f"{url}/selection_report/report.html", method="HEAD")
    with urllib.request.urlopen(request, timeout=10) as page:
        assert (page.read(), page.headers["Content-Length"]) == (b"", "19")
        assert page.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        assert "Python" not in page.headers["Server"]


@pytest.mark.parametrize(
    ("host", "found"),
    [("localhost", 200), ("127.0.0.1:99", 200), ("[::1]:99", 200), ("evil.example", 403), ("", 403), ("[", 403)],
)
def test_a_page_from_elsewhere_whose_name_leads_here_reads_nothing(url, host, found):
    assert status(f"{url}/selection_report/report.html", headers={"Host": host}) == found


def test_a_port_that_is_taken_is_an_error(url, tmp_path):
    with pytest.raises(OSError, match="in use"):
        report_server(Store(tmp_path), "127.0.0.1", int(url.rpartition(":")[2]))
