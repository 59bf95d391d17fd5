"""Selection methods: arrays in, the chosen rows out. One import line makes a method public.

`METHODS` holds every method by name; `reads` and `options` say what a method needs and what can be set. `import x as x`
says that x is public here, to readers and to type checkers.
"""

from mig_dagster.selection.balanced_random import balanced_random as balanced_random
from mig_dagster.selection.base import METHODS as METHODS
from mig_dagster.selection.base import Selection as Selection
from mig_dagster.selection.base import SelectionWarning as SelectionWarning
from mig_dagster.selection.base import method as method
from mig_dagster.selection.base import options as options
from mig_dagster.selection.base import reads as reads
from mig_dagster.selection.car import car as car
from mig_dagster.selection.cluster_choice import choose_from_clusters as choose_from_clusters
from mig_dagster.selection.clustering import cluster_rows as cluster_rows
from mig_dagster.selection.deita import deita as deita
from mig_dagster.selection.ifd import ifd as ifd
from mig_dagster.selection.instag import instag as instag
from mig_dagster.selection.instruct_mining import expected_loss as expected_loss
from mig_dagster.selection.instruct_mining import instruct_mining as instruct_mining
from mig_dagster.selection.iterit import iterit as iterit
from mig_dagster.selection.iterit_rounds import iterit_rounds as iterit_rounds
from mig_dagster.selection.longest import longest as longest
from mig_dagster.selection.mig import mig as mig
from mig_dagster.selection.mig_problem import objective as objective
from mig_dagster.selection.propagation import propagation as propagation
from mig_dagster.selection.qdit import qdit as qdit
from mig_dagster.selection.random import random as random
from mig_dagster.selection.random import reference_random as reference_random
from mig_dagster.selection.rule_fitting import FittedRule as FittedRule
from mig_dagster.selection.rule_fitting import fit_rule as fit_rule
from mig_dagster.selection.zip import zip as zip
