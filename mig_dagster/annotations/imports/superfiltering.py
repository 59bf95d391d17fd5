"""Columns of Superfiltering's files: `ifd_ppl` with the two perplexities that it is made from."""

import math

from mig_dagster.annotations.annotator import Row
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports.values import numbers

_LOSSES = {"loss_conditioned": "ppl_A_condition", "loss_alone": "ppl_A_direct"}


def ifd_values(row: Row) -> dict[str, float] | Defect | None:
    """Return `ifd_ppl` and, where both perplexities came too, what follows from them.

    Returns:
        `ifd_ppl`, and with both perplexities `loss_conditioned`, `loss_alone` (their logarithms), `ifd_loss` (the
        ratio of these) and `ppl`; None where the row has no `ifd_ppl`; a `Defect` where one of the three is not a
        positive number: Superfiltering @ f0764af writes 0 where its model failed.
    """
    if row.meta.get("ifd_ppl") is None:
        return None
    found = {name: _positive(row, name) for name in ("ifd_ppl", *_LOSSES.values())}
    if any(isinstance(value, Defect) for value in found.values()):
        return Defect("invalid_import")
    given = {name: value for name, value in found.items() if isinstance(value, float)}
    made = {"ifd_ppl": given["ifd_ppl"]}
    if not all(name in given for name in _LOSSES.values()):
        return made
    made |= {loss: math.log(given[name]) for loss, name in _LOSSES.items()} | {"ppl": given["ppl_A_condition"]}
    return made | ({"ifd_loss": made["loss_conditioned"] / made["loss_alone"]} if made["loss_alone"] > 0 else {})


def _positive(row: Row, name: str) -> float | Defect | None:
    found = numbers(row.meta.get(name))
    if not isinstance(found, list):
        return found
    return found[0] if len(found) == 1 and found[0] > 0 else Defect("invalid_import")
