"""Reasons of CaR: a row comes from the top of the ranking, or as one of the best of its cluster."""

import numpy as np

from mig_dagster.selection.base import Rows
from mig_dagster.selection.cluster_choice import rows_taken_by_rank
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason, counted, places
from mig_dagster.selection.top_k import top_k


def explain_car(choice: Choice, rows: Rows) -> list[Reason]:
    """Return each row's cluster, its rank there and in the whole pool, and which of the two took it.

    `n1` is how far down the ranking rows were taken, `n2` how many of every cluster, as the options or the budget have
    it. The clusters are those of the choice, never made anew.
    """
    clusters = choice.clusters
    assert clusters is not None, "CaR gives the clusters it chose from"
    scores = np.asarray(choice.arguments["quality_scores"], np.float64)
    ranking = top_k(len(scores), scores)
    place, in_cluster, sizes = places(ranking), *_ranks_in_clusters(ranking, clusters)
    k, settings = len(choice.rows), choice.options
    n1, n2 = rows_taken_by_rank(k, scores, clusters, settings["n1"], settings["n2"])
    return [
        _reason(choice, row, n1, n2, float(scores[row]), int(place[row]), int(in_cluster[row]), int(sizes[row]))
        for row in rows.tolist()
    ]


def _reason(choice: Choice, row: int, n1: int, n2: int, score: float, place: int, within: int, size: int) -> Reason:
    assert choice.clusters is not None
    cluster = int(choice.clusters[row])
    top, best = place <= n1, within <= n2
    details = {"score": score, "rank_by_score": place, "n1": n1, "n2": n2} | {
        "cluster": cluster,
        "rank_in_cluster": within,
        "cluster_rows": size,
        "taken_as": None if not choice.ranks[row] else "top of the ranking" if top else "best of its cluster",
    }
    here = f"score {score:.4g}, place {place:,} by score and {within:,} of the {size:,} in cluster {cluster}"
    if top or best:
        kind = f"the first {n1:,} by score" if top else f"the best {counted(n2, 'row')} of its cluster"
        among = "Among" if choice.ranks[row] else "Cut by the budget, though among"
        return Reason(f"{among} {kind}: {here}.", details)
    return Reason(f"Neither among the first {n1:,} by score nor the best {n2:,} of its cluster: {here}.", details)


def _ranks_in_clusters(ranking: Rows, clusters: Rows) -> tuple[Rows, Rows]:
    """Return (n,) the rank of every row in its cluster, from 1, and (n,) the size of that cluster."""
    number = np.unique(clusters, return_inverse=True)[1]
    grouped = ranking[np.argsort(number[ranking], kind="stable")]
    sizes = np.bincount(number)
    ranks = np.empty(len(ranking), np.int64)
    ranks[grouped] = np.arange(len(ranking)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    return ranks, sizes[number]


CAR = Explainer.of(explain_car)
