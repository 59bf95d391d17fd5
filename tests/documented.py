"""The commands of a Markdown page, run in order as a newcomer runs them, in a copy of the checkout."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of one language of a page named by its path in the checkout."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def links(page: str) -> list[str]:
    """Return the links of a page that lead to files."""
    return re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8"))


def copy_of_checkout(folder: Path) -> Path:
    """Copy the tracked and new files, with this checkout's virtual environment."""
    if not (ROOT / ".venv" / "installed").exists():
        pytest.skip("the commands need the environment that `make install` makes")
    copy = folder / "mig_dagster"
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
    """Return the variables of a fresh shell: none that would point elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MIG_", "DAGSTER_"))}
    return kept | {"PYTHONPATH": str(checkout)}


def run(block: str, checkout: Path) -> str:
    """Run a block and return what it prints; one that fails fails the test with all it said."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=checkout, env=environment(checkout), capture_output=True
    )
    assert done.returncode == 0, f"{block}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout.decode()
