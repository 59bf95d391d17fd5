"""A small project, what it looks like without faults, and a disk that is soon full."""

import subprocess

import dagster as dg
import pytest

from tests.dag.conftest import encoder_folder, instance, place, pytest_collection_modifyitems  # noqa: F401
from tests.dag.tiny import TinyProject, fill, materialise_all
from tests.e2e.conftest import require
from tests.faults.audit import current


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, encoder_folder):  # noqa: F811
    """The data versions of a project that nothing happened to."""
    place = fill(TinyProject(tmp_path_factory.mktemp("undisturbed"), encoder_folder))  # noqa: F811
    with dg.DagsterInstance.ephemeral() as instance:  # noqa: F811
        assert all(result.success for result in materialise_all(place, instance).values())
    return current(place)


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a disk of some KiB on a folder."""
    mounted = []

    def mount(folder, kib):
        folder.mkdir(parents=True, exist_ok=True)
        options = ["-t", "tmpfs", "-o", f"size={kib}k", "none"]
        done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
        require(done.returncode == 0, f"the test needs to mount a small disk: {done.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
