"""Which files of a dataset repo are its rows: by the card's `configs`, or by the usual layout of repos.

Without `configs` the first of these that fits counts, as for the package `datasets`: files
`data/<split>-00000-of-00001`; files, then folders, with a split's name in theirs; every readable file as "train". The
Parquet-converted branch has `<config>/<split>/<number>.parquet`.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from mig_dagster.sources.hub.address import Address
from mig_dagster.sources.locations import READABLE
from mig_dagster.sources.patterns import below, is_hidden, is_pattern, matching
from mig_dagster.sources.records import SourceFileError

Splits = dict[str, list[str]]
"""A configuration: the files of each split."""

_CARD_HEAD = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_SHARD = re.compile(r"data/(?P<split>\w+(?:\.\w+)*)-\d{5,}-of-\d{5,}[^/]*", re.ASCII)
_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_NAME_FILES = "Name the files in the URI instead: hf://datasets/org/name/folder/*.parquet"
_NO_ROWS = frozenset({"config.json", "dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"})


def card_configs(card: str, address: Address) -> list[dict[str, Any]]:
    """Return the entries of `configs` in a card's YAML head; [] where it has none.

    Raises:
        SourceFileError: the head is no YAML, or `configs` no list of mappings.
    """
    head = _CARD_HEAD.match(card)
    try:
        document = yaml.safe_load(head.group(1)) if head else None
    except yaml.YAMLError as error:
        told = f"has a card whose head is no YAML ({str(error).splitlines()[0]})"
        raise SourceFileError(address.name, None, told, _NAME_FILES) from error
    configs = document.get("configs") if isinstance(document, dict) else None
    if configs is None:
        return []
    if not isinstance(configs, list) or not all(isinstance(entry, dict) for entry in configs):
        raise SourceFileError(address.name, None, "has a card whose `configs` is no list of mappings", _NAME_FILES)
    return configs


def rows_of(paths: Iterable[str]) -> list[str]:
    """Return the files that can hold rows."""
    return [
        path
        for path in paths
        if path.lower().endswith(READABLE) and not is_hidden(path) and posixpath.basename(path) not in _NO_ROWS
    ]


def configurations(paths: Iterable[str], entries: Iterable[Mapping[str, Any]]) -> dict[str, Splits]:
    """Return the files of each configuration and split, as the card's entries or the usual layout say."""
    rows = rows_of(paths)
    declared = {str(entry.get("config_name", "default")): _declared(rows, entry) for entry in entries}
    if declared:
        return declared
    splits = usual_layout(rows)
    return {"default": splits} if splits else {}


def converted_configurations(paths: Iterable[str]) -> dict[str, Splits]:
    """Return the files of each configuration and split on the Parquet-converted branch."""
    found: dict[str, Splits] = {}
    for path in rows_of(paths):
        config, split, *rest = path.split("/")
        if rest:
            found.setdefault(config, {}).setdefault(split, []).append(path)
    return found


def default_config(entries: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the name of the configuration that a card marks as the default one."""
    return next((str(entry.get("config_name", "default")) for entry in entries if entry.get("default") is True), None)


def pick(choices: Mapping[str, Any], wanted: str | None, usual: str | None, what: str, address: Address) -> str:
    """Return the name of the configuration or split to read: the wanted one, the usual one, or the only one.

    Raises:
        SourceFileError: it is not there, or there are several and none is usual; the message names them.
    """
    if wanted is None and usual not in choices and len(choices) == 1:
        return next(iter(choices))
    name = usual if wanted is None else wanted
    if name in choices:
        return str(name)
    known = ", ".join(choices) or "none"
    if wanted is None:
        problem = f"has several {what}s and none that is the default: {known}"
        raise SourceFileError(address.name, None, problem, f"Name one of them as the source's `{what}`")
    raise SourceFileError(address.name, None, f"has no {what} {wanted!r}", f"It has: {known}")


def usual_layout(rows: list[str]) -> Splits:
    """Return the files of each split by their names; {} where there are none."""
    for split_of in (_shard_split, _file_split, _folder_split):
        splits: Splits = {}
        for path in rows:
            if split := split_of(path):
                splits.setdefault(split, []).append(path)
        if splits:
            return splits
    return {"train": rows} if rows else {}


def _shard_split(path: str) -> str | None:
    match = _SHARD.fullmatch(path)
    return match["split"] if match else None


def _file_split(path: str) -> str | None:
    return _named_split(posixpath.basename(path).partition(".")[0])


def _folder_split(path: str) -> str | None:
    return next((split for part in path.split("/")[:-1] if (split := _named_split(part))), None)


def _named_split(name: str) -> str | None:
    """Return the split whose name is a word of a file's or folder's name."""
    words = re.split(r"[\W_\d]+", name.lower())
    return next((split for split, names in _NAMES.items() if not set(names).isdisjoint(words)), None)


def _declared(rows: list[str], entry: Mapping[str, Any]) -> Splits:
    """Return the files of each split of one entry of `configs`."""
    folder = str(entry.get("data_dir") or "").strip("/")
    files = entry.get("data_files")
    if files is None:
        return usual_layout(below(rows, folder))
    splits: Splits = {}
    for split, pattern in _patterns(files):
        path = posixpath.normpath(posixpath.join(folder, pattern))
        chosen = matching(rows, path) if is_pattern(path) else [row for row in rows if row == path] or below(rows, path)
        known = splits.setdefault(split, [])
        known += [row for row in chosen if row not in known]
    return splits


def _patterns(files: Any) -> list[tuple[str, str]]:
    """Return (split, pattern) of what stands under `data_files`: text, a list, or a mapping by split."""
    if isinstance(files, dict):
        if "path" in files:
            return [(str(files.get("split", "train")), str(path)) for path in _listed(files["path"])]
        return [(str(split), str(path)) for split, paths in files.items() for path in _listed(paths)]
    if isinstance(files, list):
        return [pair for item in files for pair in _patterns(item)]
    return [("train", str(files))]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
