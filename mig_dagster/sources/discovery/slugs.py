"""Names for what is found: slugs that are partition keys, the same at every look."""

import re
from collections.abc import Collection
from hashlib import sha256

from mig_dagster.sources.locations import READABLE

SLUG_CHARACTERS = 80
"""Longer names are cut, so that with digits behind them they are still names that the registry takes."""


def slug_of(name: str) -> str:
    """Return a name as a slug: a file's without suffix, `org/name` as `org--name`; "source" where nothing is left."""
    plain = name.lower()
    suffix = max((suffix for suffix in READABLE if plain.endswith(suffix)), key=len, default="")
    plain = plain.removesuffix(suffix).replace("/", "--")
    return re.sub(r"[^a-z0-9._-]+", "-", plain).strip("-._")[:SLUG_CHARACTERS].rstrip("-._") or "source"


def unused_slug(name: str, uri: str, taken: Collection[str]) -> str:
    """Return the slug of a name, with digits of its URI's hash behind it where another source has that slug."""
    slug = slug_of(name)
    digest = sha256(uri.encode()).hexdigest()
    candidates = (slug, *(f"{slug}-{digest[:length]}" for length in range(6, 20)))
    return next(candidate for candidate in candidates if candidate not in taken)
