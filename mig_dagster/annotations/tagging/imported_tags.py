"""Tags that came with the rows of an xsample / MIG pool: InsTagger's, as the authors of the pool ran it."""

from mig_dagster.annotations.annotator import Annotator, Row
from mig_dagster.annotations.flags import Defect

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
