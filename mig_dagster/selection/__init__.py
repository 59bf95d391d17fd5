"""Selection methods: arrays in, the chosen rows out. One import line makes a method public.

`METHODS` holds every method by name; `reads` and `options` say what a method needs and what can be set.
"""

from mig_dagster.selection.base import METHODS, Selection, SelectionWarning, method, options, reads
from mig_dagster.selection.mig import mig
from mig_dagster.selection.mig_problem import objective
from mig_dagster.selection.propagation import propagation

__all__ = ["METHODS", "Selection", "SelectionWarning", "method", "mig", "objective", "options", "propagation", "reads"]
