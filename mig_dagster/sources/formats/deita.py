"""Conversations scored by the DEITA scorers: ShareGPT or messages with `quality_scores` and `complexity_scores`."""

from typing import Any

from mig_dagster.sources.decode import decode_text
from mig_dagster.sources.parsed import Format, Parsed, Record, attach
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.scores import check_scores
from mig_dagster.sources.turns import begins_with, turns_of

_LISTS = ("conversations", "conversation", "messages")
_FIELDS = ("conversations", "system", "tools", "quality_scores", "complexity_scores")
# Only in pairs of one naming: a `quality_score` alone may be anyone's, on any scale.
_PAIRS = tuple(
    tuple(pattern.format(kind) for kind in ("quality", "complexity"))
    for pattern in (
        *("{}_scores", "{}_score", "evol_{}_scores", "evol_{}_score", "evol_{}"),
        *("deita_{}_scores", "deita_{}_score", "deita_{}"),
    )
)


def matches(record: Record) -> bool:
    """Return whether there are turns, and both scores."""
    turns = any(begins_with(record.get(name), key) for name in _LISTS for key in ("from", "role"))
    return turns and (_pair(record) is not None or _holds_scores(record.get("deita")))


def parse(record: Record) -> Parsed:
    """Return the turns; the scores, lists or one number each, move to `annotation.deita` in `meta`.

    That is where xsample's stand: a list of each, `quality_scores` and `complexity_scores`, one number per turn. Where
    both are null or absent, there are none.

    Raises:
        Defect: among others `wrong_type`, `empty_scores` and `unequal_scores`.
    """
    parsed = turns_of(record, _LISTS)
    if _holds_scores(record.get("deita")):
        scores = parsed.meta.pop("deita")
        place, (quality, complexity) = "deita", (scores.pop("quality_scores"), scores.pop("complexity_scores"))
    else:
        names = _pair(record) or _PAIRS[0]
        place, (quality, complexity) = " and ".join(names), (parsed.meta.pop(name, None) for name in names)
        scores = {}
    quality, complexity = _per_turn(quality), _per_turn(complexity)
    check_scores(quality, complexity, place)
    if quality is not None:
        _annotate(parsed.meta, {"quality_scores": quality, "complexity_scores": complexity} | scores)
    return parsed


def _pair(record: Record) -> tuple[str, ...] | None:
    return next((pair for pair in _PAIRS if pair[0] in record and pair[1] in record), None)


def _holds_scores(value: Any) -> bool:
    return isinstance(value, dict) and "quality_scores" in value and "complexity_scores" in value


def _per_turn(value: Any) -> Any:
    """Return one number as a list; text, as the cells of a table are, as what it says in JSON, and "" as null."""
    if isinstance(value, str):
        said = decode_text(value) if value.strip() else None
        value = value if isinstance(said, Defect) else said
    return [value] if type(value) in (int, float) else value


def _annotate(meta: dict[str, Any], scores: dict[str, Any]) -> None:
    annotation = meta.get("annotation")
    if isinstance(annotation, dict) and "deita" not in annotation:
        meta["annotation"] = annotation | {"deita": scores}
    else:
        attach(meta, "annotation", {"deita": scores})


FORMAT = Format("deita", _FIELDS, matches, parse)
