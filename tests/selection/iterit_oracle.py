"""IterIT as its formulas have it: dense, scikit-learn's TF-IDF, every row scored at every step."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

WORDS = ["red", "apple", "pie", "Green", "pear", "x", "été", "it's", "a", "red_2"]


def random_texts(rng: np.random.Generator, n: int) -> list[str]:
    """Return texts of 0 to 7 words; about every fourth is a copy of another."""
    texts = [" ".join(rng.choice(WORDS, rng.integers(0, 8))) for _ in range(n)]
    return [str(texts[rng.integers(0, n)]) if rng.random() < 0.25 else text for text in texts]


def dense_tfidf(texts: list[str]) -> np.ndarray:
    """Return scikit-learn's matrix, dense; one of no columns where it refuses texts without a word."""
    try:
        return TfidfVectorizer(ngram_range=(1, 3)).fit_transform(texts).toarray()
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        return np.zeros((len(texts), 0))


def one_round(k: int, ifd: list[float], texts: list[str], decay: float) -> tuple[list[int], list[float]]:
    """Return the rows of one round and their scores when taken."""
    candidates = [row for row in range(len(ifd)) if ifd[row] < 1]
    x = dense_tfidf([texts[row] for row in candidates]) if candidates else np.zeros((0, 0))
    rows, gains, left = [], [], dict(enumerate(candidates))
    for _ in range(k):
        scores = {at: ifd[row] * x[at].sum() for at, row in left.items()}
        if not left or max(scores.values()) <= 0:
            break
        best = max(left, key=lambda at: (scores[at], -at))
        rows.append(left.pop(best))
        gains.append(scores[best])
        x[:, x[best] > 0] *= decay
    spent = sorted(left.values(), key=lambda row: -ifd[row])
    hard = sorted((row for row in range(len(ifd)) if ifd[row] >= 1), key=lambda row: ifd[row])
    rows = [*rows, *spent, *hard][:k]
    return rows, gains + [0.0] * (k - len(gains))


def regrets(rows: list[int], ifd: list[float], texts: list[str], decay: float) -> list[float]:
    """Return by how much each of `rows`, all candidates, falls short of the best score at its step."""
    candidates = [row for row in range(len(ifd)) if ifd[row] < 1]
    x, at, short = dense_tfidf([texts[row] for row in candidates]), candidates.index, []
    left = list(range(len(candidates)))
    for row in rows:
        scores = np.array([ifd[candidate] for candidate in candidates]) * x.sum(axis=1)
        short.append(max(scores[left]) - scores[at(row)])
        left.remove(at(row))
        x[:, x[at(row)] > 0] *= decay
    return short
