"""Tags of rows: nearest labels of a vocabulary, InsTagger's, or those of a model behind an OpenAI-compatible server."""

from mig_dagster.annotations.tagging.chat_endpoint import EndpointError
from mig_dagster.annotations.tagging.endpoint import EndpointTagger
from mig_dagster.annotations.tagging.endpoint_spec import EndpointSpec
from mig_dagster.annotations.tagging.instagger import InsTagger
from mig_dagster.annotations.tagging.nearest_label import NearestLabelTagger
from mig_dagster.annotations.tagging.tagger import Tagger, tag_rows

__all__ = [
    "EndpointError",
    "EndpointSpec",
    "EndpointTagger",
    "InsTagger",
    "NearestLabelTagger",
    "Tagger",
    "tag_rows",
]
