"""What a chart says, in words that Vega draws as they stand."""

from collections.abc import Mapping
from typing import Any

from mig_dagster.report.reading.excerpts import visible

_MEMBERS = frozenset(
    {"__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__proto__", "constructor"}
    | {"hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"}
)
"""Of every JavaScript object: Vega takes a category of such a name for something that it has seen before."""


def drawable(document: Any) -> Any:
    """Return a chart's specification or data with every text in it `visible`, and a space after `_MEMBERS`.

    A control character would end the process that draws a PNG, and a line separator is a syntax error to Vega.

    Args:
        document: mappings, lists and values; names of members stay as they are.
    """
    if isinstance(document, str):
        return f"{document} " if document in _MEMBERS else visible(document)
    if isinstance(document, Mapping):
        return {name: drawable(value) for name, value in document.items()}
    return [drawable(value) for value in document] if isinstance(document, list | tuple) else document
