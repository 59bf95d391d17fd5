"""CaR: take the rows of highest score, then the best rows of every cluster.

Paper       Ge et al. 2024, "Clustering and Ranking: Diversity-preserved Instruction Selection through Expert-aligned
            Quality Estimation", arXiv:2402.18191. Its text was not read for this: steps and numbers are the code's
Reference   IronBeliever/CaR @ 3357044, Clustering and Ranking (declared Apache-2.0, without a licence file).
            The ratio n1 : clusters * n2 = 1000 : 161 for any k as MIG keeps it (arXiv:2504.13835, appendix A.1)
Departures  From the reference:
            - by default exactly k rows: n2 from MIG's ratio, then n1 as far down the ranking as it takes; with n1 and
              n2 the rows are the reference's, and fewer or more than k is said (test_the_default_gives_exactly_k_rows,
              test_published_numbers_that_give_too_few_rows_say_so, test_published_numbers_that_give_more_are_cut);
            - rows are told apart by position; there, rows equal in every field, score and label count as one
              (test_equal_rows_both_count);
            - PCA and k-means in float64 on any number of threads; there in float32, where labels differ from one
              number of threads to another (test_labels_are_those_of_scikit_learn);
            - k-means++ runs once; there as often as the installed scikit-learn has it: 10 times before 1.4, then once
              (test_labels_are_those_of_scikit_learn);
            - fewer distinct embeddings than clusters give as many clusters as there are
              (test_fewer_places_than_clusters_give_a_cluster_each_and_a_warning).
            From MIG's text, which has PCA keep 95 % of the dimensions: 95 % of the variance, as the reference
            (test_components_hold_more_than_the_variance_asked_for).

Paper    Here              Shape
N        n                         rows of the pool
IQS      quality_scores    (n,)    instruction pair quality scores, of either sign
k        clusters                  int(sqrt(n / 2)): 161 for Alpaca's 52,002 rows
n1       n1                        rows from the top of the ranking: 1000
n2       n2                        rows from the top of every cluster: 1
"""

from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_embeddings, check_k, check_numbers
from mig_dagster.selection.base import Selection, method
from mig_dagster.selection.cluster_choice import check_counts, choose_from_clusters
from mig_dagster.selection.clustering import cluster_rows


@method
def car(
    k: int,
    *,
    quality_scores: ArrayLike,
    row_embeddings: ArrayLike,
    n1: int | None = None,
    n2: int | None = None,
    clusters: int | None = None,
    variance: float = 0.95,
    seed: int = 42,
    device: str | None = None,
) -> Selection:
    """Choose the rows of highest score and, of every cluster, the best rows.

    The top of the ranking, then of every cluster the best rows that are not there yet. Not a prefix property: how many
    come from either depends on k. The clusters, and so the choice, depend on the order of the rows in the pool. Of
    equal scores the lowest row comes first. Labels are not exactly reproducible from one BLAS library to another: they
    are in the answer, and `choose_from_clusters` chooses from stored ones.

    Args:
        k: how many rows, 0..n.
        quality_scores: (n,) finite, of either sign.
        row_embeddings: (n, d) finite, used as they are. Not changed.
        n1: rows from the top of the ranking; needs `n2`. None for as many as it takes to reach k.
        n2: rows from the top of every cluster, 0 or more; None for k * 161 / 1161 in all, at least one each.
        clusters: how many, at least 1; None for int(sqrt(n / 2)), at least 1.
        variance: share of the variance of the embeddings to cluster by, above 0 and at most 1.
        seed: of k-means++, 0 to 2**32 - 1; 42 is the reference's.
        device: None or "cpu" to cluster on the CPU; "cuda" or "cuda:0". Same labels away from float ties.

    Returns:
        As `choose_from_clusters`.

    Raises:
        ValueError: naming the argument, its value and what was expected. TypeError where a count is no whole number, or
            what an input holds is no real number.

    Warns:
        SelectionWarning: as `choose_from_clusters` and `cluster_rows`.
    """
    scores = check_numbers(quality_scores, None, "quality_scores")
    k = check_k(k, len(scores))
    check_counts(n1, n2)
    vectors = check_embeddings(row_embeddings, len(scores))
    labels = cluster_rows(vectors, clusters=clusters, variance=variance, seed=seed, device=device)
    return choose_from_clusters(k, quality_scores=scores, clusters=labels, n1=n1, n2=n2)
