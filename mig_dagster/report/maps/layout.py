"""Labels in the plane: linked ones and ones that rows carry together lie near each other, and circles keep apart."""

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

from mig_dagster.report.maps.tsne import Plane, tsne
from mig_dagster.selection.base import Vector

TOGETHER = 0.5
"""What carrying two labels together counts, against an edge of the label graph."""
DIRECTIONS = 50
POWER = 4
"""How much the slow directions of a random walk weigh over the quick ones."""
PERPLEXITY = 12.0
STEPS = 450
DENSE = 300
"""Up to so many labels all eigenvectors are computed."""
PUSHES = 80
CO_OCCURRENCE_ROWS = 200_000
"""Rows of which it is read which labels they carry together: evenly spaced ones of a larger pool."""


def label_layout(label_graph: csr_array, tags: csr_array) -> Plane:
    """Return where labels lie, the same for the same input.

    Two labels are the more alike the heavier their edge and the more rows carry both: w + cosine of their columns of
    `tags` / 2. Leading eigenvectors of that matrix, normalised (a random walk over labels; Ng, Jordan and Weiss 2001),
    are laid out by t-SNE. Labels with neither an edge nor a row with another label lie together.

    Args:
        label_graph: W (m, m)
        tags: (n, m) ones, each label in at least one row.

    Returns:
        (m, 2) the larger extent -1..1.
    """
    m = label_graph.shape[0]
    alike = _off_diagonal(label_graph) + TOGETHER * _off_diagonal(_together(tags))
    degrees = np.asarray(alike.sum(axis=1)).ravel()
    scale = diags_array(np.where(degrees > 0, degrees, 1.0) ** -0.5)
    values, vectors = _leading(csr_array(0.5 * (scale @ alike @ scale + eye_array(m))))
    linked = (degrees > 0)[:, None]
    features = vectors * np.maximum(values, 0.0) ** POWER * linked
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    features /= np.where(lengths > 0, lengths, 1.0)
    start = _spiral(m) * 1e-3
    start[:, : min(2, m - 1)] += features[:, 1:3]
    return tsne(features, start, perplexity=PERPLEXITY, steps=STEPS)


def _off_diagonal(matrix: csr_array) -> csr_array:
    entries = matrix.tocoo()
    apart = entries.coords[0] != entries.coords[1]
    places = (entries.coords[0][apart], entries.coords[1][apart])
    return csr_array((entries.data[apart], places), shape=matrix.shape)


def _together(tags: csr_array) -> csr_array:
    """Return the cosines (m, m) between the columns of tags."""
    part = tags[:: -(-tags.shape[0] // CO_OCCURRENCE_ROWS)]
    both = csr_array(part.T @ part)
    counts = both.diagonal()
    scale = diags_array(np.where(counts > 0, counts, 1.0) ** -0.5)
    return csr_array(scale @ both @ scale)


def _leading(walk: csr_array) -> tuple[Vector, Vector]:
    """Return eigenvalues, highest first, and eigenvectors whose largest entry is positive."""
    m = walk.shape[0]
    if m <= DENSE:
        values, vectors = np.linalg.eigh(walk.toarray())
    else:
        values, vectors = eigsh(walk, k=DIRECTIONS, which="LA", v0=np.ones(m), tol=1e-4)
    order = np.argsort(-values, kind="stable")[:DIRECTIONS]
    values, vectors = values[order], vectors[:, order]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    return values, vectors * np.where(largest < 0, -1.0, 1.0)


def _spiral(m: int) -> Plane:
    """Return points that are all apart: a sunflower's."""
    steps = np.arange(m)
    angles = steps * np.pi * (3 - np.sqrt(5))
    turned: Plane = np.sqrt(steps / m)[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    return turned


def kept_apart(points: Plane, radii: Vector) -> Plane:
    """Return points moved until hardly any two circles overlap: each pair is pushed apart by half what it overlaps.

    Args:
        points: (m, 2) in the unit of `radii`.
        radii: (m,)
    """
    moved = points + _spiral(len(points)) * 1e-6  # no two at one place, so that there is a way to push
    for _ in range(PUSHES):
        one, other = cKDTree(moved).query_pairs(2 * float(radii.max(initial=0)), output_type="ndarray").T
        gaps = moved[one] - moved[other]
        apart = np.linalg.norm(gaps, axis=1)
        lacking = radii[one] + radii[other] - apart
        close = lacking > 0
        if not close.any():
            break
        push = (gaps / apart[:, None] * lacking[:, None] / 2)[close]
        np.add.at(moved, one[close], push / 2)
        np.add.at(moved, other[close], -push / 2)
    return moved


def in_frame(points: Plane, width: float, height: float) -> Plane:
    """Return points stretched to a frame of that size, the middle at 0."""
    if not len(points):
        return points
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    half = np.maximum((points.max(axis=0) - points.min(axis=0)) / 2, 1e-9)
    stretched: Plane = (points - middle) / half * np.array([width, height]) / 2
    return stretched
