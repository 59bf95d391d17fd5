"""Datasets that a list names: a text file with one URI a line, or a YAML file with a list of them."""

import posixpath

import yaml

from mig_dagster.conversation import hash_text
from mig_dagster.sources.discovery.found import DiscoveryError, Findings, Found, Look, looking
from mig_dagster.sources.discovery.rules import ListFile
from mig_dagster.sources.discovery.settling import changed_at, is_settled
from mig_dagster.sources.locations import file_system, open_binary
from mig_dagster.sources.registry import NO_PASSWORD, holds_password

LIST_BYTES = 4 << 20
"""A longer file is no list of datasets, but data."""


def find_in_list(listed: ListFile, look: Look) -> Findings:
    """Read a list; what follows ` #` or stands on a line that begins with `#` is a comment.

    A list that changed just now is read at the next look: an editor may still be writing it.

    Raises:
        DiscoveryError: the list cannot be read, or a line is no URI and no path; the message names the line.
    """
    text, changed = _text(listed.uri)
    marks = {listed.uri: hash_text(text)[:16]}
    if not is_settled(listed.uri, marks[listed.uri], [changed], look):
        return Findings((), waiting=(posixpath.basename(listed.uri),), marks=marks)
    entries = _yaml(text, listed.uri) if listed.uri.lower().endswith((".yaml", ".yml")) else _lines(text)
    found: dict[str, Found] = {}
    for line, entry in entries:
        uri = _absolute(entry, listed.uri, line)
        found.setdefault(uri, Found(uri, _name(uri)))
    return Findings(tuple(found.values()), present=frozenset(found), marks=marks)


def _text(uri: str) -> tuple[str, float | None]:
    """Return the text of a list and when it changed."""
    with looking(f"{uri}: the list cannot be read", "check the path, who may read it, and that it is UTF-8"):
        fs, path = file_system(uri)
        fs.invalidate_cache()
        changed = changed_at(fs.info(path))
        with open_binary(uri) as file:
            data: bytes = file.read(LIST_BYTES + 1)
        if len(data) > LIST_BYTES:
            raise DiscoveryError(
                f"{uri}: is longer than {LIST_BYTES >> 20} MB, so it is no list; to watch data, use `folder`"
            )
        return data.decode("utf-8-sig"), changed


def _lines(text: str) -> list[tuple[int, str]]:
    plain = (line.strip() for line in text.split("\n"))
    cut = (
        (number, "" if line.startswith("#") else line.split(" #")[0].strip()) for number, line in enumerate(plain, 1)
    )
    return [(number, line) for number, line in cut if line]


def _yaml(text: str, uri: str) -> list[tuple[int, str]]:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise DiscoveryError(f"{uri}: is not valid YAML: {' '.join(str(error).split())}") from error
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise DiscoveryError(f"{uri}:{root.start_mark.line + 1}: expected a list of URIs, each after a dash")
    for node in root.value:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise DiscoveryError(f"{uri}:{node.start_mark.line + 1}: expected a URI or a path")
    return [(node.start_mark.line + 1, node.value.strip()) for node in root.value]


def _absolute(entry: str, listed: str, line: int) -> str:
    """Return a URI as it stands, and a relative path as seen from the folder of the list."""
    if not entry.isprintable():
        raise DiscoveryError(f"{listed}:{line}: {entry!r} is no URI and no path: it holds control characters")
    if holds_password(entry):
        raise DiscoveryError(f"{listed}:{line}: the URI {NO_PASSWORD}")
    if "://" in entry:
        return entry.rstrip("/")
    if posixpath.isabs(entry):
        return posixpath.normpath(entry)
    if "://" in listed:
        return f"{posixpath.dirname(listed)}/{entry}".rstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(listed), entry))


def _name(uri: str) -> str:
    """Return `org/name` of a dataset on the Hub, and the last part of any other URI."""
    if uri.startswith("hf://datasets/"):
        return "/".join(uri.removeprefix("hf://datasets/").split("@")[0].split("/")[:2])
    return uri.rsplit("/", 1)[-1]
