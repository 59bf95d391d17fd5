"""Records of one question, one answer and single values beside them: taken in columns, without an object for each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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

    def others(self, records: Iterable[RawRecord], plain: PlainRows) -> Iterator[RawRecord]:
        """Add the plain ones of some records to `plain`, and yield those that only `judged_records` can read."""
        layouts = self._layouts
        for record in records:
            position, value, _ = record
            if type(value) is dict:
                names = tuple(value)
                if names not in layouts:
                    layouts[names] = self._layout(names)
                layout = layouts[names]
                if layout is not None and _take(plain, position, value, layout):
                    continue
            yield record

    def _layout(self, names: tuple[str, ...]) -> _Layout | None:
        return _layout(self._form, self._columns, names) if self._form.name in PLAIN_FORMATS else None


def _take(plain: PlainRows, position: int, record: Record, layout: _Layout) -> bool:
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
