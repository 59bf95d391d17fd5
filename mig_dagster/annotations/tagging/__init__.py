"""Tags of rows: nearest labels of a vocabulary, InsTagger's, or those of a model behind an OpenAI-compatible server."""

from mig_dagster.annotations.tagging.instagger import InsTagger
from mig_dagster.annotations.tagging.nearest_label import NearestLabelTagger
from mig_dagster.annotations.tagging.tagger import Tagger, tag_rows

__all__ = ["InsTagger", "NearestLabelTagger", "Tagger", "tag_rows"]
