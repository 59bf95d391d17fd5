"""Datasets that a search of the Hugging Face Hub finds, and what the Hub says of one."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetInfo, HfApi, constants
from huggingface_hub.errors import EntryNotFoundError

from mig_dagster.sources.discovery.found import DiscoveryError, Findings, Found, Look
from mig_dagster.sources.discovery.rules import SIZES, HubSearch
from mig_dagster.sources.hub.address import parse_address
from mig_dagster.sources.hub.problems import FAILURES, problem
from mig_dagster.sources.records import SourceFileError

LOOKED_AT = 1000
"""One look at a search ends after so many datasets, which the Hub gives in 1 to 10 pages, each a request."""
CARD_CHARACTERS = 20_000
"""How much of a dataset card is kept."""

_REMEDY = "nothing was changed on account of that; check the network, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE"


def find_on_hub(search: HubSearch, _: Look) -> Findings:
    """Search the Hub.

    With `min_likes` the most liked come first, and nothing is missed as long as no more than `LOOKED_AT` datasets have
    that many; else the newest come first, and what is older than the `LOOKED_AT` newest is never found.

    Raises:
        DiscoveryError: the Hub does not answer, or refuses to.
    """
    looked_at = 0
    matches = []
    for info in _answers(search):
        if search.min_likes and (info.likes or 0) < search.min_likes:
            break  # the most liked came first
        looked_at += 1
        found = _found(info)
        if not info.disabled and _matches(found, search):
            matches.append(found)
    capped = f"the search has more than the {LOOKED_AT:,} datasets that were looked at; narrow it"
    return Findings(tuple(matches), notes=(capped,) if looked_at == LOOKED_AT else ())


def described(found: Found) -> Found:
    """Return a find on the Hub with its dataset card; at most three requests.

    What the Hub does not give away, such as the card of a repo that needs a token, is left out; `details` says why.
    """
    try:
        address = parse_address(found.uri)
    except SourceFileError as error:
        return Found(found.uri, found.name, found.licence, {**found.details, "problem": str(error)})
    try:
        if "sha" not in found.details:
            about = _found(HfApi().dataset_info(address.repo, revision=address.revision))
            found = Found(found.uri, found.name, about.licence, about.details)
        path = HfApi().hf_hub_download(address.repo, "README.md", repo_type="dataset", revision=found.details["sha"])
    except (*FAILURES, OSError) as error:
        told = {} if isinstance(error, EntryNotFoundError) else {"problem": str(problem(error, address))}
        return Found(found.uri, found.name, found.licence, {**found.details, **told})
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return Found(found.uri, found.name, found.licence, found.details, text[:CARD_CHARACTERS])


def _answers(search: HubSearch) -> Iterator[DatasetInfo]:
    try:
        yield from HfApi().list_datasets(
            filter=list(search.tags),
            author=search.author,
            task_categories=search.task,
            # Of several filters the Hub wants all to hold: only one size can be left to it.
            size_categories=search.sizes[0] if len(search.sizes) == 1 else None,
            search=search.search,
            sort="likes" if search.min_likes else "created_at",
            limit=LOOKED_AT,
            # Not the lists of files, which are most of a full answer.
            expand=[
                "cardData",
                "createdAt",
                "disabled",
                "gated",
                "lastModified",
                "likes",
                "sha",
                "tags",
                "usedStorage",
            ],
        )
    except FAILURES as error:
        raise DiscoveryError(f"the Hub cannot be searched ({' '.join(str(error).split())[:300]}); {_REMEDY}") from error


def _found(info: "DatasetInfo") -> Found:
    tags = info.tags or []
    card = dict(info.card_data.__dict__) if info.card_data else {}
    sizes = [tag.removeprefix("size_categories:") for tag in tags if tag.startswith("size_categories:")]
    licences = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    parts = _parts(card)
    page = f"{constants.ENDPOINT}/datasets/{info.id}"
    details = {
        "sha": info.sha,
        "page": page,
        "likes": info.likes,
        "gated": info.gated or False,
        "last_modified": _time(info.last_modified),
        "created_at": _time(info.created_at),
        "rows": _total(parts, "num_examples", nested="splits"),
        "bytes": _total(parts, "download_size") or info.used_storage,
        "sizes": [size for size in sizes if size in SIZES],
        "card": card,
    }
    if info.gated:
        details["remedy"] = f"accept the terms at {page} and set HF_TOKEN to a token of the account that did"
    return Found(f"hf://datasets/{info.id}", info.id, ", ".join(licences) or None, details)


def _parts(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the configurations that a card describes; it is written by hand, so each may be anything."""
    described = card.get("dataset_info") or []
    return [part for part in (described if isinstance(described, list) else [described]) if isinstance(part, Mapping)]


def _total(parts: list[Mapping[str, Any]], key: str, nested: str | None = None) -> int | None:
    """Return a sum over the configurations of a card, None where one of them does not state it."""
    lines = [line for part in parts for line in (part.get(nested) or [{}] if nested else [part])]
    numbers = [line.get(key) if isinstance(line, Mapping) else None for line in lines]
    whole = [number for number in numbers if isinstance(number, int)]
    return sum(whole) if whole and len(whole) == len(numbers) else None


def _matches(found: Found, search: HubSearch) -> bool:
    """Return whether a dataset keeps within the limits that the Hub cannot check itself; what is not known does not."""
    details = found.details
    licences = {licence.strip().casefold() for licence in (found.licence or "").split(",")}
    allowed = {licence.casefold() for licence in search.licences}
    return (
        (not allowed or (bool(found.licence) and licences <= allowed))
        and (not search.sizes or bool(set(search.sizes) & set(details["sizes"])))
        and _within(details["rows"], search.min_rows, search.max_rows)
        and _within(details["bytes"], None, search.max_bytes)
    )


def _within(number: int | None, least: int | None, most: int | None) -> bool:
    if least is None and most is None:
        return True
    return number is not None and (least or 0) <= number <= (float("inf") if most is None else most)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
