"""A dataset repo as the tests' Hub keeps it, and how the Hub's API tells of it."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import Any

import yaml

LARGE = (".parquet", ".gz", ".zst", ".arrow", ".bin")
_TAGGED = ("language", "license", "task_categories", "size_categories")
_CARD = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)


@dataclass
class Repo:
    """A dataset repo: its commits by sha, its branches and tags, and the facts that the API tells of it."""

    name: str
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    likes: int = 0
    downloads: int = 0
    gated: str | bool = False
    private: bool = False
    disabled: bool = False
    created: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    modified: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def sha(self, revision: str) -> str | None:
        """Return the commit that a branch, a tag, a sha or the unique beginning of one means."""
        if revision in self.refs:
            return self.refs[revision]
        found = [sha for sha in self.commits if len(revision) >= 7 and sha.startswith(revision)]
        return found[0] if len(found) == 1 else None

    def card(self, sha: str) -> dict[str, Any]:
        head = _CARD.match(self.commits[sha].get("README.md", b"").decode())
        try:
            return yaml.safe_load(head.group(1)) or {} if head else {}
        except yaml.YAMLError:  # the Hub shows such a card without its facts
            return {}

    def document(self, sha: str, *, blobs: bool) -> dict[str, Any]:
        """Return the info at a commit, as the API has it."""
        card = self.card(sha)
        tags = [
            f"{key.removesuffix('s') if key == 'languages' else key}:{v}" for key in _TAGGED for v in _all(card, key)
        ]
        siblings = [_sibling(path, data, blobs) for path, data in sorted(self.commits[sha].items())]
        return {
            "_id": sha1(self.name.encode()).hexdigest()[:24],
            "id": self.name,
            "author": self.name.partition("/")[0],
            "sha": sha,
            "createdAt": _time(self.created),
            "lastModified": _time(self.modified),
            "private": self.private,
            "gated": self.gated,
            "disabled": self.disabled,
            "likes": self.likes,
            "downloads": self.downloads,
            "tags": tags + self.tags,
            "description": self.commits[sha].get("README.md", b"").decode()[-200:],
            "cardData": card,
            "siblings": siblings,
        }


def _all(card: Mapping[str, Any], key: str) -> list[str]:
    value = card.get(key) or []
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


def _time(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def git_oid(data: bytes) -> str:
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _sibling(path: str, data: bytes, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": path}
    entry = {"rfilename": path, "size": len(data), "blobId": git_oid(data)}
    lfs = {"size": len(data), "sha256": sha256(data).hexdigest(), "pointerSize": 134}
    return entry | ({"lfs": lfs} if path.endswith(LARGE) else {})


def tree_entry(path: str, data: bytes) -> dict[str, Any]:
    lfs = {"oid": sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    entry = {"type": "file", "path": path, "size": len(data), "oid": git_oid(data)}
    return entry | ({"lfs": lfs} if path.endswith(LARGE) else {})
