"""Row embeddings: what a row's text means, as one vector of unit norm."""

from mig_dagster.annotations.embeddings.causal import CausalEmbedder
from mig_dagster.annotations.embeddings.rows import Embedder, embed_rows
from mig_dagster.annotations.embeddings.texts import TEXTS

__all__ = ["TEXTS", "CausalEmbedder", "Embedder", "embed_rows"]
