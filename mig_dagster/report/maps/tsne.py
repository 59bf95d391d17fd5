"""Points in the plane by t-SNE, the same ones every time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]
"""(n, 2) positions."""

SEED = 0
ANGLE = 0.7
"""How coarsely far points are summed up: quicker than the usual 0.5, and to the eye the same."""


def tsne(
    distances: Any, start: Plane, *, metric: str = "euclidean", perplexity: float = 30.0, steps: int = 600
) -> Plane:
    """Return points whose neighbours are those of the input (van der Maaten 2014, Barnes-Hut t-SNE of scikit-learn).

    One thread sums the forces: with several, the order of the sums and so the picture would differ from run to run.

    Args:
        distances: (n, d) features, or (n, n) distances where `metric` is "precomputed"; n at least 1.
        start: (n, 2) where points begin; scaled as the method wants it.
        metric: of the features.
        perplexity: how many neighbours count, lowered for few points.
        steps: of the descent; 250 of them are the early exaggeration.

    Returns:
        (n, 2) centred, the larger extent 1 to either side.
    """
    n = len(start)
    if n < 4:
        return scaled(start)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    spread = start.std(axis=0).max()
    first = (start - start.mean(axis=0)) / (spread or 1.0) * 1e-4
    model = TSNE(
        perplexity=min(perplexity, (n - 1) / 3),
        metric=metric,
        init=first.astype(np.float32),
        max_iter=steps,
        angle=ANGLE,
        random_state=SEED,
    )
    with threadpool_limits(1):
        return scaled(np.asarray(model.fit_transform(distances), np.float64))


def scaled(points: Plane) -> Plane:
    """Return points centred on the middle of their extent, the larger one -1..1; all at 0 where they are equal."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2
    centred: Plane = (points - (low + high) / 2) / (half if half > 0 else 1.0)
    return centred
