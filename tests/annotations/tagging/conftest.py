"""A model that says what InsTagger would, for all tests of taggers."""

import pytest


@pytest.fixture(scope="session")
def taught_llama(tmp_path_factory):
    from tests.annotations.tagging.taught_model import save_taught

    return save_taught(tmp_path_factory.mktemp("instagger"))
