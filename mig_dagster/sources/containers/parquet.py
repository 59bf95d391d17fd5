"""Parquet, one batch of rows at a time; what JSON cannot hold is written the way JSON would."""

import base64
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.records import SourceFileError

MAGIC = b"PAR1"
_BATCH_ROWS = 512
_UNREADABLE = (ValueError, OverflowError, LookupError)  # invalid text, dates beyond Python's, unknown time zones
# Objects with keys of their own in every row: a Parquet struct gives each row the keys of all, null where absent.
_OWN_KEYS = frozenset({"arguments", "parameters", "tools", "functions"})


def read_rows(file: IO[bytes], uri: str) -> Iterator[tuple[int, Any, str | None]]:
    """Yield every row: (its number from 1, a dict, None), or (its number, its `Defect`, its text).

    Raises:
        SourceFileError: the file is not Parquet, or is damaged.
    """
    position = 0
    try:
        # Small batches without read-ahead: rows of long conversations take megabytes.
        table = pq.ParquetFile(file, pre_buffer=False)
        _check_names(table.schema_arrow.names, uri)
        kind = pa.struct(table.schema_arrow)
        as_json = None if _is_json(kind) else _as_json
        pruned = _has_own_keys(kind)
        for batch in table.iter_batches(batch_size=_BATCH_ROWS):
            for row in _rows_of(batch):
                position += 1
                if isinstance(row, Defect):
                    yield position, row, ""
                    continue
                present = _present(row) if pruned else row
                value = present if as_json is None else _converted(present, as_json)
                yield position, value, None if isinstance(value, dict) else _shown(row)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        problem = f"is not readable as Parquet ({error})"
        place = f"after row {position}" if position else None
        raise SourceFileError(
            uri, place, problem, "Download the file again, or give it the name of what it is"
        ) from error


@contextmanager
def seekable_copy(head: bytes, file: IO[bytes]) -> Iterator[IO[bytes]]:
    """Unpack a stream whose head was read before to an unnamed temporary file: Parquet is read from its end."""
    with tempfile.TemporaryFile() as copy:
        copy.write(head)
        shutil.copyfileobj(file, copy, 1 << 20)
        copy.seek(0)
        yield copy


def _check_names(names: list[str], uri: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SourceFileError(uri, None, f"has more than one column named {repeated}", "Rename the columns")


def _rows_of(batch: pa.RecordBatch) -> list[dict[str, Any]] | list[dict[str, Any] | Defect]:
    """Return rows as Python values; what Python has no value for costs its row."""
    try:
        return batch.to_pylist()
    except _UNREADABLE:
        return [_row_of(batch.slice(index, 1)) for index in range(batch.num_rows)]


def _row_of(row: pa.RecordBatch) -> dict[str, Any] | Defect:
    try:
        return row.to_pylist()[0]
    except UnicodeDecodeError as error:
        return Defect("invalid_utf8", f"a text of the row: {error}")
    except _UNREADABLE as error:
        return Defect("unreadable_value", str(error))


def _is_json(kind: pa.DataType) -> bool:
    """Return whether every value of an Arrow type is a JSON value as it stands: floats may be NaN, so they are not."""
    if pa.types.is_struct(kind):
        return all(_is_json(kind.field(index).type) for index in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_dictionary(kind):
        return _is_json(kind.value_type)
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_boolean, pa.types.is_null)
    return any(test(kind) for test in tests)


def _has_own_keys(kind: pa.DataType, inside: bool = False) -> bool:
    """Return whether an Arrow type has a struct under one of the names `_OWN_KEYS`."""
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return inside or any(_has_own_keys(field.type, field.name in _OWN_KEYS) for field in fields)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _has_own_keys(kind.value_type, inside)
    return False


def _present(value: Any, inside: bool = False) -> Any:
    """Return a value without the null keys of the objects under `_OWN_KEYS`."""
    if isinstance(value, list):
        return [_present(item, inside) for item in value]
    if isinstance(value, dict):
        return {
            key: _present(item, inside or key in _OWN_KEYS)
            for key, item in value.items()
            if not (inside and item is None)
        }
    return value


def _converted(row: dict[str, Any], as_json: Callable[[Any], Any]) -> Any:
    try:
        return as_json(row)
    except Defect as defect:
        return defect


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Defect("not_a_number", str(value))
        return value
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):  # a map comes as a list of pairs
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        return _text_of(value)
    return str(value)


def _text_of(value: bytes) -> str:
    """Return text that its writer did not mark as text, as Spark and Impala once did; else base64."""
    if b"\0" not in value:
        with suppress(UnicodeDecodeError):
            return value.decode()
    return base64.b64encode(value).decode()


def _shown(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)
