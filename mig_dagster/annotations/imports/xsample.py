"""Annotations of the xsample and MIG pools: `annotation` and `ifd_score`, as in its data/example.jsonl @ 7ad6af1."""

from typing import Any

from mig_dagster.annotations.annotator import Annotator, Row
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports.importer import Imported
from mig_dagster.annotations.imports.values import numbers

INSTAG_IMPORT = Annotator("instag", "xsample annotation.instag")
"""Who gave imported tags: InsTagger, as run by the authors of the xsample pools."""


def imported_tags(row: Row) -> dict[str, list[str]] | Defect | None:
    """Return the InsTagger tags that came with a row of an xsample / MIG pool (`annotation.instag.content`).

    Returns:
        `{"tags": [...]}`, distinct, in the order given; None where the row has no such tags or an empty list of them,
        so that they are computed; a `Defect` where they are not a list of strings.
    """
    match row.meta.get("annotation"):
        case {"instag": {"content": content}}:
            pass
        case _:
            return None
    if not isinstance(content, list) or not all(isinstance(tag, str) for tag in content):
        return Defect("invalid_import")
    return {"tags": list(dict.fromkeys(content))} if content else None


TAG_IMPORTS = (Imported(INSTAG_IMPORT, imported_tags),)


def car_scores(row: Row) -> list[float] | Defect | None:
    """Return the IQS scores in `annotation.CaR`, one per turn."""
    return numbers(annotation(row).get("CaR"))


def ifd_ratio(row: Row) -> dict[str, Any] | Defect | None:
    """Return the ratio of perplexities in `ifd_score.content`, as `{"ifd_ppl": ...}`."""
    match row.meta.get("ifd_score"):
        case {"content": content} if content is not None:
            found = numbers(content)
        case _:
            return None
    # Superfiltering's code, which made these, gives 0 where its model failed.
    if not isinstance(found, list) or len(found) != 1 or found[0] <= 0:
        return Defect("invalid_import")
    return {"ifd_ppl": found[0]}


def annotation(row: Row) -> dict[str, Any]:
    """Return the row's `annotation`; {} where there is none."""
    found = row.meta.get("annotation")
    return found if isinstance(found, dict) else {}
