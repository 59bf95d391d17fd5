"""Scores of the DEITA scorers: `annotation.deita`, where xsample's stand and where the format `deita` puts its own."""

from mig_dagster.annotations.annotator import Row
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports.values import numbers, products
from mig_dagster.annotations.imports.xsample import annotation


def deita_scores(row: Row) -> list[float] | Defect | None:
    """Return quality times complexity of each turn.

    Returns:
        None where the row carries neither; a `Defect` where `quality_scores` or `complexity_scores` is missing, no list
        of finite numbers, empty, or of another length than the other.
    """
    match annotation(row).get("deita"):
        case None:
            return None
        case {"quality_scores": list(quality), "complexity_scores": list(complexity)}:
            pass
        case _:
            return Defect("invalid_import")
    first, second = numbers(quality), numbers(complexity)
    return products(first, second) if isinstance(first, list) and isinstance(second, list) else Defect("invalid_import")
