"""Options of assets as forms in the Launchpad, each with its type, its default and what it means."""

import inspect
import re
from functools import cache
from typing import Any, Literal

import dagster as dg
from pydantic import Field, create_model

from mig_dagster.selection import options
from mig_dagster.selection.base import Method

_ENTRY = re.compile(r"^    (\w+): (.*(?:\n {6,}.*)*)", re.MULTILINE)
"""An argument of a Google docstring: its name, and its text with the lines that go on."""


AS_CONFIGURED: Literal["as_configured"] = "as_configured"
"""In the Launchpad, as null is: what the options file says."""


class Options(dg.Config, use_attribute_docstrings=True):
    """Config of an asset; the text under each field is what the Launchpad shows of it."""


def given(**config: Any) -> dict[str, Any]:
    """Return what the Launchpad says; the options file keeps its word on the rest."""
    return {name: value for name, value in config.items() if value not in (None, AS_CONFIGURED)}


def settings_of(method: Method, base: type[Options]) -> type[Options]:
    """Return the config of a method's asset: what `base` asks, and the method's own options.

    Types and defaults are those of its signature, the words those of its docstring.
    """
    words = _documented(method)
    fields: dict[str, Any] = {
        name: (kind, Field(default=default, description=words.get(name)))
        for name, (kind, default) in options(method).items()
    }
    return create_model(f"{method.__name__}_options", __base__=_described(base), **fields)


@cache
def _described(base: type[Options]) -> type[Options]:
    """Return the same config, whose fields have their texts: pydantic looks for no others in what is made of it.

    It would search every loaded module for the source of a class that has none, which every run would wait for.
    """
    return type(
        base.__name__, (base,), {"__module__": base.__module__, "__doc__": base.__doc__}, use_attribute_docstrings=False
    )


def _documented(method: Method) -> dict[str, str]:
    """Return what the method's docstring says of each argument, as one line."""
    arguments = (inspect.getdoc(method) or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    return {name: " ".join(text.split()) for name, text in _ENTRY.findall(arguments)}
