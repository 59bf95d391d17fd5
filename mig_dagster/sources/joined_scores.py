"""Scores that stand in a file of their own, as OpenDataArena publishes them: joined to the records of the same `id`."""

import json
from collections.abc import Mapping
from typing import Any

from mig_dagster.sources.containers import BLANK, raw_records
from mig_dagster.sources.fields import kind_of
from mig_dagster.sources.files import score_files
from mig_dagster.sources.parsed import Record, attach
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.records import SourceFileError
from mig_dagster.sources.registry import Source

KEY = "id"
_ONE_EACH = 'Give each record of the file one line, as {"id": 7, "scores": {...}}'


class JoinedScores:
    """The columns of a source's scores by `id`, as JSON text: an object for each would take several times the memory.

    Attributes:
        uri: where they stand; None where the source names none.
        joined: how many records got columns so far.
    """

    def __init__(self, uri: str | None, columns: Mapping[str, str]) -> None:
        self.uri = uri
        self.joined = 0
        self._columns = columns

    def join(self, meta: Record) -> Record:
        """Return a record's remaining columns with those of its `id`; of equal names its own get a prefix `source_`."""
        text = self._columns.get(_key(meta.get(KEY)) or "") if self._columns else None
        if text is None:
            return meta
        self.joined += 1
        both = dict(meta)
        for name, value in json.loads(text).items():
            attach(both, name, value)
        return both

    def join_all(self, metas: list[Record]) -> list[Record]:
        """Return what `join` returns of each."""
        return [self.join(meta) for meta in metas] if self._columns else metas

    def check(self, accepted: int) -> None:
        """Refuse scores of which none found its record, where there were records.

        Raises:
            SourceFileError: that is so.
        """
        if self.uri is not None and accepted and not self.joined:
            problem = (
                f"has {len(self._columns)} ids, and none of the {accepted} accepted records has one as its `{KEY}`"
            )
            raise SourceFileError(self.uri, None, problem, "Check that both files belong together")

    def info(self) -> dict[str, Any]:
        """Return the counts, JSON-ready; {} where the source names no scores."""
        return {} if self.uri is None else {"scores": {"ids": len(self._columns), "joined": self.joined}}


def joined_scores(source: Source) -> JoinedScores:
    """Read the scores of a source, none where it names none.

    Raises:
        SourceFileError: a file cannot be read, a record of it is no object with an `id`, or two say different things of
            one `id`.
    """
    columns: dict[str, str] = {}
    for file in score_files(source):
        for position, value, _ in raw_records(file.uri):
            if value is BLANK:
                continue
            key, text = _line(file.uri, position, value)
            if columns.setdefault(key, text) != text:
                problem = f"says something else of {KEY} {key!r} than a record before it"
                raise SourceFileError(file.uri, f"record {position}", problem, "Keep one of the two")
    return JoinedScores(source.scores, columns)


def _line(uri: str, position: int, value: Any) -> tuple[str, str]:
    if not isinstance(value, dict):
        found = str(value) if isinstance(value, Defect) else kind_of(value)
        raise SourceFileError(uri, f"record {position}", f"is no object with scores: {found}", _ONE_EACH)
    key = _key(value.get(KEY))
    if key is None:
        raise SourceFileError(uri, f"record {position}", f"has no `{KEY}` that is a number or text", _ONE_EACH)
    rest = {name: column for name, column in value.items() if name != KEY}
    return key, json.dumps(rest, sort_keys=True, ensure_ascii=False)


def _key(value: Any) -> str | None:
    """Return an id as text: one file may write it as a number and the other in quotes."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value)
