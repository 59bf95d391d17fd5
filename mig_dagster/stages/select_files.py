"""The whole graph over some files, without Dagster: read, deduplicate, annotate, connect labels, choose, write."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import polars as pl
from pydantic import ConfigDict

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.model_files import MINILM
from mig_dagster.annotations.quality_scores import score_rows
from mig_dagster.annotations.tags import tag_rows
from mig_dagster.annotations.vocabulary import load_vocabulary
from mig_dagster.export import SubsetFiles, write_subset
from mig_dagster.pool.deduplicate import pool as without_duplicates
from mig_dagster.pool.ingest import ingest
from mig_dagster.pool.signatures import row_signatures
from mig_dagster.sources import Source, resolve
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.annotate import AnnotateRows, annotate_source
from mig_dagster.stages.budget import rows_of
from mig_dagster.stages.label_space import VocabularyOptions, embed_labels, embeddings_to_graph, tags_to_vocabulary
from mig_dagster.stages.scale import annotators_of
from mig_dagster.stages.subset import Subset, choose_subset, method_options
from mig_dagster.stages.subset_files import selection_lock, with_conversations
from mig_dagster.storage import Lake, Manifest, Store

OnProgress = Callable[[str, int, int | None], None]
"""Called with (what is being done, how many are done, how many there are or None)."""


@dataclass(frozen=True)
class EncoderOptions:
    """The sentence encoder of tags and labels."""

    model: str = MINILM
    device: str = "cpu"
    batch_tokens: int = 4096
    max_tokens: int = 256


@dataclass(frozen=True)
class QualityOptions:
    """The scale of the scores: one for the whole pool."""

    scorer: Literal["lexical", "deita"] = "lexical"
    aggregation: Literal["turn_mean", "turn_sum"] = "turn_mean"


@dataclass(frozen=True)
class GraphOptions:
    """How alike two labels must be to share information: exactly one of the two is set."""

    threshold: float | None = None
    target_mean_degree: float | None = None

    def chosen(self) -> dict[str, float | None]:
        """Return the two arguments of the graph; a mean degree of 4, which suits any encoder, when neither is set."""
        neither = self.threshold is None and self.target_mean_degree is None
        return {"threshold": self.threshold, "target_mean_degree": 4.0 if neither else self.target_mean_degree}


@dataclass(frozen=True)
class SelectOptions:
    """What `--config` may hold; the sections have the names of the assets they configure."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    tag_vocabulary: str | None = None
    quality_scores: QualityOptions = field(default_factory=QualityOptions)
    label_vocabulary: VocabularyOptions = field(default_factory=VocabularyOptions)
    label_graph: GraphOptions = field(default_factory=GraphOptions)
    max_null_share: float = 0.01


@dataclass(frozen=True)
class Selected:
    """What `select_files` made.

    Attributes:
        files: the folder that was written.
        info: what `choose_subset` says of the subset.
        records: counts of each source: records, accepted, rejected by reason, blank.
        duplicates: rows left out because another one stands for them.
    """

    files: SubsetFiles
    info: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]
    duplicates: int


def select_files(
    sources: Sequence[Source],
    output: Path,
    *,
    method: str,
    budget: str,
    settings: Mapping[str, Any],
    options: SelectOptions,
    cache: FragmentCache,
    on_progress: OnProgress,
) -> Selected:
    """Choose from the rows of some sources and write the subset's folder.

    Args:
        sources: what to read; names must differ.
        output: folder for the result; made when missing.
        method: a name in `METHODS`.
        budget: rows or a share of the pool, as `50k` or `5%`.
        settings: options of the method.
        options: everything before the method.
        cache: what models said before is not computed again.
        on_progress: told what is being done.

    Raises:
        SourceFileError: a file cannot be read.
        ValueError: `output` is a file, no row was accepted, an option is wrong, or too many rows lack a signal.
    """
    method_options(method, settings)  # what cannot be meant is said before an hour of annotation
    rows_of(budget, 1)
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; name a folder: the subset is a folder of four files")
    with TemporaryDirectory(prefix="mig-dagster-") as scratch:
        lake = Lake(Store(scratch))
        raw = {source.name: _ingest(source, lake, on_progress) for source in sources}
        _check_accepted(raw)
        names = sorted(raw)
        rows, duplicates = _pool(lake, sources, on_progress)
        encoder = SentenceEncoder(
            options.encoder.model,
            device=options.encoder.device,
            batch_tokens=options.encoder.batch_tokens,
            max_tokens=options.encoder.max_tokens,
        )
        signals = _annotate(lake, names, encoder, options, cache, on_progress)
        frames = _frames(lake, names, rows, encoder, options, cache, on_progress)
        on_progress(f"choosing by {method}", 0, None)
        limit = options.max_null_share
        subset = choose_subset(method, frames, budget=budget, settings=settings, max_null_share=limit)
        lock = _lock(output.resolve().name, subset, raw, signals, options, sources)
        files = write_subset(output, with_conversations(subset.rows.lazy(), lake.scan("raw_pool", names)), lock=lock)
        records = {name: {key: raw[name].info[key] for key in _COUNTS} for name in names}
        return Selected(files, subset.info, records, duplicates.height)


