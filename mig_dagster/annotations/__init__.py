"""What models and rules say of rows: tags, quality scores, embeddings, each with who said it and whether it failed.

Lists, arrays and dataclasses only, and nothing here loads torch until a model is used: the same code runs on a GPU
machine that has neither Dagster nor Polars.
"""

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Row
from mig_dagster.annotations.cache import CacheError, FragmentCache
from mig_dagster.annotations.engine import Imported, annotate
from mig_dagster.annotations.flags import FLAGS, Defect

__all__ = [
    "FLAGS",
    "Annotations",
    "Annotator",
    "Batch",
    "CacheError",
    "Defect",
    "FragmentCache",
    "Imported",
    "Row",
    "annotate",
]
