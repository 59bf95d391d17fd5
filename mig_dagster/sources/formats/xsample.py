"""The annotated pools of the MIG authors: `dialogs` with tags and scores in `annotation`, which stay in `meta`."""

from typing import Any

from mig_dagster.sources.fields import list_field, remaining, tools_field
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.scores import check_scores
from mig_dagster.sources.turns import add_turns

_FIELDS = ("dialogs", "tools")


def matches(record: Record) -> bool:
    """Return whether there are dialogs."""
    return isinstance(record.get("dialogs"), list)


def parse(record: Record) -> Parsed:
    """Return the dialog. Annotations may be absent; those that are there must be usable.

    Raises:
        Defect: among others `tags_not_a_list`, `empty_scores` and `unequal_scores`.
    """
    parsed = Parsed([], tools_field(record), remaining(record, _FIELDS))
    add_turns(parsed, list_field(record, "dialogs"), "dialogs")
    _check_annotation(record.get("annotation"))
    return parsed


def _check_annotation(annotation: Any) -> None:
    if not isinstance(annotation, dict):
        return
    tags = annotation.get("instag")
    tags = tags.get("content") if isinstance(tags, dict) else tags
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise Defect("tags_not_a_list", f"annotation.instag.content is {tags!r:.60}")
    scores = annotation.get("deita")
    if isinstance(scores, dict):
        check_scores(scores.get("quality_scores"), scores.get("complexity_scores"), "annotation.deita")


FORMAT = Format("xsample", _FIELDS, matches, parse)
