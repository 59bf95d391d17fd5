"""What came with rows first, then what came with other copies of the same conversation, and only then an annotator."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import blank, distinct_rows
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports.importer import Imported

Values: TypeAlias = Mapping[str, Any]


def imported_first(
    rows: Iterable[Row],
    imports: Sequence[Imported],
    rest: Callable[[Sequence[Row]], Annotations],
    cache: FragmentCache | None = None,
) -> Annotations:
    """Annotate each distinct row: by what came with it, else by what came with another copy of it, else by `rest`.

    Values that came with rows are kept in the cache under their importer, so that a copy of the conversation in a
    source that is annotated later gets them too. A row's own value counts before that of a copy; of two copies the one
    that was read first. What is wrong with one copy's value is no matter of the others.

    Args:
        rows: may repeat a `row_id`; the first counts.
        imports: whose values count; of two in one row the first.
        rest: annotates distinct rows for which nothing came, one line each, in their order; may get none.
        cache: None shares nothing between sources.

    Returns:
        The columns of `rest`. A column of which an imported value says nothing is NaN, None or 0 there.

    Raises:
        CacheError: a fragment of the cache is corrupt.
    """
    distinct = distinct_rows(rows)
    found = _own(distinct, imports)
    if cache is not None:
        for imported in imports:
            _share(distinct, imported, found, cache)
    todo = [i for i in range(len(distinct)) if i not in found]
    return _merged(distinct, found, todo, rest([distinct[i] for i in todo]))


def not_scored(annotator: Annotator, columns: Columns) -> Callable[[Sequence[Row]], Annotations]:
    """Return a `rest` for signals that are imported only: every row is flagged `not_scored`.

    Args:
        annotator: who was asked.
        columns: of the signal, empty.
    """

    def rest(rows: Sequence[Row]) -> Annotations:
        n = len(rows)
        return Annotations(
            [row.row_id for row in rows],
            {name: blank(column, n) for name, column in columns.items()},
            [annotator.fingerprint] * n,
            ["imported"] * n,
            ["not_scored"] * n,
            {annotator.fingerprint: annotator} if n else {},
        )

    return rest


_Found: TypeAlias = dict[int, tuple[Annotator, Values | Defect]]


def _own(rows: Sequence[Row], imports: Sequence[Imported]) -> _Found:
    """Return what came with each row, by position."""
    found: _Found = {}
    for i, row in enumerate(rows):
        for imported in imports:
            if (value := imported.read(row)) is not None:
                found[i] = imported.annotator, value
                break
    return found


def _share(rows: Sequence[Row], imported: Imported, found: _Found, cache: FragmentCache) -> None:
    """Keep the values of one importer that the cache does not know, and take those of rows that have none."""
    fingerprint = imported.annotator.fingerprint
    given = {i: v for i, (who, v) in found.items() if who is imported.annotator and not isinstance(v, Defect)}
    asked = [i for i in range(len(rows)) if i in given or i not in found]
    known: set[int] = set()
    for at, batch in cache.load(fingerprint, [rows[i].row_id for i in asked]):
        for line, place in enumerate(at.tolist()):
            i = asked[place]
            known.add(i)
            if i not in found:
                found[i] = imported.annotator, {name: column[line] for name, column in batch.columns.items()}
    if new := [i for i in given if i not in known]:
        columns = {name: [given[i].get(name) for i in new] for name in dict.fromkeys(n for i in new for n in given[i])}
        cache.append(fingerprint, [rows[i].row_id for i in new], Batch(columns, [None] * len(new)))


def _merged(rows: Sequence[Row], found: _Found, todo: Sequence[int], rest: Annotations) -> Annotations:
    n = len(rows)
    assert rest.row_ids == [rows[i].row_id for i in todo], "one line for each row, in their order"
    columns: dict[str, Column] = {name: blank(column, n) for name, column in rest.values.items()}
    signed: list[tuple[str, str, str | None]] = [("", "", None)] * n
    for line, i in enumerate(todo):
        signed[i] = rest.annotators[line], rest.provenance[line], rest.flags[line]
        for name, column in columns.items():
            column[i] = rest.values[name][line]
    used = dict(rest.used)
    for i, (annotator, value) in found.items():
        used[annotator.fingerprint] = annotator
        signed[i] = annotator.fingerprint, "imported", value.flag if isinstance(value, Defect) else None
        if not isinstance(value, Defect):
            for name, column in columns.items():
                if value.get(name) is not None:
                    column[i] = value[name]
    annotators, provenance, flags = (list(part) for part in zip(*signed, strict=True)) if n else ([], [], [])
    row_ids = [row.row_id for row in rows]
    return Annotations(row_ids, columns, annotators, provenance, flags, used, rest.partial, rest.counts)
