"""What the regions of a map of rows are about: the label that is most their own."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.report.maps.tsne import SEED, Plane

LEAST_SHARE = 0.08
"""Share of a region's rows that carry a label that stands for it, at least."""


class Region(NamedTuple):
    """A part of the map."""

    label: int
    """That stands for it."""
    x: float
    y: float
    """Median place of its rows that carry the label."""


def regions(plane: Plane, tags: csr_array, count: int) -> list[Region]:
    """Return the regions of a map for which a label stands, those of most rows first; no label stands for two.

    Regions are the clusters of k-means on the map. For each stands the label of highest c log(c / e), where c of its
    rows carry the label and e would if it were spread evenly: the label's part of the divergence from the whole map.

    Args:
        plane: (n, 2)
        tags: (n, m) which row carries which label.
        count: clusters.
    """
    if not tags.nnz:
        return []
    from sklearn.cluster import KMeans

    distinct = len(np.unique(plane, axis=0))
    own = KMeans(min(count, distinct), n_init=1, random_state=SEED).fit_predict(plane)
    sizes = np.bincount(own)
    whole = np.bincount(tags.indices, minlength=tags.shape[1])
    found: dict[int, Region] = {}
    for region in np.argsort(-sizes, kind="stable"):
        rows = np.flatnonzero(own == region)
        carried = np.bincount(tags[rows].indices, minlength=tags.shape[1])
        lift = np.where(carried > 0, carried, 1) / np.maximum(whole * (len(rows) / len(own)), 1e-12)
        worth = np.where(carried >= LEAST_SHARE * len(rows), carried * np.log(lift), 0.0)
        worth[list(found)] = 0.0
        label = int(np.argmax(worth))
        if worth[label] > 0:
            carriers = rows[tags[rows][:, [label]].toarray()[:, 0] > 0]
            x, y = np.median(plane[carriers], axis=0).tolist()
            found[label] = Region(label, x, y)
    return list(found.values())
