"""Principal components in torch, a block of rows at a time."""

import numpy as np
import torch
from numpy.typing import NDArray

BLOCK = 4096  # rows in float64 at once, beside the result


def principal_components(
    vectors: NDArray[np.float32] | NDArray[np.float64], variance: float, device: torch.device
) -> torch.Tensor:
    """Return the vectors, less their mean, along the fewest directions that hold more than `variance`.

    The eigenvectors of the covariance matrix in float64, as `sklearn.decomposition.PCA(n_components=variance)` has
    them, but for their signs, which no distance depends on.

    Args:
        vectors: (n, d) finite, n at least 1; not changed.
        variance: a share of the total variance, above 0 and at most 1; 1 keeps min(n, d) directions.
        device: where to compute and to leave the result.

    Returns:
        (n, kept) float64; kept is 0 where all vectors are equal.
    """
    n, d = vectors.shape
    if np.array_equal(vectors, np.broadcast_to(vectors[0], vectors.shape)):
        return torch.zeros((n, 0), dtype=torch.float64, device=device)
    mean = torch.from_numpy(vectors.mean(axis=0, dtype=np.float64)).to(device)
    blocks = [slice(at, at + BLOCK) for at in range(0, n, BLOCK)]
    scatter = torch.zeros((d, d), dtype=torch.float64, device=device)
    for rows in blocks:
        centred = _float64(vectors[rows], device) - mean
        scatter.addmm_(centred.T, centred)
    spread, directions = torch.linalg.eigh(scatter)
    spread, directions = spread.flip(0).clamp_(min=0), directions.flip(1)
    shares = torch.cumsum(spread / spread.sum(), 0)
    kept = min(n, d, int((shares <= variance).sum()) + 1 if variance < 1 else d)
    points = torch.empty((n, kept), dtype=torch.float64, device=device)
    for rows in blocks:
        points[rows] = (_float64(vectors[rows], device) - mean) @ directions[:, :kept]
    return points


def _float64(vectors: NDArray[np.float32] | NDArray[np.float64], device: torch.device) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(vectors, np.float64), device=device)  # a copy: arrays may be read-only
