"""Records of one question, one answer and single values beside them: taken in columns, without an object for each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.containers import RawRecord
from mig_dagster.sources.parsed import Format, Record
from mig_dagster.sources.reader import judged_records
from mig_dagster.sources.records import Accepted

PLAIN_FORMATS = frozenset({"alpaca", "question_answer", "prompt_completion"})
"""Where the names of a record's columns decide what becomes of its values, as long as all of them are single values:
which is the question, which the answer, which stands below the question unless it is blank, which goes to `meta`."""

_NO_META: Record = {}
_SINGLE = {str, int, float, bool, type(None)}


@dataclass(slots=True)
class PlainRows:
    """Accepted records that are a user's turn and the assistant's, in columns of equal length.

    Attributes:
        positions: of the records in their file, ascending.
        questions: what the user says.
        answers: what the assistant says.
        metas: the remaining columns.
    """

    positions: list[int] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    metas: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a record has its parts: names of columns; `meta` as pairs of the name there and the column."""

    question: str
    context: str | None
    answer: str
    meta: tuple[tuple[str, str], ...]


class PlainReader:
    """Tells the plain records of a file from the others, by a format and by `columns` as of the source."""

    def __init__(self, form: Format, columns: Mapping[str, str]) -> None:
        self._form = form
        self._columns = columns
        self._layouts: dict[tuple[str, ...], _Layout | None] = {}

    def others(self, parts: Iterable[Sequence[RawRecord]], plain: PlainRows) -> Iterator[RawRecord]:
        """Add the plain ones of some records to `plain`, and yield those that only `judged_records` can read.

        A part whose records have the same columns and are all plain, as nearly all are, takes half the time.
        """
        for part in parts:
            if not self._taken_at_once(part, plain):
                yield from (record for record in part if not self._taken(record, plain))

    def _taken(self, record: RawRecord, plain: PlainRows) -> bool:
        position, value, _ = record
        if type(value) is not dict:
            return False
        layout = self._layout(tuple(value))
        return layout is not None and _take(plain, position, value, layout)

    def _taken_at_once(self, part: Sequence[RawRecord], plain: PlainRows) -> bool:
        positions, values, _ = zip(*part, strict=True)
        if set(map(type, values)) != {dict}:
            return False
        names = tuple(values[0])
        if list(map(tuple, values)).count(names) != len(values):
            return False
        layout = self._layout(names)
        return layout is not None and _take_all(plain, positions, values, layout)

    def _layout(self, names: tuple[str, ...]) -> _Layout | None:
        if names not in self._layouts:
            known = self._form.name in PLAIN_FORMATS
            self._layouts[names] = _layout(self._form, self._columns, names) if known else None
        return self._layouts[names]


def _take(plain: PlainRows, position: int, record: Record, layout: _Layout) -> bool:
    """Add one record, if it is plain."""
    question, answer = record[layout.question], record[layout.answer]
    if type(question) is not str or type(answer) is not str:
        return False
    if layout.context is not None:
        context = record[layout.context]
        if type(context) is not str:
            return False
        if context and not context.isspace():
            question = f"{question}\n{context}"
    if not question or not answer or question.isspace() or answer.isspace() or "\0" in question or "\0" in answer:
        return False
    meta = {name: record[column] for name, column in layout.meta} if layout.meta else _NO_META
    if meta and not _SINGLE.issuperset(map(type, meta.values())):
        return False
    plain.positions.append(position)
    plain.questions.append(question)
    plain.answers.append(answer)
    plain.metas.append(meta)
    return True


def _take_all(plain: PlainRows, positions: Sequence[int], records: Sequence[Record], layout: _Layout) -> bool:
    """Add records of one layout, if all of them are plain: `_take` column by column."""
    questions, answers = _column(records, layout.question), _column(records, layout.answer)
    contexts = [] if layout.context is None else _column(records, layout.context)
    if not {str}.issuperset(map(type, chain(questions, answers, contexts))):
        return False
    if contexts:
        questions = [
            f"{question}\n{context}" if context and not context.isspace() else question
            for question, context in zip(questions, contexts, strict=True)
        ]
    metas = [_column(records, column) for _, column in layout.meta]
    if _any_unfit(questions) or _any_unfit(answers) or not _SINGLE.issuperset(map(type, chain.from_iterable(metas))):
        return False
    plain.positions += positions
    plain.questions += questions
    plain.answers += answers
    names = [name for name, _ in layout.meta]
    rows = zip(*metas, strict=True)
    plain.metas += [dict(zip(names, row, strict=True)) for row in rows] if names else [_NO_META] * len(records)
    return True


def _column(records: Sequence[Record], name: str) -> list[Any]:
    return list(map(itemgetter(name), records))


def _any_unfit(texts: list[str]) -> bool:
    """Return whether a text is blank, or holds U+0000."""
    return not all(texts) or any(map(str.isspace, texts)) or "\0" in "".join(texts)


def _layout(form: Format, columns: Mapping[str, str], names: tuple[str, ...]) -> _Layout | None:
    """Return where records with columns of these names have their parts: the format shows it on a record of marks."""
    marks = {f"\ue000{index}": name for index, name in enumerate(names)}
    record: Any = {name: mark for mark, name in marks.items()}
    (found,) = judged_records(form, [(1, record, None)], "", columns)
    if not isinstance(found, Accepted) or found.conversation.tools is not None:
        return None
    asked, *others = found.conversation.messages
    question, _, context = asked.content.partition("\n")
    answer = others[-1].content if others else ""
    if found.conversation.messages != (Message("user", asked.content), Message("assistant", answer)):
        return None
    used = [question, *([context] if context else []), answer, *found.meta.values()]
    if sorted(map(str, used)) != sorted(marks):  # a column is left out, used twice, or no longer itself
        return None
    meta = tuple((name, marks[mark]) for name, mark in found.meta.items())
    return _Layout(marks[question], marks[context] if context else None, marks[answer], meta)
