"""A virtual environment for each trainer, built once and reused while its requirements stay the same."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[2] / ".consumers"
TORCH = ("torch", "torchgen", "functorch")
STUBS = {"llama_factory": ("torchaudio",)}
"""Imported by the trainer's data loader and used for sound alone: an empty module stands for it."""


class Unavailable(Exception):  # noqa: N818 - a reason to skip
    """An environment cannot be built; the message is pip's."""


def load(name: str, folder: Path, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the real library of an environment load some files.

    Args:
        name: of the environment and of the script in `loading`.
        folder: for the library's caches.
        cases: what the script takes, one for each file.

    Returns:
        What it says of each: `texts` of the rows that are left, and more; or `error`.
    """
    told, said = folder / f"{name}.cases.json", folder / f"{name}.results.json"
    told.write_text(json.dumps(cases))
    script = HERE / "loading" / f"{name}.py"
    away = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    quiet = {"DISABLE_VERSION_CHECK": "1", "AXOLOTL_DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    run = subprocess.run(
        [python_of(name), "-W", "ignore", script, told, said],
        env=kept | away | quiet,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(said.read_text())


def python_of(name: str) -> Path:
    """Return the interpreter of an environment, which is built first where it is not there.

    Raises:
        Unavailable: pip cannot have its packages.
    """
    requirements = HERE / f"{name}.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder = ENVIRONMENTS / name
    mark, python = folder / "built-from", folder / "bin" / "python"
    with _locked(name):
        if not mark.is_file() or mark.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder, requirements, STUBS.get(name, ()))
            mark.write_text(wanted)
    return python


def _build(folder: Path, requirements: Path, stubs: tuple[str, ...]) -> None:
    """Make an environment with exactly what its requirements name, and torch.

    torch is linked from the project's own environment: it only carries token ids here, and a copy is a gigabyte.
    """
    venv.create(folder, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for package in TORCH:
        _link(package, site)
    for stub in stubs:
        (site / f"{stub}.py").write_text('"""Stands for a package that these tests do not use."""\n')
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet", "--no-deps"]
    done = subprocess.run([*pip, "--no-compile", "-r", requirements], capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"pip cannot install {requirements.name}: {done.stderr.strip()[-500:]}")


def _link(package: str, site: Path) -> None:
    import torch

    ours = Path(torch.__file__).parents[1]
    for found in (ours / package, *ours.glob(f"{package}-*.dist-info")):
        if found.exists():
            (site / found.name).symlink_to(found, target_is_directory=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Let one process at a time look after an environment."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