_COUNTS = ("records", "accepted", "rejected", "blank")


def _ingest(source: Source, lake: Lake, on_progress: OnProgress) -> Manifest:
    def report(done: int) -> None:
        on_progress(f"reading {source.name}", done, None)

    return lake.publish(ingest(source, resolve(source), lake, on_progress=report))


def _check_accepted(raw: Mapping[str, Manifest]) -> None:
    """Say at once why there is nothing to choose from, not after the models have been loaded."""
    if not any(manifest.rows for manifest in raw.values()):
        reasons: Counter[str] = sum((Counter(manifest.info["rejected"]) for manifest in raw.values()), Counter())
        counts = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        raise ValueError(
            f"no row was accepted ({counts or 'every record is blank'}): try `mig-dagster sources check` on it"
        )


def _pool(lake: Lake, sources: Sequence[Source], on_progress: OnProgress) -> tuple[pl.DataFrame, pl.DataFrame]:
    on_progress("looking for duplicates", 0, None)
    signatures = pl.concat([row_signatures(lake.scan("raw_pool", source.name)) for source in sources])
    return without_duplicates(signatures.lazy(), {source.name: source.priority for source in sources})


def _annotate(
    lake: Lake,
    names: Sequence[str],
    encoder: SentenceEncoder,
    options: SelectOptions,
    cache: FragmentCache,
    on_progress: OnProgress,
) -> list[Manifest]:
    """Write tags and scores of every source into the lake."""
    quality = options.quality_scores
    vocabulary = load_vocabulary(Path(options.tag_vocabulary) if options.tag_vocabulary else None)
    signals: dict[tuple[str, str], AnnotateRows] = {
        ("tags", "tags"): partial(tag_rows, encoder=encoder, vocabulary=vocabulary, cache=cache),
        ("quality_scores", "score"): partial(
            score_rows, scorer=quality.scorer, aggregation=quality.aggregation, cache=cache
        ),
    }
    written = []
    for (signal, value), annotate_rows in signals.items():
        for name in names:
            report = partial(on_progress, f"{signal} of {name}")
            rows = lake.scan("raw_pool", name)
            manifest = annotate_source(lake, signal, name, rows, annotate_rows, value=value, on_batch=report)
            written.append(lake.publish(manifest))
    return written


def _frames(
    lake: Lake,
    names: Sequence[str],
    rows: pl.DataFrame,
    encoder: SentenceEncoder,
    options: SelectOptions,
    cache: FragmentCache,
    on_progress: OnProgress,
) -> PoolFrames:
    """Build the label space and return everything a method may read."""
    on_progress("connecting labels", 0, None)
    encode = partial(encoder.encode_cached, cache=cache)
    tags = pl.concat([lake.scan("tags", name).with_columns(source=pl.lit(name)) for name in names])
    scores = pl.concat([lake.scan("quality_scores", name).with_columns(source=pl.lit(name)) for name in names])
    vocabulary, _ = tags_to_vocabulary(tags, options.label_vocabulary, encode)
    _, graph = embeddings_to_graph(embed_labels(vocabulary.labels, encode), **options.label_graph.chosen())
    return PoolFrames(rows.lazy(), tags, scores, vocabulary, graph["rows"].lazy(), graph["labels"].lazy())


def _lock(
    name: str,
    subset: Subset,
    raw: Mapping[str, Manifest],
    signals: Sequence[Manifest],
    options: SelectOptions,
    sources: Sequence[Source],
) -> dict[str, Any]:
    read = {f"{manifest.asset}/{manifest.partition}": manifest.data_version for manifest in [*raw.values(), *signals]}
    revisions = {f"source_revisions/{name}": manifest.info["revision"] for name, manifest in raw.items()}
    return selection_lock(
        name,
        subset.info,
        inputs=read | revisions,
        annotators=annotators_of(signals),
        licences={source.name: source.licence for source in sources},
        scorer=f"{options.quality_scores.scorer}, {options.quality_scores.aggregation}",
    )
