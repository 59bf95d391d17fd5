"""Roots of every kind."""

import pytest

from tests.storage.roots import LASTING, new_root


@pytest.fixture(params=LASTING)
def lasting_root(request, monkeypatch):
    """A root that other processes see."""
    return new_root(request, monkeypatch)
