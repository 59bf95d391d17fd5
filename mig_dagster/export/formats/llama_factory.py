"""LLaMA-Factory 0.9.5: JSON Lines, the entry of `dataset_info.json` that keeps every role, and a training file."""

import json
import shlex
from typing import Any

import polars as pl
import yaml

from mig_dagster.export.conversations import LeftOut
from mig_dagster.export.exported import Exported, Lock, Place, dataset_name, finished
from mig_dagster.export.formats.llama_factory_turns import CODEC, ROLES, WITHOUT_TOOLS
from mig_dagster.export.formats.model import BASE_MODEL, FULL_LENGTH
from mig_dagster.export.lines import reread_lines, write_lines
from mig_dagster.export.tables import Shape, shape_of

INFO = "dataset_info.json"
_USER, _ASSISTANT, _RESULT, _CALL, _SYSTEM = ROLES
TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": _USER,
    "assistant_tag": _ASSISTANT,
    "observation_tag": _RESULT,
    "function_tag": _CALL,
    "system_tag": _SYSTEM,
}
"""All of them: where an entry has `tags`, the trainer takes those it does not name for unset."""


def write(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write the rows, and register them beside the data sets that the folder's `dataset_info.json` has already."""
    name, shape = dataset_name(lock), shape_of(rows)
    data = f"{name}.jsonl"
    path = place.folder / data
    left_out = write_lines(path, rows, CODEC if shape.tools else WITHOUT_TOOLS)
    known = registered(place) | {name: entry(data, shape)}
    settings = f"{name}.train.yaml"
    (place.folder / settings).write_text(yaml.safe_dump(training(name, place), sort_keys=False), encoding="utf-8")
    # ASCII: the trainer opens it in the encoding of the machine.
    (place.folder / INFO).write_text(json.dumps(known, indent=2) + "\n", encoding="ascii")
    return finished(
        "llama-factory",
        place,
        rows,
        lock,
        left_out=left_out,
        reread=reread_lines(path, rows, CODEC, left_out),
        data=[data],
        files=[settings, INFO],
        registration=known[name],
        notes=[*place.copied_first, *_notes(shape, lock, left_out)],
        commands=[shlex.join(["llamafactory-cli", "train", place.goal(settings)])],
    )


def entry(data: str, shape: Shape) -> dict[str, Any]:
    """Return what `dataset_info.json` says of a file."""
    columns = {"messages": "messages"} | ({"tools": "tools"} if shape.tools else {})
    return {"file_name": data, "formatting": "sharegpt", "columns": columns, "tags": TAGS}


def registered(place: Place) -> dict[str, Any]:
    """Return the entries that the folder has before this export.

    Raises:
        ValueError: its `dataset_info.json` holds no JSON object.
    """
    try:
        known = json.loads(place.earlier(INFO) or b"{}")
    except ValueError as broken:
        raise ValueError(f"{place.goal(INFO)} is no JSON: {broken}; mend it, or export to another folder") from broken
    if not isinstance(known, dict):
        raise ValueError(f"{place.goal(INFO)} must hold a JSON object of data sets; export to another folder")
    return known


def training(name: str, place: Place) -> dict[str, Any]:
    """Return a training file to start from: every row, LoRA, the data set of this export."""
    return {
        "model_name_or_path": BASE_MODEL,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "dataset_dir": place.target,
        "dataset": name,
        "template": "qwen",
        "cutoff_len": FULL_LENGTH,
        "output_dir": f"saves/{name}",
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 16,
        "learning_rate": 1.0e-4,
        "num_train_epochs": 2.0,
        "lr_scheduler_type": "cosine",
        "bf16": True,
    }


def _notes(shape: Shape, lock: Lock, left_out: LeftOut) -> list[str]:
    notes = []
    if lock.get("nested") and not left_out.rows:
        notes.append("max_samples: k in the training file takes the first k rows: the subset for budget k")
    if not shape.plain:
        notes.append(
            "text and reasoning beside tool calls stand before <tool_call>, which the templates with other marks of "
            "their own (lfm2) do not read; reasoning apart from an answer stands before it as <think>"
        )
    return notes
