"""Which ratios that came with rows count for `ifd_scores`: those of perplexities, once it is said whose they are."""

from collections.abc import Mapping
from typing import Any

from mig_dagster.annotations.annotator import Annotator, Row
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports import opendataarena, superfiltering, xsample
from mig_dagster.annotations.imports.importer import Imported

_READERS = (superfiltering.ifd_values, xsample.ifd_ratio, opendataarena.ifd_ratio)


def ifd_imports(model: str | None) -> list[Imported]:
    """Return the importer of ratios that came with rows.

    Args:
        model: whose losses they are, as `gpt2`: the files do not say it, and ratios of two models are not comparable.
            None imports nothing.
    """
    return [] if model is None else [Imported(Annotator("ifd", model, parameters={"imported": "ifd_ppl"}), _read)]


def _read(row: Row) -> Mapping[str, Any] | Defect | None:
    return next((found for read in _READERS if (found := read(row)) is not None), None)
