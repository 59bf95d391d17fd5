"""What a subset can be exported for: a name, and the function that writes it; a further consumer is one line here."""

from collections.abc import Mapping

from mig_dagster.export.exported import Writer
from mig_dagster.export.formats import axolotl, hf, llama_factory, open_instruct, plain, trl

FORMATS: Mapping[str, Writer] = {
    "llama-factory": llama_factory.write,
    "trl": trl.write,
    "trl-prompt-completion": trl.write_split,
    "axolotl": axolotl.write,
    "open-instruct": open_instruct.write,
    "hf": hf.write,
    "jsonl": plain.write_jsonl,
    "parquet": plain.write_parquet,
}

REASONS: Mapping[str, str] = {
    "turn_order": "after an optional system turn, the trainer wants a question and an answer in turns",
    "tools_not_a_list": "the tools are no JSON list",
    "calls_not_functions": "a tool call has no function with a name and arguments",
    "text_like_markup": "a text holds the trainer's own marks of tool calls or results",
    "tools_not_trained": "the trainer does not show tools, tool calls and results to the model",
    "no_last_answer": "the last turn is no answer, or the only one",
}
"""Why a format may leave a row out."""

__all__ = ["FORMATS", "REASONS"]
