"""The places that a home can be in: tests of the store and the lake hold in each of them."""

from uuid import uuid4

import pytest

CEPH = pytest.param("ceph_s3", marks=[pytest.mark.e2e, pytest.mark.timeout(180)])
LASTING = ["local", "moto_s3", CEPH]
"""Those that other processes see too."""
ROOTS = ["local", "memory", "moto_s3", CEPH]


def new_root(request, monkeypatch) -> str:
    """Return an empty root of the kind that a fixture's parameter names."""
    if request.param == "local":
        return str(request.getfixturevalue("tmp_path") / "home")
    if request.param == "memory":
        return f"memory://{uuid4().hex}/home"
    server = request.getfixturevalue(request.param)
    server.use(monkeypatch, "MIG_HOME_AWS_")
    return f"{server.bucket()}/home"
