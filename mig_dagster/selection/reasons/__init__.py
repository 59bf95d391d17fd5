"""Why each row was chosen, and why another was not: exact, from the inputs of the choice. One file a family of methods.

`EXPLAINERS` holds how each method explains itself, but for MIG: `label_gains` says of all chosen rows at once what they
told every label, `explain_mig` of any row why it was taken when it was, or never.
"""

from collections.abc import Mapping

from mig_dagster.selection.reasons.base import Choice as Choice
from mig_dagster.selection.reasons.base import Explainer as Explainer
from mig_dagster.selection.reasons.base import Reason as Reason
from mig_dagster.selection.reasons.base import Tokens as Tokens
from mig_dagster.selection.reasons.clusters import CAR
from mig_dagster.selection.reasons.dissimilar import DEITA
from mig_dagster.selection.reasons.draws import BALANCED_RANDOM, RANDOM
from mig_dagster.selection.reasons.label_gains import LabelGains as LabelGains
from mig_dagster.selection.reasons.label_gains import label_gains as label_gains
from mig_dagster.selection.reasons.mig_row import explain_mig as explain_mig
from mig_dagster.selection.reasons.passes import INSTAG
from mig_dagster.selection.reasons.plain import PLAIN as PLAIN
from mig_dagster.selection.reasons.ranked import IFD, INSTRUCT_MINING, LONGEST
from mig_dagster.selection.reasons.representatives import QDIT
from mig_dagster.selection.reasons.texts import ITERIT, ZIP

EXPLAINERS: Mapping[str, Explainer] = {
    "balanced_random": BALANCED_RANDOM,
    "car": CAR,
    "deita": DEITA,
    "ifd": IFD,
    "instag": INSTAG,
    "instruct_mining": INSTRUCT_MINING,
    "iterit": ITERIT,
    "longest": LONGEST,
    "qdit": QDIT,
    "random": RANDOM,
    "zip": ZIP,
}
"""How each method gives its reasons; `PLAIN` serves one that is neither here nor MIG."""
