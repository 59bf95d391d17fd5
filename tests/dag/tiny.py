"""A whole project in a temporary folder: three tiny sources in three formats, resources, a bag-of-words encoder."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import yaml

from assets import all_assets
from assets.jobs import BY_SOURCE, LANGUAGE_MODEL
from assets.jobs import POOL_LEVEL as REBUILT
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL
from resources.gpu import Gpu
from resources.home import MigHome
from resources.lake_io import LakeIOManager
from resources.models import Models
from resources.registry import SourceRegistry

TOPICS = ["algebra", "poetry", "sql", "travel", "biology", "chess"]
POOL_LEVEL = [*REBUILT, "lineage_catalog"]
SOURCES = ("chat", "maths", "notes")


def save_encoder(folder: Path) -> Path:
    """Make a sentence-transformers model whose vectors are sums of random word vectors; 32 dimensions."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Whitespace

    from mig_dagster.annotations.vocabulary import load_vocabulary

    words = sorted({word for label in load_vocabulary().labels for word in label.split()} | set(TOPICS))
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0} | {word: i for i, word in enumerate(words, 1)}, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(words) + 1, 32)).astype(np.float32)
    weights[0] *= 0.01  # unknown words say next to nothing
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(str(folder))
    return folder


@dataclass(frozen=True)
class TinyProject:
    """A registry with data, a home, and the resources over them."""

    folder: Path
    encoder: Path

    @property
    def registry(self) -> Path:
        return self.folder / "sources.yaml"

    @property
    def options(self) -> Path:
        """The options file, written when it is not there."""
        path = self.folder / "options.yaml"
        if not path.exists():
            path.write_text(yaml.safe_dump({"encoder": {"model": str(self.encoder)}}), encoding="utf-8")
        return path

    @property
    def home(self) -> MigHome:
        return MigHome(root=str(self.folder / "home"))

    def resources(self) -> dict[str, object]:
        gpu = Gpu(device="cpu")
        return {
            "home": self.home,
            "io_manager": LakeIOManager(home=self.home),
            "registry": SourceRegistry(path=str(self.registry), home=self.home),
            "gpu": gpu,
            "models": Models(gpu=gpu, options_path=str(self.options)),
        }

    def register(self, *names: str, **changes: object) -> None:
        """Write sources.yaml with these sources, and the options; `changes` are keys of all of the sources."""
        assert self.options
        uris = {"maths": "data/maths.json", "chat": "data/chat.jsonl.gz", "notes": "data/notes*.jsonl"}
        entries = [{"name": name, "uri": uris.get(name, f"data/{name}.jsonl"), **changes} for name in names]
        self.registry.write_text(yaml.safe_dump({"sources": entries}), encoding="utf-8")

    def write(self, name: str, rows: list[dict]) -> Path:
        """Write a source's file in the form its name asks for."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        lines = "\n".join(json.dumps(row) for row in rows).encode()
        if name == "maths":
            path, content = self.folder / "data/maths.json", json.dumps(rows).encode()
        elif name == "chat":
            path, content = self.folder / "data/chat.jsonl.gz", gzip.compress(lines)
        else:
            path, content = self.folder / f"data/{name}.jsonl", lines
        path.write_bytes(content)
        return path


def fill(place: TinyProject) -> TinyProject:
    """Write and register the three sources: 40 + 30 + 20 rows, of which 3 duplicate others and 1 is malformed."""
    place.write("maths", [alpaca(i) for i in range(40)])
    place.write("chat", [sharegpt(i) for i in range(30)])
    notes = [messages(i) for i in range(17)]
    copies = [as_messages(alpaca(0)), as_messages(alpaca(1)), messages(3)]
    place.write("notes", [*notes, *copies, {"messages": "not a list"}])
    place.register(*SOURCES)
    return place


def alpaca(i: int) -> dict:
    topic = TOPICS[i % 3]
    return {
        "instruction": f"Explain {topic} exercise {i}",
        "input": "",
        "output": f"Answer {i}. " + f"{topic} " * (i % 7 + 1),
    }


def sharegpt(i: int) -> dict:
    topic = TOPICS[i % 4 + 2]
    turns = [
        {"from": "human", "value": f"Tell me about {topic} number {i}"},
        {"from": "gpt", "value": f"{topic} is {i}. " * 3},
    ]
    return {"conversations": turns * (1 + i % 2)}


def messages(i: int) -> dict:
    topic = TOPICS[i % 6]
    return {
        "messages": [
            {"role": "user", "content": f"Write about {topic}, note {i}"},
            {"role": "assistant", "content": f"Here is note {i} on {topic}. " * (i % 4 + 1)},
        ]
    }


def as_messages(row: dict) -> dict:
    return {
        "messages": [
            {"role": "user", "content": row["instruction"]},
            {"role": "assistant", "content": row["output"]},
        ]
    }


def materialise(
    place: TinyProject, instance: dg.DagsterInstance, *assets: str, partition: str | None = None, config=None, tags=None
):
    """Run some assets in process; returns the result, failed or not."""
    return dg.materialize(
        all_assets,
        selection=list(assets),
        partition_key=partition,
        instance=instance,
        tags=tags,
        resources=place.resources(),
        run_config={
            "ops": {name: {"config": given} for name, given in (config or {}).items()},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Return why steps failed, one line for each error and each of its causes; "" when none did."""
    failed = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    lines = []
    for event in failed:
        error = event.event_specific_data.error
        while error is not None:
            lines.append(f"{event.step_key}: {error.cls_name}: {error.message} {error.stack[-1:]}")
            error = error.cause
    return "\n".join(lines)


def materialise_all(
    place: TinyProject, instance: dg.DagsterInstance, sources=SOURCES
) -> dict[str, dg.ExecuteInProcessResult]:
    """Run every asset that MIG needs: each source, then what reads all of them."""
    instance.add_dynamic_partitions("source", list(sources))
    results = {name: materialise(place, instance, *BY_SOURCE, partition=name) for name in sources}
    return results | {"pool": materialise(place, instance, *POOL_LEVEL)}


def score_all(
    place: TinyProject, instance: dg.DagsterInstance, sources=SOURCES
) -> dict[str, dg.ExecuteInProcessResult]:
    """Train the pool's language model and run what reads it."""
    trained = {"language_model": materialise(place, instance, *LANGUAGE_MODEL)}
    return trained | {
        f"{name} scored": materialise(place, instance, *BY_LANGUAGE_MODEL, partition=name) for name in sources
    }


def versions(result) -> dict[str, str]:
    """Return the data version of each asset that a run materialised."""
    return {
        event.asset_key.to_user_string(): event.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
    }
