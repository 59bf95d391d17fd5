"""Texts with something to learn, and settings that learn it within a second or two."""

import numpy as np

from mig_dagster.annotations.pretraining import TrainingSettings
from mig_dagster.conversation import hash_text

SMALL = TrainingSettings(
    vocabulary=320, layers=1, width=16, heads=2, sequence_tokens=32, batch_sequences=4, steps=60, learning_rate=1e-2
)
THINGS = ["the red fox", "a small boat", "my old house", "the green tree", "one blue bird"]
VERBS = ["looks at", "walks past", "likes", "never sees"]


def small_texts(n: int = 120, seed: int = 0) -> dict[str, str]:
    """Return n sentences by row id."""
    rng = np.random.default_rng(seed)
    found = {}
    for i in range(n):
        first, second = rng.choice(THINGS, 2)
        text = f"What is {i}?\n{first} {rng.choice(VERBS)} {second}, and {second} does not know it."
        found[hash_text(text)] = text
    return found
