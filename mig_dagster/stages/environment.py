"""What a choice was computed with: versions and facts of the machine on which the last bits of a gain can depend."""

import inspect
import os
import platform
import zlib
from importlib.metadata import version

import numpy as np

from mig_dagster.selection import METHODS

_PINNED = ("mig-dagster", "numpy", "scipy", "polars")
_BY_LINEAR_ALGEBRA = frozenset({"car", "instruct_mining"})
"""Methods that compare what matrix products gave: k-means and distances to neighbours. Others decide exactly."""


def environment(method: str, device: str | None = None) -> dict[str, str]:
    """Return everything that a method's numbers may depend on besides its inputs and options.

    Args:
        method: a name in `METHODS`.
        device: where it computes; None for numpy.

    Returns:
        Versions by package (torch for methods that use it), `c library` and `processor` (architecture and the vector
        extensions numpy found: both decide the last bit of powers and logarithms), `device`; `zlib` for ZIP, whose
        ratios are those of one build; `blas` and `threads` where sums of a matrix product decide.
    """
    on_device = "device" in inspect.signature(METHODS[method]).parameters
    packages = (*_PINNED, "torch") if on_device else _PINNED
    found = {"python": platform.python_version()} | {package: version(package) for package in packages}
    found |= {"c library": " ".join(platform.libc_ver()) or platform.system(), "processor": _processor()}
    if on_device:
        found["device"] = device or "cpu"
    if method == "zip":
        found["zlib"] = zlib.ZLIB_RUNTIME_VERSION
    if method in _BY_LINEAR_ALGEBRA:
        found |= {"blas": _blas(), "threads": os.environ.get("OMP_NUM_THREADS") or str(_cores())}
    return found


def _processor() -> str:
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return " ".join([platform.machine(), *extensions.get("found", [])])


def _blas() -> str:
    library = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{library['name']} {library['version']}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
