"""Inputs of methods that no part of this pipeline makes, and what is said of them wherever they are asked for."""

from mig_dagster.selection import METHODS, reads

_NEEDED = {
    "ifd_scores": "a causal language model that reads each answer with and without its question",
    "indicators": "a reward model, a tokenizer, sentence embeddings and UniEval, as the rule asks for them",
}


def missing_inputs(method: str) -> list[str]:
    """Return the inputs of a method that nothing makes, in the method's order.

    Args:
        method: a name in `METHODS`.
    """
    return [name for name in reads(METHODS[method]) if name in _NEEDED]


def why_missing(name: str) -> str:
    """Return in one sentence which annotator an input lacks, and what to do.

    Args:
        name: of an input that `missing_inputs` gives.

    Raises:
        LookupError: the pipeline makes that input.
    """
    if name not in _NEEDED:
        raise LookupError(f"{name} is made by this pipeline; only {', '.join(_NEEDED)} are missing")
    return (
        f"{name}: no annotator that makes them is configured: they need {_NEEDED[name]}; until there is one, pass your "
        "own to the function in mig_dagster.selection"
    )
