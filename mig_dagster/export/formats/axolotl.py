"""Axolotl: the conversations, and the `datasets:` entry that trains them with the model's own chat template.

JSON Lines while every turn is a role and a content: all types of such a file are text. With tools or reasoning it is
Parquet (`export/tables.py`), as the types of JSON Lines are guessed from their first 10 MB, where no tool may stand.
Arguments of tool calls are JSON text, which the trainer parses, and `tools` a list, as it asks.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import polars as pl
import yaml

from mig_dagster.conversation import Conversation
from mig_dagster.export.conversations import Codec, NotExpressibleError, Record, read_trainable, trainable
from mig_dagster.export.exported import Exported, Lock, Place, dataset_name, finished
from mig_dagster.export.formats.model import BASE_MODEL, FULL_LENGTH
from mig_dagster.export.formats.trl import JSON_VALUES, REASONING
from mig_dagster.export.lines import reread_lines, write_lines
from mig_dagster.export.tables import VALUES, Shape, reread_table, shape_of, write_table


def encode(conversation: Conversation) -> Record:
    """Return the record of a conversation.

    Raises:
        NotExpressibleError: `tools_not_a_list`, or `calls_not_functions`.
    """
    record = trainable(conversation)
    if not isinstance(record.get("tools", []), list):
        raise NotExpressibleError("tools_not_a_list")
    try:
        record["messages"] = [_with_calls(turn, json.dumps) for turn in record["messages"]]
    except (KeyError, TypeError) as unlike:
        raise NotExpressibleError("calls_not_functions") from unlike
    return record


def decode(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation in a record."""
    turns = [_with_calls(turn, json.loads) for turn in record["messages"]]
    return read_trainable({"messages": turns, "tools": record.get("tools")})


CODEC = Codec(encode, decode)


def write(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write the rows and a training file."""
    name, shape = dataset_name(lock), shape_of(rows)
    lines = shape.plain and not shape.tools
    data, settings = f"{name}.{'jsonl' if lines else 'parquet'}", f"{name}.train.yaml"
    path = place.folder / data
    if lines:
        left_out = write_lines(path, rows, CODEC)
        reread = reread_lines(path, rows, CODEC, left_out)
    else:
        fields = {"messages": shape.turns} | ({"tools": VALUES} if shape.tools else {})
        left_out, _ = write_table(path, rows, CODEC, fields)
        reread = reread_table([path], rows, CODEC, left_out)
    document = training(name, place.goal(data), shape)
    (place.folder / settings).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return finished(
        "axolotl",
        place,
        rows,
        lock,
        left_out=left_out,
        reread=reread,
        data=[data],
        files=[settings],
        registration=document["datasets"][0],
        notes=[] if lines else [JSON_VALUES, REASONING],
        commands=[shlex.join(["axolotl", "train", place.goal(settings)])],
    )


def training(name: str, data: str, shape: Shape) -> dict[str, Any]:
    """Return a training file to start from."""
    dataset = {
        "path": data,
        "ds_type": "json" if data.endswith(".jsonl") else "parquet",
        "split": "train",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    return {
        "base_model": BASE_MODEL,
        "chat_template": "tokenizer_default",
        "datasets": [dataset | ({"field_tools": "tools"} if shape.tools else {})],
        "output_dir": f"saves/{name}",
        "sequence_len": FULL_LENGTH,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 16,
        "num_epochs": 2,
        "learning_rate": 2.0e-5,
        "optimizer": "adamw_torch",
        "lr_scheduler": "cosine",
        "bf16": "auto",
    }


def _with_calls(turn: Mapping[str, Any], change: Any) -> Record:
    """Return a turn with the arguments of its calls changed."""
    calls = turn.get("tool_calls")
    if not calls:
        return dict(turn)
    changed = [{**c, "function": {**c["function"], "arguments": change(c["function"]["arguments"])}} for c in calls]
    return {**turn, "tool_calls": changed}
