"""A filled home and its catalog, made once."""

import pytest

from mig_dagster.lineage import publish_catalog
from tests.lineage.small_home import REGISTRY, Home, fill


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Return a home in which everything is materialised and the catalog is built; read only."""
    home = fill(Home(tmp_path_factory.mktemp("home")))
    publish_catalog(home.lake, home.ledger, REGISTRY)
    return home
