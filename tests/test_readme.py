"""The README's own commands, run as a newcomer runs them, in a copy of the checkout."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from mig_dagster.sources import FORMATS, load_registry

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the tracked and new files, with this checkout's virtual environment."""
    if not (ROOT / ".venv" / "installed").exists():
        pytest.skip("the README's commands need the environment that `make install` makes")
    copy = tmp_path_factory.mktemp("readme") / "mig_dagster"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy


def environment(checkout: Path) -> dict[str, str]:
    """As in a fresh shell: none of the variables that would point elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MIG_", "DAGSTER_"))}
    return kept | {"PYTHONPATH": str(checkout)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_shell_block_runs_in_order(checkout):
    ran = 0
    for block in blocks("bash"):
        if block.strip() == "make dev":
            assert_dev_answers(checkout)
        else:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block], cwd=checkout, env=environment(checkout), capture_output=True
            )
            assert done.returncode == 0, f"{block}\n{done.stdout.decode()}\n{done.stderr.decode()}"
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
    (example,) = blocks("yaml")
    path = tmp_path / "sources.yaml"
    path.write_text(example)
    assert list(load_registry(path)) == sorted(source["name"] for source in yaml.safe_load(example)["sources"])


def test_every_format_the_readme_lists_exists_and_none_is_missing():
    (row,) = [line for line in README.splitlines() if line.startswith("| formats |")]
    assert set(re.findall(r"`([a-z_]+)`", row)) == set(FORMATS)


def test_links_and_pictures_point_at_files_that_exist():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
