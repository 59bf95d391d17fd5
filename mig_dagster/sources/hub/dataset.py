"""A Hub source: the commit that it is at, and the files of the rows that it asks for."""

from dataclasses import replace

from huggingface_hub.errors import RevisionNotFoundError

from mig_dagster.sources.hub.address import CONVERTED, Address, parse_address
from mig_dagster.sources.hub.choice import (
    card_configs,
    configurations,
    converted_configurations,
    default_config,
    pick,
    rows_of,
)
from mig_dagster.sources.hub.listing import Listing, ask, read_card
from mig_dagster.sources.patterns import below, is_pattern, matching, reading_order
from mig_dagster.sources.records import SourceFileError
from mig_dagster.sources.registry import Source


def locate(source: Source) -> Listing:
    """Return the commit to read of a source with an `hf://` URI, and of its files those asked for, in reading order.

    Raises:
        SourceFileError: the dataset, its revision, configuration, split or path is not there or may not be read.
    """
    address = parse_address(source.uri, source.revision)
    listing = ask(address)
    if address.path:
        paths = _named(listing, address, source)
    elif rows_of(listing.files):
        paths = _chosen(listing, address, source)
    else:
        address, listing = _converted(address)
        paths = _of_split(converted_configurations(listing.files), None, address, source)
    return Listing(listing.sha, {path: listing.files[path] for path in sorted(paths, key=reading_order)})


def _named(listing: Listing, address: Address, source: Source) -> list[str]:
    """Return the files that the path in the URI means."""
    if source.config or source.split:
        problem = "names files, so that `config` and `split` mean nothing"
        raise SourceFileError(source.uri, None, problem, "Keep either the path in the URI, or these keys")
    path = address.path
    if path in listing.files:
        return [path]
    try:
        paths = matching(listing.files, path) if is_pattern(path) else rows_of(below(listing.files, path))
    except ValueError as error:
        problem = f"has a pattern that cannot be read ({error})"
        raise SourceFileError(source.uri, None, problem, "** stands alone between two slashes") from error
    if not paths:
        problem = f"has no file to read at {path!r} in commit {listing.sha[:12]}"
        raise SourceFileError(address.name, None, problem, f"It has: {_some(listing)}")
    return paths


def _chosen(listing: Listing, address: Address, source: Source) -> list[str]:
    if address.revision == CONVERTED:
        return _of_split(converted_configurations(listing.files), None, address, source)
    entries = card_configs(read_card(address.repo, listing), address)
    return _of_split(configurations(listing.files, entries), default_config(entries), address, source)


def _of_split(
    configs: dict[str, dict[str, list[str]]], default: str | None, address: Address, source: Source
) -> list[str]:
    config = pick(configs, source.config, default or "default", "config", address)
    splits = configs[config]
    paths = splits[pick(splits, source.split, "train", "split", address)]
    if not paths:
        problem = f"has a card that names files which are not there, or cannot be read, for config {config!r}"
        remedy = f"Name the files in the URI, as hf://datasets/org/name/folder, or set `revision` to {CONVERTED}"
        raise SourceFileError(address.name, None, problem, remedy)
    return paths


def _converted(address: Address) -> tuple[Address, Listing]:
    """Return the Parquet-converted branch of a dataset that has no file to read, only code that would make some."""
    if address.revision not in (None, "main"):
        problem = "has no file to read, and its copy as Parquet files exists for the default branch only"
        remedy = f"Leave `revision` out, or set it to {CONVERTED} or one of its commits"
        raise SourceFileError(address.name, None, problem, remedy)
    branch = replace(address, revision=CONVERTED)
    try:
        return branch, ask(branch)
    except SourceFileError as error:
        if not isinstance(error.__cause__, RevisionNotFoundError):
            raise
        problem = "has no file to read, and the Hub has made no copy of it as Parquet files"
        remedy = "Its own loading code is never run: convert the rows to Parquet or JSON Lines, and register those"
        raise SourceFileError(address.name, None, problem, remedy) from error


def _some(listing: Listing) -> str:
    rows = rows_of(listing.files)
    return ", ".join(rows[:5]) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "") if rows else "none"
