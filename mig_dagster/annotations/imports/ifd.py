"""Which ratios that came with rows count for `ifd_scores`: those of perplexities, once it is said whose they are."""

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.engine import Imported
from mig_dagster.annotations.imports import opendataarena, superfiltering, xsample


def ifd_imports(model: str | None) -> list[Imported]:
    """Return the origins of imported ratios.

    Args:
        model: whose losses they are, as `gpt2`: the files do not say it, and ratios of two models are not comparable.
            None imports nothing.
    """
    if model is None:
        return []
    origins = {
        "Superfiltering ifd_ppl": superfiltering.ifd_values,
        "xsample ifd_score": xsample.ifd_ratio,
        "OpenDataArena IFD": opendataarena.ifd_ratio,
    }
    return [Imported(Annotator("ifd", model, parameters={"origin": name}), read) for name, read in origins.items()]
