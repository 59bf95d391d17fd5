"""Rows to records of each format, and records to the bytes of a file: the same on every run."""

import gzip
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.demo.rows import BlankLine, Malformed, Row, Slot

Record = dict[str, Any]
_FROM = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def question_answer(row: Row) -> Record:
    """Return `question` and `answer`."""
    question, answer = row.conversation.messages
    return {"question": question.content, "answer": answer.content}


def alpaca(row: Row) -> Record:
    """Return `instruction`, `input` (all after the first line) and `output`."""
    question, answer = row.conversation.messages
    instruction, _, context = question.content.partition("\n")
    if not context.strip():
        instruction, context = question.content, ""
    return {"instruction": instruction, "input": context, "output": answer.content}


def prompt_completion(row: Row) -> Record:
    """Return `prompt` and `completion`."""
    question, answer = row.conversation.messages
    return {"prompt": question.content, "completion": answer.content}


def sharegpt(row: Row) -> Record:
    """Return `conversations` of `from`/`value` turns."""
    messages = row.conversation.messages + row.trailing
    return {"conversations": [{"from": _FROM[m.role], "value": m.content} for m in messages]}


def messages(row: Row) -> Record:
    """Return `messages`, and `tools` where there are any; arguments are JSON text, as OpenAI writes them."""
    record: Record = {"messages": [_message(message) for message in row.conversation.messages]}
    if row.conversation.tools is not None:
        record["tools"] = json.loads(row.conversation.tools)
    return record


def _message(message: Message) -> Record:
    if message.tool_calls is None:
        return {"role": message.role, "content": message.content}
    calls = json.loads(message.tool_calls)
    for call in calls:
        call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return {"role": message.role, "content": message.content or None, "tool_calls": calls}


def json_lines(slots: Sequence[Slot], record_of: Callable[[Row], Record]) -> bytes:
    """Return one record a line."""
    return b"".join(_element(slot, record_of) + b"\n" for slot in slots)


def json_array(slots: Sequence[Slot], record_of: Callable[[Row], Record]) -> bytes:
    """Return an array with one element a line."""
    return b"[\n" + b",\n".join(_element(slot, record_of) for slot in slots) + b"\n]\n"


def parquet(slots: Sequence[Slot], record_of: Callable[[Row], Record]) -> bytes:
    """Return a Parquet file with a `messages` column."""
    import pyarrow as pa  # heavy, and only this format needs it
    import pyarrow.parquet as pq

    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    schema = pa.schema([("messages", pa.list_(message))])
    table = pa.Table.from_pylist([_record(slot, record_of) for slot in slots], schema=schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=200, store_schema=False)
    return buffer.getvalue()


def zipped(content: bytes) -> bytes:
    """Return gzip data without a time or a name in its header."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def _record(slot: Slot, record_of: Callable[[Row], Record]) -> Record:
    if isinstance(slot, Row):
        return record_of(slot)
    assert isinstance(slot, Malformed)
    assert isinstance(slot.content, dict)
    return slot.content


def _element(slot: Slot, record_of: Callable[[Row], Record]) -> bytes:
    if isinstance(slot, BlankLine) or (isinstance(slot, Malformed) and isinstance(slot.content, bytes)):
        assert isinstance(slot.content, bytes)
        return slot.content
    return json.dumps(_record(slot, record_of), ensure_ascii=False).encode()
