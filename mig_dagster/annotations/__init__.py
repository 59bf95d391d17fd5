"""What models and rules say of rows: tags, quality scores, embeddings, each with who said it and whether it failed.

Lists, arrays and dataclasses only, and nothing here loads torch until a model is used: the same code runs on a GPU
machine that has neither Dagster nor Polars.
"""

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Row
from mig_dagster.annotations.cache import CacheError, FragmentCache
from mig_dagster.annotations.embeddings import embed_rows
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.engine import Progress, annotate
from mig_dagster.annotations.flags import FLAGS, Defect
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.quality import AGGREGATIONS, SCORERS, score_rows
from mig_dagster.annotations.tagging import NearestLabelTagger, Tagger, tag_rows
from mig_dagster.annotations.vocabulary import TagVocabulary, load_vocabulary

__all__ = [
    "AGGREGATIONS",
    "FLAGS",
    "SCORERS",
    "Annotations",
    "Annotator",
    "Batch",
    "CacheError",
    "Defect",
    "FragmentCache",
    "ModelError",
    "NearestLabelTagger",
    "Progress",
    "Row",
    "SentenceEncoder",
    "TagVocabulary",
    "Tagger",
    "annotate",
    "embed_rows",
    "load_vocabulary",
    "score_rows",
    "tag_rows",
]
