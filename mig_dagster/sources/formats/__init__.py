"""The formats that can be read: one file each, one line in this table each."""

from mig_dagster.sources.formats import (
    alpaca,
    deita,
    kto,
    marked_text,
    messages,
    oasst,
    opendataarena,
    preference,
    prompt_completion,
    question_answer,
    sharegpt,
    transcript,
    xsample,
)
from mig_dagster.sources.parsed import Format

# Detection takes the first that fits: what asks for more comes first.
FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        xsample,
        preference,
        oasst,
        kto,
        deita,
        sharegpt,
        messages,
        opendataarena,
        alpaca,
        question_answer,
        prompt_completion,
        transcript,
        marked_text,
    )
}


def fields_of(format: str | None) -> tuple[str, ...]:
    """Return the fields that `columns:` may name: those of one format, or of all where it is still to be detected."""
    forms = FORMATS.values() if format is None else [FORMATS[format]]
    return tuple(dict.fromkeys(name for form in forms for name in form.fields))
