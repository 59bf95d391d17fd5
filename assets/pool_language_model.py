"""The pool's own language model: trained once, when there is a pool, and kept until somebody asks for another."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl

from assets import metadata as shown
from assets.checks import Result, holds
from assets.declare import pool_asset
from assets.frozen import when_missing
from assets.options import Options
from assets.plots import curve
from assets.progress import now_and_then
from assets.recorded import Outcome, inputs_of
from mig_dagster.annotations.pretraining import OnTraining, TrainingProgress, TrainingReport, TrainingSettings
from mig_dagster.stages.pool_language_model import train_pool_language_model, write_named_model
from mig_dagster.storage import Manifest
from resources.home import MigHome
from resources.models import Models

CHECKS = {"better_than_unigram": "held-out text is predicted better than by how often each token occurs"}
_DEFAULT = TrainingSettings()


class TrainingConfig(Options):
    """What the model is shown, how large it is, and for how long it is trained."""

    seed: int = _DEFAULT.seed
    """Of the sample, the first weights and the order of the documents."""
    conversations: int = _DEFAULT.conversations
    """The most conversations in the sample."""
    characters: int = _DEFAULT.characters
    """The most characters in the sample."""
    vocabulary: int = _DEFAULT.vocabulary
    """Pieces of the tokenizer, at least 300."""
    layers: int = _DEFAULT.layers
    """Of the transformer."""
    width: int = _DEFAULT.width
    """Of its hidden states, a multiple of 2 * `heads`."""
    heads: int = _DEFAULT.heads
    """Of its attention."""
    sequence_tokens: int = _DEFAULT.sequence_tokens
    """Tokens of a training sequence."""
    batch_sequences: int = _DEFAULT.batch_sequences
    """Sequences of one step."""
    steps: int = _DEFAULT.steps
    """The most steps; a small pool gets fewer."""
    learning_rate: float = _DEFAULT.learning_rate
    """The highest, after warm-up."""


@pool_asset(
    "annotations",
    kinds={"pytorch", "huggingface"},
    code_version="1",
    blocking=CHECKS,
    pool="gpu",
    condition=when_missing(),
)
def pool_language_model(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    home: MigHome,
    models: Models,
    raw_pool: pl.LazyFrame,
) -> Outcome:
    """A tokenizer and a tiny causal language model, trained on a sample of the pool. Only a person has it made again.

    New sources and revisions leave it alone, so that a new source's IFD and perplexity are scored and no others. Where
    the options name a language model nothing is trained, and this is empty.
    """
    if (named := models.options.language_model) is not None:
        manifest = write_named_model(home.lake, named.model, inputs_of(context))
        instead = holds("better_than_unigram", True, f"not trained: the options name {named.model}")
        return replace(Outcome.of(manifest, [instead], {"named": named.model}), frozen=True)
    settings = TrainingSettings(**config.model_dump())
    progress = logged_training(context.log.info)
    manifest, report = train_pool_language_model(
        home.lake, raw_pool, settings, inputs=inputs_of(context), progress=progress
    )
    found = _of_training(manifest, report)
    outcome = Outcome.of(manifest, [better_than_unigram(report)], found, report.seconds)
    return replace(outcome, frozen=True)


def better_than_unigram(report: TrainingReport) -> Result:
    """Check that something was learned."""
    found = (
        f"perplexity of {report.perplexity:.4g} on {report.held_out} held-out conversations, against "
        f"{report.unigram_perplexity:.4g} of counting tokens"
    )
    remedy = "" if report.better_than_unigram else ": add sources, or name a language model in the options"
    return holds("better_than_unigram", report.better_than_unigram, found + remedy)


def logged_training(log: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> OnTraining:
    """Return what training may call after every step: now and then a line goes to the log.

    Args:
        log: takes a line.
        clock: seconds; for tests.
    """
    due = now_and_then(clock)

    def report(now: TrainingProgress) -> None:
        if not due():
            return
        log(
            f"{now.step:,} of {now.of_steps:,} steps trained, loss {now.loss:.3f}, {now.tokens_per_second:,.0f} tokens "
            f"a second, {now.seconds_left:,.0f} s left at this rate"
        )

    return report


def _of_training(manifest: Manifest, report: TrainingReport) -> dict[str, Any]:
    sample = {
        "trained on": report.conversations,
        "held out": report.held_out,
        "characters": report.characters,
        "tokens": report.tokens,
        "tokens read": report.trained_tokens,
    }
    sizes = {"vocabulary": report.vocabulary, "parameters": report.parameters, "steps": report.steps}
    return {
        "perplexity": report.perplexity,
        "unigram_perplexity": report.unigram_perplexity,
        "byte_perplexity": report.byte_perplexity,
        "unigram_byte_perplexity": report.unigram_byte_perplexity,
        "training_loss": curve(report.losses, what="loss", over="steps"),
        "sample": shown.counts("sample", sample, of="number"),
        "model": shown.counts("of", sizes, of="number"),
        "trained_on": shown.table(["source", "data version"], [[*line] for line in _sources(manifest)]),
        "training_seconds": report.seconds,
        "threads": report.threads,
    }


def _sources(manifest: Manifest) -> list[tuple[str, str]]:
    """Return what the model was trained on: these versions, whatever became of them since."""
    return [(name.removeprefix("raw_pool/"), version) for name, version in sorted(manifest.inputs.items())]
