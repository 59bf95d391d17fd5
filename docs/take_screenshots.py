"""Take the pictures of README and guides: the demo in a temporary folder, the UI over it, a headless Chromium.

Usage: python docs/take_screenshots.py, or `make screenshots`. Needs the program chromium; takes some minutes. Nothing
of your own (DAGSTER_HOME, MIG_HOME, sources.yaml) is read or written.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from playwright.sync_api import Page, sync_playwright
from take_report_screenshots import take_report

CHECKOUT = Path(__file__).resolve().parents[1]
IMAGES = Path(__file__).parent / "images"
SHOWN = '+key:"subset_export"'
"""The whole graph is taller than a page: what leads to one subset shows its shape."""
SPOILED = "lost_answers"
AGAIN = ["arithmetic", "help_desk", SPOILED]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
GREEN = """() => [...document.querySelectorAll("div")].filter(div => {
  const [red, green, blue] = (getComputedStyle(div).backgroundColor.match(/[0-9.]+/g) || []).map(Number);
  return green > red + 8 && green > blue && div.offsetWidth > 60;
}).length >= 6"""
"""Most assets show that they were made."""
BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""
PARTITIONS = """query { assetNodeOrError(assetKey: {path: ["raw_pool"]}) { ... on AssetNode { partitionKeys } } }"""


def take_all(folder: Path) -> None:
    """Make everything that is shown, and save one picture of each."""
    environment = prepare(folder)
    subprocess.run(
        [str(Path(sys.executable).with_name("mig-dagster")), "demo"], cwd=CHECKOUT, env=environment, check=True
    )
    # The run that is to be seen is the only one that is to be started.
    for sensor in ("automation", "language_model_scores"):
        stop = ["sensor", "stop", sensor, "-w", "workspace.yaml"]
        subprocess.run([sys.executable, "-m", "dagster", *stop], cwd=CHECKOUT, env=environment, check=True)
    with served(environment) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        take_graph(browser.new_page(viewport={"width": 1700, "height": 1080}), url)
        spoil(folder)
        wait("source in the UI", lambda: SPOILED in (ask(url, PARTITIONS).get("partitionKeys") or []))
        keys = [{"path": ["raw_pool"]}, {"path": ["row_signatures"]}]
        asked = {"assetSelection": keys, "partitionNames": AGAIN, "title": "Read three sources again"}
        backfill = ask(url, BACKFILL, params=asked)["backfillId"]
        wait("end of the backfill", lambda: "COMPLETED" in ask(url, STATUS, id=backfill)["status"])
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        take(page, f"{url}/assets/raw_pool?view=partitions&partition={SPOILED}", SPOILED, "partitions")
        take(page, f"{url}/runs/b/{backfill}", "row_signatures", "backfill")
        take(page, f"{url}/assets/mig_subset", "gain_curve", "subset")
        take_report(browser, folder)
        browser.close()


def prepare(folder: Path) -> dict[str, str]:
    """Write a registry with the demo's sources; return the variables that lead there."""
    shutil.copyfile(CHECKOUT / "sources.yaml", folder / "sources.yaml")
    places = {"DAGSTER_HOME": "dagster_home", "MIG_HOME": "mig_home", "MIG_SOURCES": "sources.yaml"}
    return os.environ | {name: str(folder / path) for name, path in places.items()}


def spoil(folder: Path) -> None:
    """Register a source whose check fails."""
    rows = [{"instruction": f"Name prime number {i}.", "input": "", "output": ""} for i in range(1, 201)]
    (folder / f"{SPOILED}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    registry = yaml.safe_load((folder / "sources.yaml").read_text(encoding="utf-8"))
    registry["sources"].append({"name": SPOILED, "uri": f"{SPOILED}.jsonl"})
    (folder / "sources.yaml").write_text(yaml.safe_dump(registry), encoding="utf-8")


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """Serve the UI, with its daemon, as long as the context is open."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-p", str(port)]
    server = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait("webserver", lambda: answers(url))
        yield url
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def answers(url: str) -> bool:
    """Say whether the webserver is there."""
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5):
            return True
    except OSError:
        return False


def ask(url: str, query: str, **variables: Any) -> Any:
    """Send a GraphQL query; return its one answer."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return next(iter(json.load(response)["data"].values()))


def wait(what: str, condition: Callable[[], bool], seconds: float = 300) -> None:
    """Ask until a condition holds.

    Raises:
        TimeoutError: it did not.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} after {seconds:.0f} s")
        time.sleep(1)


def take_graph(page: Page, url: str) -> None:
    """Save the asset graph up to MIG's export, groups open."""
    page.goto(f"{url}/asset-groups~{quote(SHOWN)}/", wait_until="networkidle")
    page.get_by_text("label_space").first.wait_for()
    page.keyboard.press("Alt+E")  # open every group
    page.get_by_text("mig_subset").first.wait_for()
    page.wait_for_function(GREEN, timeout=120_000)
    page.wait_for_timeout(2000)  # the layout moves into place
    page.screenshot(path=IMAGES / "asset_graph.png")


def take(page: Page, address: str, awaited: str, name: str) -> None:
    """Save a page once a text is on it, scrolled to where that is in the middle."""
    page.goto(address, wait_until="networkidle")
    place = page.get_by_text(awaited, exact=True).first
    place.wait_for()
    page.wait_for_timeout(2000)
    place.evaluate("element => element.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        sys.exit("the pictures are taken by the program chromium, which is not on this machine")
    with tempfile.TemporaryDirectory(prefix="mig-dagster-pictures-") as temporary:
        take_all(Path(temporary))
