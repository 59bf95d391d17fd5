"""The indicators of InstructMining by name, and which part of the project or which model gives each."""

from collections.abc import Mapping
from typing import TypeVar

CONSTANT = "constant"
"""The term of a rule that no indicator goes with, beta_0."""

INDICATORS = {
    "rew": "the logit of a reward model for (instruction, response): annotate with a reward model",
    "len": "tokens of instruction and response: annotate with the `indicators` annotator and the model's tokenizer",
    "output_len": "tokens of the response: annotate with the `indicators` annotator and the model's tokenizer",
    "knn_6": "the distance to the 6th nearest other row: call `mig_dagster.selection.neighbours.knn_distances` on the "
    "row_embeddings of the pool (of all of it: a source more changes every row's)",
    "und": "UniEval-dialog's understandability of the response: annotate with MingZhong/unieval-dialog",
    "nat": "UniEval-dialog's naturalness of the response: annotate with MingZhong/unieval-dialog",
    "coh": "UniEval-dialog's coherence of the response with the instruction: annotate with MingZhong/unieval-dialog",
    "ppl": "exp of the mean token loss of the response: annotate with a causal language model",
    "mtld": "lexical diversity, threshold 0.72: annotate with the `indicators` annotator",
}
"""Canonical name -> what it is and what gives it (indicators of InstructMining's papers; rules use some of them)."""

_T = TypeVar("_T")


def by_name(values: Mapping[str, _T], argument: str) -> dict[str, _T]:
    """Return the values under their names in lower case, in the same order.

    Args:
        values: by name in any case.
        argument: what holds them, for the message.

    Raises:
        ValueError: if two names differ in case only. TypeError if a name is no str.
    """
    named: dict[str, _T] = {}
    for name, value in values.items():
        if not isinstance(name, str):
            raise TypeError(f"{argument} must have names of type str, got {name!r}")
        if name.lower() in named:
            raise ValueError(f"{argument} must have each name once in any case, got {name!r} twice; rename one")
        named[name.lower()] = value
    return named
