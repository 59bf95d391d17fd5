"""Rows of an embedding space in the plane: some by t-SNE, every other between those it is most like; and neighbours."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mig_dagster.report.maps.tsne import Plane, tsne
from mig_dagster.selection.base import Rows, Vector

Vectors = NDArray[np.float32]

COMPONENTS = 50
"""Principal components that t-SNE reads."""
ANCHORS = 5
"""Landmarks that a row is placed between."""
FALL = 3.0
"""The farthest of them counts exp(-FALL) of the nearest."""
EXACT = 20_000
"""Up to so many rows, neighbours are looked for among all of them."""
NEAR = 1_000
"""Above, among at least so many in the cells around a row's own."""
CELLS = 64
"""Similarities held at once, in millions."""


def project(vectors: Vectors, landmarks: Rows) -> Plane:
    """Return the rows in the plane.

    Landmarks are laid out by t-SNE of their first `COMPONENTS` principal components, from the first two. Any other row
    lies between the `ANCHORS` landmarks of highest cosine, the more towards one the nearer that is: the weight falls
    from 1 for the nearest to exp(-FALL) for the farthest of them, over the distances between.

    Args:
        vectors: (n, d) of unit norm.
        landmarks: (l,) rows, distinct, at least 1.

    Returns:
        (n, 2) the landmarks' larger extent -1..1.
    """
    known = vectors[landmarks].astype(np.float64)
    components = _principal_components(known - known.mean(axis=0))
    start = np.zeros((len(landmarks), 2))
    start[:, : components.shape[1]] = components[:, :2]
    plane = tsne(components, start)
    near, cosines = nearest(vectors, vectors[landmarks], min(ANCHORS, len(landmarks)))
    apart = 1 - cosines
    span = apart[:, -1:] - apart[:, :1]
    weights = np.exp(-FALL * (apart - apart[:, :1]) / np.where(span > 0, span, 1.0))
    placed: Plane = np.einsum("na,nap->np", weights / weights.sum(axis=1, keepdims=True), plane[near])
    placed[landmarks] = plane
    return placed


def _principal_components(centred: Vector) -> Vector:
    """Return the first `COMPONENTS` of centred vectors, each direction's largest entry positive."""
    left, spread, right = np.linalg.svd(centred, full_matrices=False)
    largest = np.take_along_axis(right, np.abs(right).argmax(axis=1)[:, None], axis=1)[:, 0]
    components: Vector = (left * spread * np.where(largest < 0, -1.0, 1.0))[:, :COMPONENTS]
    return components


def neighbours(vectors: Vectors, landmarks: Rows, count: int) -> tuple[Rows, Vector]:
    """Return the rows most like each row and their cosine distances, nearest first, the row itself left out.

    Up to `EXACT` rows all are compared, in float32. Above, a row is compared with those of its cell, the rows nearest
    to the same landmark, and of the cells around it until they are `NEAR`.

    Args:
        vectors: (n, d) of unit norm.
        landmarks: (l,) rows that cells form around, at least 1.
        count: how many; fewer where there are no more rows.

    Returns:
        ids (n, count), distances (n, count) within 0..2.
    """
    n = len(vectors)
    count = min(count, n - 1)
    ids, distances = np.zeros((n, count), np.int64), np.zeros((n, count))
    if not count:
        return ids, distances
    for rows, among in _cells(vectors, landmarks):
        near, cosines = nearest(vectors[rows], vectors[among], count + 1)
        own = among[near] == rows[:, None]
        own[~own.any(axis=1), -1] = True  # rows with more copies than that: any of them goes in the row's place
        ids[rows] = among[near][~own].reshape(len(rows), count)
        distances[rows] = 1 - cosines[~own].reshape(len(rows), count)
    return ids, np.clip(distances, 0, 2)


def _cells(vectors: Vectors, landmarks: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield rows and the rows to compare them with; every row once."""
    n = len(vectors)
    if n <= EXACT:
        yield np.arange(n), np.arange(n)
        return
    own = nearest(vectors, vectors[landmarks], 1)[0][:, 0]
    members = np.argsort(own, kind="stable")
    bounds = np.searchsorted(own[members], np.arange(len(landmarks) + 1))
    sizes = np.diff(bounds)
    around = nearest(vectors[landmarks], vectors[landmarks], len(landmarks))[0]
    for cell in np.flatnonzero(sizes):
        order = np.concatenate([[cell], around[cell][around[cell] != cell]])
        upto = int(np.searchsorted(np.cumsum(sizes[order]), NEAR)) + 1
        among = np.concatenate([members[bounds[each] : bounds[each + 1]] for each in order[:upto]])
        yield members[bounds[cell] : bounds[cell + 1]], np.sort(among)


def nearest(vectors: Vectors, among: Vectors, count: int) -> tuple[Rows, Vector]:
    """Return the places of the `count` vectors of highest dot product, highest first; of equal ones the lowest place.

    Args:
        vectors: (n, d)
        among: (a, d)
        count: 1..a

    Returns:
        places (n, count), products (n, count).
    """
    import torch  # its top-k is several times as quick as numpy's

    left, right = torch.from_numpy(np.ascontiguousarray(vectors)), torch.from_numpy(np.ascontiguousarray(among))
    places, products = np.empty((len(left), count), np.int64), np.empty((len(left), count))
    step = max(1, CELLS * 10**6 // max(len(right), 1))
    for start in range(0, len(left), step):
        found = torch.topk(left[start : start + step] @ right.T, count, dim=1)
        value, place = found.values.numpy().astype(np.float64), found.indices.numpy()
        order = np.lexsort((place, -value))
        places[start : start + step] = np.take_along_axis(place, order, axis=1)
        products[start : start + step] = np.take_along_axis(value, order, axis=1)
    return places, products
