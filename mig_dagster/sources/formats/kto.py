"""KTO: one answer and whether people thought it good, as `label` beside messages or prompt and completion."""

from typing import Any

from mig_dagster.sources.fields import kind_of
from mig_dagster.sources.formats import alpaca, messages, prompt_completion, sharegpt
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect

_FIELDS = ("messages", "conversations", "prompt", "completion", "label", "system", "tools")
_TAGS = ("label", "kto_tag")
_SHAPES = (messages.FORMAT, sharegpt.FORMAT, prompt_completion.FORMAT)
# Beside an instruction a `label` is often a class; LLaMA-Factory's name for it can mean nothing else.
_SHAPES_OF_TAG = {"label": _SHAPES, "kto_tag": (*_SHAPES, alpaca.FORMAT)}
_WORDS = {"true": True, "false": False}


def matches(record: Record) -> bool:
    """Return whether there is a conversation with a label that is true or false."""
    tag = _tag(record)
    return _verdict(record.get(tag)) is not None and any(form.matches(record) for form in _SHAPES_OF_TAG[tag])


def parse(record: Record) -> Parsed:
    """Return the conversation, with the verdict `rejected_answer` where the label is false; the label stays in `meta`.

    Raises:
        Defect: among others `missing_field`, `null_field` or `wrong_type` for the label.
    """
    tag = _tag(record)
    form = next((form for form in _SHAPES_OF_TAG["kto_tag"] if form.matches(record)), messages.FORMAT)
    parsed = form.parse(record)
    label = record.get(tag)
    good = _verdict(label)
    if good is None:
        reason = ("null_field" if tag in record else "missing_field") if label is None else "wrong_type"
        raise Defect(reason, f"field {tag!r} is {kind_of(label)}, expected true or false")
    if not good:
        parsed.verdict = Defect("rejected_answer", f"field {tag!r} is false")
    return parsed


def _tag(record: Record) -> str:
    return next((tag for tag in _TAGS if tag in record), _TAGS[0])


def _verdict(label: Any) -> bool | None:
    """Return what a label says; as text it stands in the cell of a table."""
    return _WORDS.get(label.strip().lower()) if isinstance(label, str) else label if isinstance(label, bool) else None


FORMAT = Format("kto", _FIELDS, matches, parse)
