"""The pool's own language model between rows and files: the sample it is trained on, its place in the lake and on disk.

In the lake the model's files are rows, one a file with its bytes: immutable, named by content and cleaned up as every
other asset's shards. What runs it unpacks them once into a folder of its machine, and checks their hashes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mig_dagster.annotations.ifd import training_text
from mig_dagster.annotations.model_files import ModelError, hash_file, hash_folder
from mig_dagster.annotations.pretraining import (
    OnTraining,
    TrainingReport,
    TrainingSettings,
    sampled_ids,
    train_language_model,
)
from mig_dagster.conversation import canonical_json, from_dicts, hash_text
from mig_dagster.storage import Lake, Manifest, Store

ASSET = "pool_language_model"
FILES = {"name": pl.String, "sha256": pl.String, "bytes": pl.Int64, "content": pl.Binary}
VALUES = {"rows": ["name", "content"]}
"""What makes its data version: the files and nothing else."""
NOT_BETTER = (
    "the pool's own language model learned nothing: its perplexity on held-out text is {:.4g}, that of counting tokens "
    "{:.4g}: add sources, or name a model"
)


def sample_texts(raw_pool: pl.LazyFrame, settings: TrainingSettings) -> dict[str, str]:
    """Return the sample of conversations that a model is trained on: row id -> text.

    Args:
        raw_pool: the rows of all sources; a conversation that several of them hold counts once.
        settings: how large the sample is.
    """
    distinct = raw_pool.select(pl.col("row_id").unique()).collect(engine="streaming")["row_id"]
    ids = sampled_ids(distinct, settings.conversations, settings.seed)
    chosen = raw_pool.filter(pl.col("row_id").is_in(ids)).select("row_id", "messages").collect(engine="streaming")
    lines = dict(chosen.iter_rows())
    texts: dict[str, str] = {}
    room = settings.characters
    for row_id in ids:
        text = training_text(from_dicts(lines[row_id]))[: settings.longest_text]
        room -= len(text)
        if room < 0:
            break
        texts[row_id] = text
    return texts


def train_pool_language_model(
    lake: Lake,
    raw_pool: pl.LazyFrame,
    settings: TrainingSettings,
    *,
    inputs: Mapping[str, str],
    progress: OnTraining | None = None,
) -> tuple[Manifest, TrainingReport]:
    """Train the model and write it into the lake.

    Returns:
        The manifest, not yet published, and what training gave; its info holds settings and report.

    Raises:
        ValueError: the pool has too little text.
    """
    with TemporaryDirectory(prefix="mig-dagster-") as scratch:
        folder = Path(scratch) / ASSET
        report = train_language_model(sample_texts(raw_pool, settings), folder, settings, progress)
        info = {"settings": settings.as_dict(), "report": report.as_dict()}
        return lake.write(ASSET, _packed(folder), values=VALUES, inputs=inputs, info=info), report


def write_named_model(lake: Lake, model: str, inputs: Mapping[str, str]) -> Manifest:
    """Write a version without files: nothing is trained, since the options name a model."""
    return lake.write(ASSET, pl.DataFrame(schema=FILES), values=VALUES, inputs=inputs, info={"named": model})


def language_model_folder(files: pl.LazyFrame, cache: Path) -> Path:
    """Return the model as a Hugging Face folder on this machine, unpacked when it is not there, its bytes checked.

    The folder is called alike everywhere, so that annotators, which name a model by its folder and a hash of the files
    in it, have one fingerprint on all machines.

    Args:
        files: the rows of a version of `pool_language_model`.
        cache: where unpacked models are kept; `local_models` names the usual place.

    Raises:
        ModelError: nothing was trained, or the lake's bytes are not those that were written.
    """
    if not files.select(pl.len()).collect().item():
        raise ModelError(
            f"{ASSET} was not trained, because the options named a language model when it was made: run job "
            "train_language_model, or name one again"
        )
    digest = _digest(files.select("name", "sha256").collect())
    folder = cache / digest[:32] / ASSET
    if not _holds(folder, digest):
        with _grown(folder) as grown:
            for name, content in files.select("name", "content").collect().iter_rows():
                (grown / name).write_bytes(content)
            if not _holds(grown, digest):
                raise ModelError(
                    f"the files of {ASSET} in the lake are not those that were written (their digest was {digest}): "
                    f"restore them, or materialise {ASSET} again"
                )
    return folder


def local_models(store: Store) -> Path:
    """Return where models from a store are unpacked: beside its lake, or in the user's cache where it is remote."""
    root = Path(store.location("models")) if store.local else Path.home() / ".cache" / "mig-dagster" / "models"
    return root.absolute()


def pool_language_model_for(
    raw_pool: pl.LazyFrame, folder: Path, settings: TrainingSettings, progress: OnTraining | None = None
) -> Path:
    """Return a model of these rows as a Hugging Face folder, trained now or found from the last time.

    Args:
        raw_pool: the rows of all sources.
        folder: where models are kept, each under a digest of its sample and settings.
        settings: of sample and training.
        progress: called after each step.

    Raises:
        ValueError: the rows have too little text to learn from.
    """
    texts = sample_texts(raw_pool, settings)
    kept = folder / hash_text(canonical_json([settings.digest, sorted(texts)]))
    model, note = kept / ASSET, kept / "report.json"
    if note.is_file() and _holds(model, json.loads(note.read_text("utf-8"))["digest"]):
        return model
    with _grown(model) as grown:
        report = train_language_model(texts, grown, settings, progress)
        if not report.better_than_unigram:
            raise ValueError(NOT_BETTER.format(report.perplexity, report.unigram_perplexity))
        note.write_text(canonical_json({"digest": hash_folder(grown), **report.as_dict()}), "utf-8")
    return model


def _packed(folder: Path) -> pl.DataFrame:
    """Return a folder's files as rows, by name."""
    lines = [(path.name, hash_file(path), path.stat().st_size, path.read_bytes()) for path in sorted(folder.iterdir())]
    return pl.DataFrame(lines, schema=FILES, orient="row")


def _digest(listed: pl.DataFrame) -> str:
    """Return what `hash_folder` gives for a folder with these files."""
    lines = (f"{name}\0{sha256}\n" for name, sha256 in listed.sort("name").iter_rows())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _holds(folder: Path, digest: str) -> bool:
    return folder.is_dir() and hash_folder(folder) == digest


@contextmanager
def _grown(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` at the end; without an error only."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".growing-", dir=folder.parent) as scratch:
        grown = Path(scratch) / folder.name
        grown.mkdir()
        yield grown
        if folder.exists():  # damaged, or made by somebody else since
            folder.rename(Path(scratch) / "before")
        grown.rename(folder)
