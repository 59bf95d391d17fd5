"""The six demo sources: what each is made of, its files, and the manifest of what was planted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mig_dagster.conversation import Conversation, Message
from mig_dagster.demo import arithmetic, essays, extraction, help_desk, sql, tool_calls, units, writers
from mig_dagster.demo.benchmark_like import benchmark_like
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.malformed import MALFORMED
from mig_dagster.demo.planted import BenchmarkLike, Manifest, Pair, Planted, SourceManifest
from mig_dagster.demo.planting import Copy, plant
from mig_dagster.demo.rows import BlankLine, Malformed, Row, Slot, normalised

SEED = "mig-dagster demo 1"  # changes every byte of the sources: raise the number when a generator changes
_TRAILING = 0.04  # share of help-desk dialogues in which the customer has the last word


@dataclass(frozen=True, slots=True)
class DemoSource:
    """How one source is made.

    Attributes:
        generate: gives one conversation.
        rows: generated conversations, before anything is planted.
        format: what a reader should recognise.
        record_of: a row as a record of that format.
        container: records as the bytes of a file.
        files: names of its files; rows are split evenly, in order.
    """

    generate: Callable[[Draws], Conversation]
    rows: int
    format: str
    record_of: Callable[[Row], dict[str, Any]]
    container: Callable[[Sequence[Slot], Callable[[Row], dict[str, Any]]], bytes]
    files: tuple[str, ...]


def _units_and_extraction(draws: Draws) -> Conversation:
    return units.generate(draws) if draws.chance(0.45) else extraction.generate(draws)


_SOURCES: dict[str, DemoSource] = {
    "arithmetic": DemoSource(
        arithmetic.generate, 560, "question_answer", writers.question_answer, writers.json_lines, ("train.jsonl.gz",)
    ),
    "essays": DemoSource(
        *(essays.generate, 540, "messages", writers.messages, writers.parquet),
        files=("part-00000.parquet", "part-00001.parquet"),
    ),
    "help_desk": DemoSource(
        help_desk.generate, 400, "sharegpt", writers.sharegpt, writers.json_array, ("dialogues.json.gz",)
    ),
    "sql": DemoSource(sql.generate, 480, "alpaca", writers.alpaca, writers.json_array, ("queries.json",)),
    "tool_calls": DemoSource(
        tool_calls.generate, 380, "messages", writers.messages, writers.json_lines, ("calls.jsonl",)
    ),
    "units_and_extraction": DemoSource(
        *(_units_and_extraction, 440, "prompt_completion", writers.prompt_completion, writers.json_lines),
        files=("records.jsonl",),
    ),
}


@cache
def demo_files() -> dict[str, bytes]:
    """Return the bytes of every file by its path, `source/file`."""
    return _build()[0]


@cache
def manifest() -> Manifest:
    """Return what was planted, with the position of everything."""
    return _build()[1]


@cache
def _build() -> tuple[dict[str, bytes], Manifest]:
    seen: set[str] = set()
    rows = {name: _unique_rows(name, source, seen) for name, source in _SOURCES.items()}
    copies = plant(Draws(f"{SEED} copies"), rows, seen)
    benchmark = benchmark_like()
    content: dict[str, bytes] = {}
    places: dict[Slot, Planted] = {}
    described: dict[str, SourceManifest] = {}
    for name, source in _SOURCES.items():
        slots: list[Slot] = [*rows[name], *MALFORMED[name], *(row for _, row in benchmark.get(name, ()))]
        slots += [copy.row for copy in copies if copy.to == name]
        files = _split(Draws(f"{SEED} order of {name}").shuffled(slots), source.files)
        for file, part in files.items():
            written = source.container(part, source.record_of)
            content[f"{name}/{file}"] = writers.zipped(written) if file.endswith(".gz") else written
        origins = {slot: f"{file}:{i:09d}" for file, part in files.items() for i, slot in enumerate(part, 1)}
        places |= {slot: Planted(name, origin) for slot, origin in origins.items()}
        described[name] = _described(name, source, origins)
    looks_like = tuple(BenchmarkLike(style, places[row]) for cases in benchmark.values() for style, row in cases)
    return content, Manifest(described, _pairs(copies, places), looks_like)


def _unique_rows(name: str, source: DemoSource, seen: set[str]) -> list[Row]:
    """Return rows of which no two are duplicates, in this source or another."""
    draws = Draws(f"{SEED} {name}")
    rows: list[Row] = []
    while len(rows) < source.rows:
        conversation = source.generate(draws)
        text = normalised(conversation)
        if text not in seen:
            seen.add(text)
            last_word = name == "help_desk" and draws.chance(_TRAILING)
            rows.append(Row(conversation, (Message("user", "Thanks, bye."),) if last_word else ()))
    return rows


def _split(slots: list[Slot], files: tuple[str, ...]) -> dict[str, list[Slot]]:
    size = -(-len(slots) // len(files))
    return {file: slots[i * size : (i + 1) * size] for i, file in enumerate(files)}


def _described(name: str, source: DemoSource, origins: Mapping[Slot, str]) -> SourceManifest:
    rejected = {origin: slot.reason for slot, origin in origins.items() if isinstance(slot, Malformed)}
    return SourceManifest(
        uri=f"demo://{name}",
        format=source.format,
        files=source.files,
        records=len(origins),
        row_ids={origin: slot.conversation.row_id for slot, origin in origins.items() if isinstance(slot, Row)},
        rejected=dict(Counter(rejected.values())),
        rejected_origins=rejected,
        blank_origins=tuple(origin for slot, origin in origins.items() if isinstance(slot, BlankLine)),
        trailing_origins=tuple(origin for slot, origin in origins.items() if isinstance(slot, Row) and slot.trailing),
    )


def _pairs(copies: Sequence[Copy], places: Mapping[Slot, Planted]) -> tuple[Pair, ...]:
    pairs = []
    for copy in copies:
        first, second = sorted((places[copy.row], places[copy.original]))
        pairs.append(Pair(copy.kind, second, first))
    return tuple(sorted(pairs, key=lambda pair: (pair.copy, pair.kind)))
