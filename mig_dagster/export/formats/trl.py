"""TRL: Parquet with `messages` (or `prompt` and `completion`) and `tools`, and the training file of its SFT script.

Types hold for the whole file (`export/tables.py`), `tools` is JSON text, which the trainer parses. Arguments of tool
calls stay objects: templates print text that is handed to them as text, in quotes.
"""

import shlex
from collections.abc import Mapping
from typing import Any

import polars as pl
import yaml

from mig_dagster.conversation import Conversation, embedded_json
from mig_dagster.export.conversations import Codec, LeftOut, NotExpressibleError, Record, read_turn, trainable
from mig_dagster.export.exported import Exported, Lock, Place, dataset_name, finished
from mig_dagster.export.formats.model import BASE_MODEL, FULL_LENGTH
from mig_dagster.export.tables import Shape, reread_table, shape_of, write_table

JSON_VALUES = "its turns have tool calls or reasoning, each turn is a JSON value: needs datasets 4.7 or newer"
REASONING = "chat templates without reasoning_content do not show reasoning that the source keeps apart"


def encode(conversation: Conversation) -> Record:
    """Return the record of a conversation.

    Raises:
        NotExpressibleError: `tools_not_a_list`.
    """
    tools = conversation.tools
    if tools is not None and not isinstance(embedded_json(tools), list):
        raise NotExpressibleError("tools_not_a_list")
    return {"messages": trainable(conversation)["messages"], "tools": tools}


def decode(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation in a record of `encode`."""
    return Conversation(tuple(map(read_turn, record["messages"])), record.get("tools"))


def encode_split(conversation: Conversation) -> Record:
    """Return the record of a conversation whose last answer is what is trained.

    Raises:
        NotExpressibleError: `tools_not_a_list`, or `no_last_answer`.
    """
    *before, last = encode(conversation)["messages"]
    if last["role"] != "assistant" or not before:
        raise NotExpressibleError("no_last_answer")
    return {"prompt": before, "completion": [last], "tools": conversation.tools}


def decode_split(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation in a record of `encode_split`."""
    return decode({"messages": record["prompt"] + record["completion"], "tools": record.get("tools")})


MESSAGES = Codec(encode, decode)
PROMPT_COMPLETION = Codec(encode_split, decode_split)


def write(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write whole conversations: every answer is trained."""
    return _write("trl", place, rows, lock, MESSAGES, ["messages"])


def write_split(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write all before the last answer as `prompt` and that answer as `completion`: it alone is trained."""
    return _write("trl-prompt-completion", place, rows, lock, PROMPT_COMPLETION, ["prompt", "completion"])


def _write(form: str, place: Place, rows: pl.DataFrame, lock: Lock, codec: Codec, turns: list[str]) -> Exported:
    name, shape = dataset_name(lock), shape_of(rows)
    data, settings = f"{name}.parquet", f"{name}.train.yaml"
    fields = conversation_fields(shape, turns)
    path = place.folder / data
    left_out, _ = write_table(path, rows, codec, fields)
    document = training(name, place.goal(data), list(fields))
    (place.folder / settings).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return finished(
        form,
        place,
        rows,
        lock,
        left_out=left_out,
        reread=reread_table([path], rows, codec, left_out),
        data=[data],
        files=[settings],
        registration=document["datasets"][0],
        notes=_notes(shape, lock, left_out),
        commands=[shlex.join(["trl", "sft", "--config", place.goal(settings)])],
    )


def conversation_fields(shape: Shape, turns: list[str]) -> dict[str, Any]:
    """Return the Arrow type of each field; `tools` is JSON text, where a row has any."""
    import pyarrow as pa

    return dict.fromkeys(turns, shape.turns) | ({"tools": pa.string()} if shape.tools else {})


def training(name: str, data: str, columns: list[str]) -> dict[str, Any]:
    """Return a training file to start from, its mixture with one part."""
    return {
        "model_name_or_path": BASE_MODEL,
        "output_dir": f"saves/{name}",
        "datasets": [{"path": "parquet", "data_files": data, "split": "train", "columns": columns}],
        "max_length": FULL_LENGTH,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 16,
        "learning_rate": 2.0e-5,
        "num_train_epochs": 2,
        "bf16": True,
    }


def _notes(shape: Shape, lock: Lock, left_out: LeftOut) -> list[str]:
    notes = [] if shape.plain else [JSON_VALUES, REASONING]
    if lock.get("nested") and not left_out.rows:
        notes.append("split: train[:k] in the training file takes the first k rows: the subset for budget k")
    return notes
