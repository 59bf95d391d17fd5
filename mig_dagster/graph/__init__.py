"""Tags become labels, and labels become a sparse graph of what is close to what."""

from mig_dagster.graph.association import Association, Rule
from mig_dagster.graph.frequency import count_tags
from mig_dagster.graph.graph_statistics import component_count, degree_histogram, neighbours, top_edges
from mig_dagster.graph.label_graph import LabelGraph, label_graph
from mig_dagster.graph.vocabulary import Entry, Unmapped, Vocabulary, closed_vocabulary, frozen, vocabulary

__all__ = [
    "Association",
    "Entry",
    "LabelGraph",
    "Rule",
    "Unmapped",
    "Vocabulary",
    "closed_vocabulary",
    "component_count",
    "count_tags",
    "degree_histogram",
    "frozen",
    "label_graph",
    "neighbours",
    "top_edges",
    "vocabulary",
]
