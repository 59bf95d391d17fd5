"""Tiny projects for the tests of the asset graph."""

import gc

import dagster as dg
import pytest

from assets.jobs import COMPARED
from tests.dag.tiny import TinyProject, fill, materialise, materialise_all, save_encoder, score_all


def pytest_collection_modifyitems(items):
    """Let Dagster use what it has itself deprecated: it reads `dagster_run` of every context of a nested resource."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run:DeprecationWarning"))


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    folder = save_encoder(tmp_path_factory.mktemp("encoder"))
    # Every step that frees its models collects garbage: half a second a time where all that was imported is looked at.
    gc.collect()
    gc.freeze()
    yield folder
    gc.unfreeze()


@pytest.fixture
def place(tmp_path, encoder_folder):
    """A project with three sources, nothing materialised."""
    return fill(TinyProject(tmp_path, encoder_folder))


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session")
def finished(tmp_path_factory, encoder_folder):
    """A project where everything was materialised, not to be changed: (place, instance, results by name)."""
    place = fill(TinyProject(tmp_path_factory.mktemp("finished"), encoder_folder))
    with dg.DagsterInstance.ephemeral() as instance:
        results = materialise_all(place, instance) | score_all(place, instance)
        results["compared"] = materialise(place, instance, *COMPARED)
        results["catalog"] = materialise(place, instance, "lineage_catalog")
        yield place, instance, results
