"""Example questions to the lineage catalog: one SQL file each, whose first line is the question."""

import os
from collections.abc import Mapping
from importlib.resources import files

import polars as pl

from mig_dagster.lineage.published_catalog import open_catalog


def questions() -> dict[str, str]:
    """Return the questions by the name of their file."""
    return {name: text.splitlines()[0].removeprefix("-- ") for name, text in sorted(_texts().items())}


def ask(catalog: str | os.PathLike[str], name: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
    """Run an example query.

    Args:
        catalog: the lineage catalog.
        name: a key of `questions()`.
        parameters: values for the query's `$names`.

    Raises:
        LookupError: there is no such query, or no catalog yet.
    """
    texts = _texts()
    if name not in texts:
        raise LookupError(f"query {name!r} does not exist: there are {', '.join(sorted(texts))}")
    with open_catalog(catalog) as database:
        return pl.DataFrame(database.sql(texts[name], params=dict(parameters or {})).to_arrow_table())


def _texts() -> dict[str, str]:
    folder = files("mig_dagster.lineage.queries")
    found = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    return {file.name.removesuffix(".sql"): file.read_text(encoding="utf-8") for file in found}
