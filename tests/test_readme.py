"""The README's own commands, run as a newcomer runs them, in a copy of the checkout."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from mig_dagster.sources import FORMATS, load_registry

from .documented import ROOT, blocks, copy_of_checkout, environment, links, run

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_of_checkout(tmp_path_factory.mktemp("readme"))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_shell_block_runs_in_order(checkout):
    ran = 0
    for block in blocks("README.md", "bash"):
        if block.strip() == "make dev":
            assert_dev_answers(checkout)
        else:
            run(block, checkout)
        ran += 1
    assert ran >= 5


def assert_dev_answers(checkout: Path) -> None:
    """Start `make dev` on a free port, wait for its page, and stop everything it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["make", "dev", f"PORT={port}"],
        cwd=checkout,
        env=environment(checkout),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not answers(f"http://127.0.0.1:{port}/server_info"):
            assert time.monotonic() < deadline, "make dev did not answer within two minutes"
            assert server.poll() is None, f"make dev ended with {server.returncode}"
            time.sleep(1)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status == 200
    except OSError:
        return False


def test_the_yaml_example_is_a_valid_registry(tmp_path):
    (example,) = blocks("README.md", "yaml")
    path = tmp_path / "sources.yaml"
    path.write_text(example)
    assert list(load_registry(path)) == sorted(source["name"] for source in yaml.safe_load(example)["sources"])


def test_every_format_the_readme_lists_exists_and_none_is_missing():
    (row,) = [line for line in README.splitlines() if line.startswith("| formats |")]
    assert set(re.findall(r"`([a-z_]+)`", row)) == set(FORMATS)


def test_links_and_pictures_point_at_files_that_exist():
    targets = links("README.md")
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
