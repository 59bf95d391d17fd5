"""Files become a pool with the signals that the chosen methods read, without Dagster: read, deduplicate, annotate."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.embeddings import embed_rows
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.quality import ImportedScorer, LexicalScorer, score_rows
from mig_dagster.annotations.tagging import NearestLabelTagger, tag_rows
from mig_dagster.annotations.vocabulary import load_vocabulary
from mig_dagster.graph import Vocabulary
from mig_dagster.graph.merging import Encode
from mig_dagster.pool.deduplicate import pool as without_duplicates
from mig_dagster.pool.ingest import ingest
from mig_dagster.pool.signatures import row_signatures
from mig_dagster.sources import Source, resolve
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.annotate import AnnotateRows, annotate_source
from mig_dagster.stages.devices import model_device, sentence_encoder
from mig_dagster.stages.label_space import NO_LABEL, embed_labels, embeddings_to_graph, tags_to_vocabulary
from mig_dagster.stages.pool_options import PoolOptions
from mig_dagster.storage import Lake, Manifest, Store
from mig_dagster.storage.digest import values_digest

OnStep = Callable[[str, int, int | None], None]
"""Called with (what is being done, how many are done, how many there are or None)."""

_COUNTS = ("records", "accepted", "rejected", "blank")


@dataclass(frozen=True)
class FilePool:
    """A pool made from files.

    Attributes:
        frames: the pool, its conversations and the signals asked for.
        raw: `raw_pool` of each source.
        signals: what annotators said, one manifest for each signal and source.
        duplicates: rows left out because another one stands for them.
        encoder: the sentence encoder; it loads its model only when asked.
        notes: what was wanted for measures only and could not be made.
    """

    frames: PoolFrames
    raw: Mapping[str, Manifest]
    signals: Sequence[Manifest]
    duplicates: int
    encoder: SentenceEncoder
    notes: Sequence[str] = ()

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """Counts of each source: records, accepted, rejected by reason, blank."""
        return {name: {key: manifest.info[key] for key in _COUNTS} for name, manifest in self.raw.items()}

    @property
    def inputs(self) -> dict[str, str]:
        """What a method saw and what it was made from.

        Data versions of rows and signals, revisions of sources, and digests of the pool, the labels and their graph.
        """
        read = [*self.raw.values(), *self.signals]
        versions = {f"{manifest.asset}/{manifest.partition}": manifest.data_version for manifest in read}
        revisions = {f"source_revisions/{name}": manifest.info["revision"] for name, manifest in self.raw.items()}
        return versions | revisions | self._made

    @property
    def _made(self) -> dict[str, str]:
        """Digests of what was made of rows and signals: it depends on options, not on them alone."""
        frames = self.frames
        made = {"pool": values_digest(frames.pool.collect())}
        if frames.vocabulary is not None:
            made["label_vocabulary"] = frames.vocabulary.version
        if frames.edges is not None:
            made["label_graph"] = values_digest(frames.edges.collect())  # of indices into the sorted vocabulary
        return made


@contextmanager
def file_pool(
    sources: Sequence[Source],
    needed: Collection[str],
    *,
    measured: Collection[str] = (),
    options: PoolOptions,
    cache: FragmentCache,
    on_progress: OnStep,
) -> Iterator[FilePool]:
    """Read sources into a pool that lives as long as the context.

    Args:
        sources: what to read; names must differ.
        needed: inputs of methods, as `mig_dagster.selection.reads` lists them; without them there is no pool.
        measured: inputs that measures are made from; a label space without labels is left out and noted.
        options: how.
        cache: what models said before is not computed again.
        on_progress: told what is being done.

    Raises:
        SourceFileError: a file cannot be read.
        ValueError: no row was accepted, or an option is wrong.
        ModelError: the sentence encoder's model cannot be had.
    """
    with TemporaryDirectory(prefix="mig-dagster-") as scratch:
        making = _Making(Lake(Store(scratch)), sorted(source.name for source in sources), options, cache, on_progress)
        raw = {source.name: making.ingest(source) for source in sources}
        _check_accepted(raw)
        rows, duplicates = making.pool(sources)
        wanted = {*needed, *measured}
        signals = [manifest for name in making.signals(wanted) for manifest in making.annotated(name)]
        frames = making.frames(rows, wanted, needed)
        notes = [NO_LABEL] if "label_graph" in wanted and frames.edges is None else []
        yield FilePool(frames, dict(sorted(raw.items())), signals, duplicates.height, making.encoder, notes)


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
    """The steps from files to a pool, over one scratch lake."""

    lake: Lake
    names: Sequence[str]
    options: PoolOptions
    cache: FragmentCache
    on_progress: OnStep

    @cached_property
    def encoder(self) -> SentenceEncoder:
        return sentence_encoder(self.options.encoder, model_device(self.options.device))

    def ingest(self, source: Source) -> Manifest:
        def report(done: int) -> None:
            self.on_progress(f"reading {source.name}", done, None)

        return self.lake.publish(ingest(source, resolve(source), self.lake, on_progress=report))

    def pool(self, sources: Sequence[Source]) -> tuple[pl.DataFrame, pl.DataFrame]:
        self.on_progress("looking for duplicates", 0, None)
        signatures = pl.concat([row_signatures(self.lake.scan("raw_pool", source.name)) for source in sources])
        return without_duplicates(signatures.lazy(), {source.name: source.priority for source in sources})

    def signals(self, needed: Collection[str]) -> list[str]:
        """Return the signals behind some inputs: labels, and so their graph, come from tags."""
        wanted = {"tags" if name == "label_graph" else name for name in needed}
        return [name for name in ("tags", "quality_scores", "row_embeddings") if name in wanted]

    def annotated(self, signal: str) -> list[Manifest]:
        """Write a signal of every source into the lake."""
        value, annotate_rows = self._annotator(signal)
        written = []
        for name in self.names:
            report = partial(self.on_progress, f"{signal} of {name}")
            rows = self.lake.scan("raw_pool", name)
            manifest = annotate_source(self.lake, signal, name, rows, annotate_rows, values=[value], on_batch=report)
            written.append(self.lake.publish(manifest))
        return written

    def frames(self, rows: pl.DataFrame, wanted: Collection[str], needed: Collection[str]) -> PoolFrames:
        """Return the pool and everything wanted; builds the label space where tags are.

        Without a label there is no graph; that is an error only where a method needs it.
        """
        given = {name: self._of_all_sources(name) for name in self.signals(wanted)}
        vocabulary = edges = labels = None
        if "tags" in given:
            vocabulary = self._vocabulary(given["tags"])
            if "label_graph" in needed or ("label_graph" in wanted and vocabulary.labels):
                edges, labels = self._label_graph(vocabulary)
            elif not vocabulary.labels and "tags" not in needed:
                vocabulary = None
        raw_pool = self.lake.scan("raw_pool", self.names)
        return PoolFrames(rows.lazy(), vocabulary=vocabulary, edges=edges, labels=labels, raw_pool=raw_pool, **given)

    def _annotator(self, signal: str) -> tuple[str, AnnotateRows]:
        """Return the column of a signal and what gives it; a model is loaded when the first row needs it."""
        options, cache = self.options, self.cache
        if signal == "tags":
            vocabulary = load_vocabulary(Path(options.tag_vocabulary) if options.tag_vocabulary else None)
            return "tags", partial(tag_rows, tagger=NearestLabelTagger(self.encoder, vocabulary), cache=cache)
        if signal == "quality_scores":
            quality = options.quality_scores
            scorer = LexicalScorer() if quality.scorer == "lexical" else ImportedScorer(quality.scorer)
            return "score", partial(score_rows, scorer=scorer, aggregation=quality.aggregation, cache=cache)
        return "embedding", partial(embed_rows, embedder=self.encoder, cache=cache, text=options.row_embeddings.text)

    def _of_all_sources(self, signal: str) -> pl.LazyFrame:
        return pl.concat([self.lake.scan(signal, name).with_columns(source=pl.lit(name)) for name in self.names])

    def _vocabulary(self, tags: pl.LazyFrame) -> Vocabulary:
        self.on_progress("connecting labels", 0, None)
        return tags_to_vocabulary(tags, self.options.label_vocabulary, self._encode)[0]

    def _label_graph(self, vocabulary: Vocabulary) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Return the graph's edges and its labels."""
        embedded = embed_labels(vocabulary.labels, self._encode)
        _, tables = embeddings_to_graph(embedded, **self.options.label_graph.chosen())
        return tables["rows"].lazy(), tables["labels"].lazy()

    @property
    def _encode(self) -> Encode:
        return partial(self.encoder.encode_cached, cache=self.cache)
