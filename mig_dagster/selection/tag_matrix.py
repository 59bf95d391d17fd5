"""Which row carries which label: the check of `tags`, which several methods read."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from mig_dagster.selection.arguments import check_matrix
from mig_dagster.selection.base import Vector


def check_tags(tags: Any) -> tuple[csr_array, Vector]:
    """Return which row carries which label, and how many entries each row was given.

    Args:
        tags: (n, m) sparse or dense, any numeric dtype, 1 where the row carries the label. Entries may be unsorted and
            repeated; stored zeros are no entries. Not changed.

    Returns:
        (n, m) float64 ones in canonical form (sorted, no repeats), and (n,) counts that include the repeats.

    Raises:
        TypeError: if they are no real numbers, or masked.
        ValueError: if `tags` is not a matrix or holds anything but 0 and 1.
    """
    given = _matrix(tags)
    if given.format == "coo":
        return _distinct(csr_array((given.data.astype(np.float64), given.coords), shape=given.shape))
    csr = csr_array((given.data, given.indices, given.indptr), shape=given.shape)
    if csr.has_canonical_format and (csr.nnz == 0 or csr.data.min() == 1):
        return _distinct(csr)
    parts = given.data.astype(np.float64), given.indices.copy(), given.indptr.copy()  # the next line sorts in place
    return _distinct(csr_array(parts, shape=given.shape))


def _matrix(tags: Any) -> Any:
    """Return `tags`, checked, as CSR when given so, else as COO: both keep repeated entries apart."""
    matrix: Any = check_matrix(tags, "tags")
    if matrix.ndim != 2:
        raise ValueError(f"tags must be a matrix of rows by labels, got shape {matrix.shape}")
    if isinstance(matrix, np.ndarray):
        _check_zeros_and_ones(matrix)
        return coo_array(matrix == 1)  # of booleans: scipy takes no float16
    given = matrix if matrix.format == "csr" else coo_array(matrix)
    _check_zeros_and_ones(given.data)
    return given


def _check_zeros_and_ones(entries: NDArray[Any]) -> None:
    wrong = entries[(entries != 0) & (entries != 1)]
    if len(wrong):
        raise ValueError(f"tags must hold only 0 and 1, got {wrong[0]}; give the set of labels, not weights or counts")


def _distinct(csr: csr_array) -> tuple[csr_array, Vector]:
    """Split a matrix of counts into ones and each row's total; changes `csr` unless it is canonical."""
    csr.sum_duplicates()
    if csr.nnz and csr.data.min() == 0:
        csr.eliminate_zeros()
    rows = np.repeat(np.arange(csr.shape[0]), np.diff(csr.indptr))
    counts = np.bincount(rows, csr.data, minlength=csr.shape[0]).astype(np.float64)
    return csr_array((np.ones(csr.nnz), csr.indices, csr.indptr), shape=csr.shape), counts
