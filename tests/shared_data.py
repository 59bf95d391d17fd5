"""Real open instruction data that may stand beside the checkout; tests that need it skip where it is absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(path: str) -> Path:
    """Return a file or folder of the shared data, or skip the test, saying what is missing."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"needs {path} in a folder 'shared' beside the checkout")
    return found
