"""k-means in torch: k-means++ and Lloyd's iterations, with the draws and the stopping rules of scikit-learn.

The same code runs on the CPU and on a GPU. Away from float ties it gives the labels, numbers included, of
`sklearn.cluster.KMeans(clusters, n_init=1, random_state=seed)` on the same float64 points. It is faster because it
leaves out what has no effect: a cluster whose members stay keeps its centre, and the distances to it are known.
"""

import numpy as np
import torch

from mig_dagster.selection.top_k import top_k

ITERATIONS = 300  # scikit-learn's max_iter
TOLERANCE = 1e-4  # scikit-learn's tol, a share of the mean variance of a dimension
ROUNDING = 1e-12  # relative: below it two sums are equal, and two points at one place
BLOCK = 2048  # rows worked on at once
HELD = 2**29  # distances kept from one iteration to the next at most: 4 GiB; those of later rows are computed anew


def k_means(points: torch.Tensor, clusters: int, seed: int) -> torch.Tensor:
    """Return the cluster of every point, int64 (n,), numbered 0, 1, ... in the order k-means++ drew the centres.

    Args:
        points: (n, d) float64, n at least 1, of mean 0 in every dimension.
        clusters: how many to make, 1..n; fewer come out where the points lie at fewer places than that.
        seed: of `numpy.random.RandomState`, 0..2**32 - 1.
    """
    centers = points[_first_centers(points, clusters, np.random.RandomState(seed))]
    tolerance = TOLERANCE * float((points * points).sum()) / max(1, points.numel())
    distances = _Distances(points, len(centers))
    moved = torch.ones(len(centers), dtype=torch.bool, device=points.device)
    before = torch.full((len(points),), -1, device=points.device)
    sums = torch.zeros_like(centers)
    for _ in range(ITERATIONS):
        labels = distances.nearest(centers, moved)
        if torch.equal(labels, before):
            return labels
        sums += _change_of_sums(points, labels, before, len(centers))
        new = _means(points, labels, sums, centers)
        shift = float(((new - centers) ** 2).sum())
        moved, centers, before = (new != centers).any(dim=1), new, labels
        if shift <= tolerance:
            break
    return distances.nearest(centers, moved)


def _first_centers(points: torch.Tensor, clusters: int, random: np.random.RandomState) -> torch.Tensor:
    """Return the rows k-means++ draws as first centres: of a few random rows, each time the one that helps most.

    Two rows that are each other's nearest can help equally; then the first drawn is taken, on every machine. Stops
    early when every point lies at a centre.
    """
    n = len(points)
    norms = (points * points).sum(dim=1)
    chosen = torch.tensor([int(random.choice(n, p=np.full(n, 1 / n)))], device=points.device)
    closest = _squared_distances(points, norms, chosen)[:, 0]
    trials = 2 + int(np.log(clusters))
    while len(chosen) < clusters and (left := float(closest.sum())) > 0:
        drawn = torch.from_numpy(random.uniform(size=trials) * left).to(points.device)
        tried = torch.searchsorted(torch.cumsum(closest, 0), drawn).clamp_(max=n - 1)
        distances = torch.minimum(_squared_distances(points, norms, tried), closest[:, None])
        sums = distances.sum(dim=0)
        best = (sums <= sums.min() * (1 + ROUNDING)).to(torch.uint8).argmax()  # the first of equals
        closest = distances[:, best].contiguous()
        chosen = torch.cat([chosen, tried[best, None]])
    return chosen


def _squared_distances(points: torch.Tensor, norms: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return squared distances of all points to some of them, (n, rows); 0 where they are within rounding."""
    both = norms[:, None] + norms[rows]
    distances = torch.addmm(both, points, points[rows].T, alpha=-2)
    return distances.masked_fill_(distances <= both.mul_(ROUNDING), 0)


class _Distances:
    """Squared distances of all points to all centres, less the squared norm of the point."""

    def __init__(self, points: torch.Tensor, clusters: int) -> None:
        self.blocks = [points[at : at + BLOCK] for at in range(0, len(points), BLOCK)]
        held = self.blocks[: HELD // (BLOCK * clusters)]
        self.held = [block.new_empty(len(block), clusters) for block in held]

    def nearest(self, centers: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
        """Return the nearest centre of every point, the lowest of equally near ones.

        Args:
            centers: (clusters, d).
            moved: (clusters,) which centres are not where they were at the call before; all at the first call.
        """
        norms = (centers * centers).sum(dim=1)
        columns = torch.nonzero(moved).flatten()
        labels = []
        for number, block in enumerate(self.blocks):
            if number < len(self.held):
                distances = self.held[number]
                distances[:, columns] = _to_centers(block, centers[columns], norms[columns])
            else:
                distances = _to_centers(block, centers, norms)
            labels.append(distances.argmin(dim=1))
        return torch.cat(labels)


def _to_centers(block: torch.Tensor, centers: torch.Tensor, norms: torch.Tensor) -> torch.Tensor:
    """Return squared distances less the squared norms of the points, (rows, centers); on a CPU this form is faster."""
    return torch.addmm(norms[:, None], centers, block.T, alpha=-2).T


def _change_of_sums(points: torch.Tensor, labels: torch.Tensor, before: torch.Tensor, clusters: int) -> torch.Tensor:
    """Return how the sums of the clusters' points changed, (clusters, d).

    By products of matrices: scattered additions have no fixed order on a GPU.
    """
    change = points.new_zeros(clusters, points.shape[1])
    numbers = torch.arange(clusters, device=points.device)
    changed = torch.nonzero(labels != before).flatten()
    for at in range(0, len(changed), BLOCK):
        rows = changed[at : at + BLOCK]
        joined = (labels[rows, None] == numbers).to(points.dtype)
        left = (before[rows, None] == numbers).to(points.dtype)
        change += (joined - left).T @ points[rows]
    return change


def _means(points: torch.Tensor, labels: torch.Tensor, sums: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    """Return the mean of every cluster; an empty one gets the point that is farthest from its centre, taken from there.

    Of several empty clusters the lowest gets the farthest point.
    """
    counts = torch.bincount(labels, minlength=len(centers))
    empty = torch.nonzero(counts == 0).flatten()
    if len(empty):
        far = ((points - centers[labels]) ** 2).sum(dim=1)
        rows = torch.from_numpy(top_k(len(empty), far.cpu().numpy())).to(points.device)
        sums = sums.index_put((labels[rows],), -points[rows], accumulate=True)
        counts = counts.index_put((labels[rows],), -torch.ones_like(rows), accumulate=True)
        sums[empty], counts[empty] = points[rows], 1
    return torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), centers)
