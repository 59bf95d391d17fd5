"""Files become a pool with the signals that the chosen methods read, without Dagster: read, deduplicate, annotate."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.models.shelf import ModelShelf
from mig_dagster.annotations.pretraining import TrainingProgress, TrainingSettings
from mig_dagster.annotations.scoring import TokenProgress
from mig_dagster.graph import Vocabulary
from mig_dagster.graph.merging import Encode
from mig_dagster.pool.deduplicate import pool as without_duplicates
from mig_dagster.pool.ingest import ingest
from mig_dagster.pool.signatures import row_signatures
from mig_dagster.sources import Source, resolve
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.annotate import annotate_source
from mig_dagster.stages.devices import model_device
from mig_dagster.stages.label_space import (
    GRAPH_VALUES,
    NO_LABEL,
    VOCABULARY_VALUES,
    embed_labels,
    embeddings_to_graph,
    tags_to_vocabulary,
    vocabulary_tables,
)
from mig_dagster.stages.pool_language_model import pool_language_model_for
from mig_dagster.stages.pool_options import PoolOptions
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL, SIGNALS
from mig_dagster.stages.signals import Annotators, Signal
from mig_dagster.stages.stored_frames import scan_signal
from mig_dagster.storage import Lake, Manifest, Store

OnStep = Callable[[str, int, int | None], None]
"""Called with (what is being done, how many are done, how many there are or None)."""

FILE_POOLS = "file_pools"
"""Folder of a home in which pools made from files are kept, so that a choice can be explained and run again."""

_COUNTS = ("records", "accepted", "rejected", "blank")


@dataclass(frozen=True)
class FilePool:
    """A pool made from files.

    Attributes:
        frames: the pool, its conversations and the signals asked for.
        lake: where all of it is kept.
        raw: `raw_pool` of each source.
        signals: what annotators said, one manifest for each signal and source.
        made: what was made of rows and signals: `pool`, and `label_vocabulary` and `label_graph` where there are any.
        duplicates: rows left out because another one stands for them.
        encoder: the sentence encoder; it loads its model only when asked.
        notes: what was wanted for measures only and could not be made.
        lacking: why a signal could not be made, by its name.
    """

    frames: PoolFrames
    lake: Lake
    raw: Mapping[str, Manifest]
    signals: Sequence[Manifest]
    made: Sequence[Manifest]
    duplicates: int
    encoder: SentenceEncoder
    notes: Sequence[str] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """Counts of each source: records, accepted, rejected by reason, blank."""
        return {name: {key: manifest.info[key] for key in _COUNTS} for name, manifest in self.raw.items()}

    @property
    def inputs(self) -> dict[str, str]:
        """Data versions of rows, signals and what was made of them, and revisions of the sources."""
        read = [*self.raw.values(), *self.signals, *self.made]
        revisions = {f"source_revisions/{name}": manifest.info["revision"] for name, manifest in self.raw.items()}
        return {manifest.name: manifest.data_version for manifest in read} | revisions


class NoLanguageModelError(ValueError):
    """The rows are too few to train a language model on, and the options name none."""


def file_lake(home: str) -> Lake:
    """Return the lake of a home folder or URI in which pools made from files are kept."""
    return Lake(Store(Store(home).uri(FILE_POOLS)))


def file_pool(
    sources: Sequence[Source],
    needed: Collection[str],
    *,
    measured: Collection[str] = (),
    options: PoolOptions,
    cache: FragmentCache,
    lake: Lake,
    models: Path,
    on_progress: OnStep,
) -> FilePool:
    """Read sources into a pool.

    Args:
        sources: what to read; names must differ.
        needed: inputs of methods, as `mig_dagster.selection.reads` lists them; without them there is no pool.
        measured: inputs that measures are made from; a label space without labels is left out and noted.
        options: how.
        cache: what models said before is not computed again.
        lake: where the pool is kept; nothing in it is published, and a pool that is there already takes no more room.
        models: folder where language models that were trained on pools are kept.
        on_progress: told what is being done.

    Raises:
        SourceFileError: a file cannot be read.
        ValueError: no row was accepted, or an option is wrong.
        ModelError: the sentence encoder's model cannot be had.
    """
    making = _Making(lake, sorted(source.name for source in sources), options, cache, models, on_progress)
    wanted = {*needed, *measured}
    making.check(wanted)
    raw = {source.name: making.ingest(source) for source in sorted(sources, key=lambda source: source.name)}
    _check_accepted(raw)
    rows, duplicates = making.pool(sources)
    signals, lacking = making.annotations(wanted)
    frames = making.frames(rows, wanted, needed, signals)
    notes: list[str] = []
    if "label_graph" in wanted and frames.edges is None:
        lacking["label_graph"] = NO_LABEL
        notes.append(NO_LABEL)
    encoder = making.annotators.encoder
    return FilePool(frames, lake, raw, signals, making.made, duplicates.height, encoder, notes, lacking)


def _check_accepted(raw: Mapping[str, Manifest]) -> None:
    """Say at once why there is nothing to choose from, not after the models have been loaded."""
    if not any(manifest.rows for manifest in raw.values()):
        reasons: Counter[str] = sum((Counter(manifest.info["rejected"]) for manifest in raw.values()), Counter())
        counts = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        raise ValueError(
            f"no row was accepted ({counts or 'every record is blank'}): try `mig-dagster sources check` on it"
        )


@dataclass(frozen=True)
class _Making:
    """The steps from files to a pool."""

    lake: Lake
    names: Sequence[str]
    options: PoolOptions
    cache: FragmentCache
    models: Path
    on_progress: OnStep
    shelf: ModelShelf = field(default_factory=ModelShelf)
    raw: dict[str, Manifest] = field(default_factory=dict)
    made: list[Manifest] = field(default_factory=list)

    @cached_property
    def annotators(self) -> Annotators:
        """What the options ask for; the pool's own language model is trained when the first signal needs it."""
        device = model_device(self.options.device)
        return Annotators(self.options, self.shelf, self.cache, device, self._language_model, self._told)

    def _language_model(self) -> Path:
        def report(now: TrainingProgress) -> None:
            self.on_progress("training the pool's language model", now.step, now.of_steps)

        try:
            return pool_language_model_for(self.raw_pool(*self.names), self.models, TrainingSettings(), report)
        except ValueError as problem:
            raise NoLanguageModelError(f"{problem} as `language_model` in --config") from problem

    def _told(self, now: TokenProgress) -> None:
        self.on_progress(f"{now.annotator.name} ({now.annotator.model})", now.items, now.of_items)

    def ingest(self, source: Source) -> Manifest:
        def report(done: int) -> None:
            self.on_progress(f"reading {source.name}", done, None)

        manifest = ingest(source, resolve(source), self.lake, on_progress=report)
        self.raw[source.name] = manifest
        return manifest

    def raw_pool(self, *names: str) -> pl.LazyFrame:
        return self.lake.scan_versions([self.raw[name] for name in names])

    def pool(self, sources: Sequence[Source]) -> tuple[pl.DataFrame, pl.DataFrame]:
        self.on_progress("looking for duplicates", 0, None)
        signatures = pl.concat([row_signatures(self.raw_pool(name)) for name in self.names])
        rows, duplicates = without_duplicates(signatures.lazy(), {source.name: source.priority for source in sources})
        read = {manifest.name: manifest.data_version for manifest in self.raw.values()}
        self.made.append(self.lake.write("pool", {"rows": rows, "duplicates": duplicates}, inputs=read))
        return rows, duplicates

    def signals(self, needed: Collection[str]) -> list[str]:
        """Return the signals behind some inputs: labels come from tags, distances to neighbours from embeddings."""
        behind = {"label_graph": ["tags"], "indicators": ["indicators", "row_embeddings"]}
        wanted = {signal for name in needed for signal in behind.get(name, [name])}
        return [name for name in SIGNALS if name in wanted]

    def check(self, wanted: Collection[str]) -> None:
        """Refuse options that lack something before an hour of annotation; what trains a model is left for later."""
        for name in self.signals(wanted):
            if name not in BY_LANGUAGE_MODEL:
                self.annotators.signal(name)

    def annotations(self, wanted: Collection[str]) -> tuple[list[Manifest], dict[str, str]]:
        """Return what annotators said, and why a signal is not there: some rows are too few for a language model."""
        made: list[Manifest] = []
        lacking: dict[str, str] = {}
        for name in self.signals(wanted):
            try:
                made += self.annotated(name)
            except NoLanguageModelError as problem:
                lacking[name] = f"{name} cannot be made: {problem}"
        return made, lacking

    def annotated(self, name: str) -> list[Manifest]:
        """Write a signal of every source into the lake, and free the models behind it."""
        signal = self.annotators.signal(name)
        with self.shelf:
            return [self._annotated(name, source, signal) for source in self.names]

    def _annotated(self, name: str, source: str, signal: Signal) -> Manifest:
        report = partial(self.on_progress, f"{name} of {source}")
        return annotate_source(
            self.lake,
            name,
            source,
            self.raw_pool(source),
            signal.annotate,
            values=signal.columns,
            info=signal.info,
            on_batch=report,
        )

    def frames(
        self, rows: pl.DataFrame, wanted: Collection[str], needed: Collection[str], signals: Sequence[Manifest]
    ) -> PoolFrames:
        """Return the pool and everything wanted; builds the label space where tags are: without a label no graph."""
        names = {manifest.asset for manifest in signals}
        given = {name: scan_signal(self.lake, [each for each in signals if each.asset == name]) for name in names}
        vocabulary = edges = labels = None
        if "tags" in given:
            vocabulary = self._vocabulary(given["tags"])
            if "label_graph" in wanted and vocabulary.labels:
                edges, labels = self._label_graph(vocabulary)
            elif not vocabulary.labels and "tags" not in needed:
                vocabulary = None
        raw_pool = self.raw_pool(*self.names)
        return PoolFrames(rows.lazy(), vocabulary=vocabulary, edges=edges, labels=labels, raw_pool=raw_pool, **given)

    def _vocabulary(self, tags: pl.LazyFrame) -> Vocabulary:
        self.on_progress("connecting labels", 0, None)
        built, info = tags_to_vocabulary(tags, self.options.label_vocabulary, self._encode)
        self.made.append(
            self.lake.write("label_vocabulary", vocabulary_tables(built), values=VOCABULARY_VALUES, info=info)
        )
        return built

    def _label_graph(self, vocabulary: Vocabulary) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Return the graph's edges and its labels."""
        embedded = embed_labels(vocabulary.labels, self._encode)
        _, tables = embeddings_to_graph(embedded, **self.options.label_graph.chosen())
        self.made.append(self.lake.write("label_graph", tables, values=GRAPH_VALUES))
        return tables["rows"].lazy(), tables["labels"].lazy()

    @property
    def _encode(self) -> Encode:
        return partial(self.annotators.label_encoder.encode_cached, cache=self.cache)
