"""open-instruct: JSON Lines with `messages` and `dataset_source`, and the line of `--dataset_mixer_list`.

Its supervised fine-tuning hands the template neither tools nor tool calls, so rows with them are refused. Templates
there know no field for reasoning either: where the source keeps it apart, it stands before the answer as `<think>`.
"""

import shlex

import polars as pl

from mig_dagster.conversation import Conversation
from mig_dagster.export.conversations import Codec, NotExpressibleError, Record, read_trainable, trainable
from mig_dagster.export.exported import Exported, Lock, Place, dataset_name, finished
from mig_dagster.export.formats.llama_factory_turns import with_inline_reasoning
from mig_dagster.export.formats.model import BASE_MODEL, FULL_LENGTH
from mig_dagster.export.lines import reread_lines, write_lines


def encode(conversation: Conversation) -> Record:
    """Return the record of a conversation.

    Raises:
        NotExpressibleError: `tools_not_trained`.
    """
    if conversation.tools is not None or any(m.tool_calls or m.role == "tool" for m in conversation.messages):
        raise NotExpressibleError("tools_not_trained")
    return trainable(with_inline_reasoning(conversation))


CODEC = Codec(encode, read_trainable, with_inline_reasoning)


def write(place: Place, rows: pl.DataFrame, lock: Lock) -> Exported:
    """Write the rows; the training command is in the result."""
    name = dataset_name(lock)
    data = f"{name}.jsonl"
    path = place.folder / data
    left_out = write_lines(path, rows, CODEC, beside=lambda row: {"dataset_source": row["source"]})
    command = (
        f"accelerate launch open_instruct/finetune.py --model_name_or_path {BASE_MODEL} --dataset_mixer_list "
        f"{shlex.quote(place.goal(data))} 1.0 --dataset_mixer_list_splits train --max_seq_length {FULL_LENGTH} "
        f"--output_dir saves/{name}"
    )
    return finished(
        "open-instruct",
        place,
        rows,
        lock,
        left_out=left_out,
        reread=reread_lines(path, rows, CODEC, left_out),
        data=[data],
        notes=["in --dataset_mixer_list 1.0 is every row, and 1 is one row"],
        commands=[command],
    )
