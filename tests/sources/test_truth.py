"""The readers against counts that were made independently for the shared data (`TRUTH.md`), before any rejection."""

import unicodedata
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from mig_dagster.conversation import Message
from mig_dagster.sources import check
from mig_dagster.sources.parsed import Parsed
from mig_dagster.sources.reader import parse_file
from tests.shared_data import shared

KEYS = ("RAW", "NORM", "PROMPT")


def tables() -> dict[str, list[list[str]]]:
    """Return the cells of each table of the truth, header row first, by the heading that it stands under."""
    found: dict[str, list[list[str]]] = {}
    for line in shared("data/TRUTH.md").read_text().splitlines():
        if line.startswith("#"):
            heading = line.strip("# ").split(" (")[0]
        elif line.startswith("|") and not line.startswith("|-"):
            found.setdefault(heading, []).append([cell.strip(" *") for cell in line.strip("|").split("|")])
    return found


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


@cache
def duplicates() -> dict[str, dict[str, int]]:
    """Return rows and removed rows per file, as the truth states them; the last is all files together."""
    header, *rows = tables()["Exact duplicates"]
    names = [cell.split(" ")[0] for cell in header[1:5]]
    return {row[0]: dict(zip(names, map(number, row[1:5]), strict=True)) for row in rows}


def files() -> list[str]:
    return list(duplicates())[:-1]


def path_of(name: str) -> Path:
    packed = Path(f"{shared('data')}/{name}.gz")
    return packed if packed.exists() else shared(f"data/{name}")


def normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def text_of(message: Message) -> str:
    """Return all text of a message: its reasoning, what it says, and the text of its calls, a line each."""
    return "\n".join(part for part in (message.reasoning_content, message.content, message.tool_calls) if part)


def keys_of(messages: list[Message]) -> dict[str, object]:
    prompt = next((message.content for message in messages if message.role == "user"), "")
    return {
        "RAW": tuple((message.role, text_of(message)) for message in messages),
        "NORM": tuple((message.role, normalised(text_of(message))) for message in messages),
        "PROMPT": normalised(prompt),
    }


@cache
def keys(name: str) -> dict[str, list[int]]:
    """Return the hashed keys of every record of a file that parses."""
    reads = [read.outcome for read in parse_file(str(path_of(name)), origin=name)]
    parsed = [keys_of(outcome.messages) for outcome in reads if isinstance(outcome, Parsed)]
    return {kind: [hash(each[kind]) for each in parsed] for kind in KEYS}


def test_the_truth_covers_every_file_of_the_shared_data() -> None:
    data = shared("data")
    found = {str(path.relative_to(data)).removesuffix(".gz") for path in data.rglob("*.json*")}
    assert found - {"annotated/oda_example_input_scored.jsonl"} == set(files())


def test_every_file_gives_the_true_rows_and_duplicates() -> None:
    seen = {}
    for name in files():
        lists = keys(name)
        removed = {kind: len(lists[kind]) - len(set(lists[kind])) for kind in KEYS}
        seen[name] = {"rows": len(lists["RAW"]), **removed}
    assert seen == {name: duplicates()[name] for name in files()}


def test_all_files_together_give_the_true_totals() -> None:
    expected = list(duplicates().values())[-1]
    pooled = {kind: [key for name in files() for key in keys(name)[kind]] for kind in KEYS}
    removed = {kind: len(pooled[kind]) - len(set(pooled[kind])) for kind in KEYS}
    assert {"rows": len(pooled["RAW"]), **removed} == expected


def test_every_pair_of_files_shares_the_true_number_of_distinct_keys() -> None:
    _, *rows = tables()["Distinct keys present in two files"]
    expected = {(row[0], row[1]): [number(cell) for cell in row[2:]] for row in rows}
    found = {}
    for first, second in combinations(files(), 2):
        shared_keys = [len(set(keys(first)[kind]) & set(keys(second)[kind])) for kind in KEYS]
        if any(shared_keys):
            found[first, second] = shared_keys
    assert found == expected


@pytest.mark.parametrize("column", ["malformed lines", "multi-turn", "empty prompt", "empty last answer"])
def test_the_oddities_of_every_file_are_seen(column: str) -> None:
    header, *rows = tables()["Rows, shape and oddities per file"]
    index = next(i for i, cell in enumerate(header) if cell.startswith(column))
    assert {row[0]: number(row[index]) for row in rows} == {name: oddities(name)[column] for name in files()}


def test_what_is_rejected_is_what_the_truth_says() -> None:
    """Every record of every file is accepted, or rejected for a reason that the truth counts."""
    header, *rows = tables()["Rows, shape and oddities per file"]
    for file, *cells in rows:
        truth = {title: number(cell) for title, cell in zip(header[1:], cells, strict=True)}
        (report,) = check(str(path_of(file)))["files"]
        rejected = Counter(report["rejected"])
        assert (report["failure"], report["blank"]) == (None, 0)
        assert report["records"] == truth["rows"] + truth["malformed lines"]
        assert report["accepted"] == report["records"] - rejected.total()
        assert set(rejected) <= {"rejected_answer", "text_after_value", "empty_answer"}
        assert rejected["text_after_value"] == truth["malformed lines"]
        assert rejected["empty_answer"] == truth["empty last answer"]
        # People called half of these answers bad.
        assert rejected["rejected_answer"] == (150 if file == "llamafactory/kto_en_demo.json" else 0)


@cache
def oddities(name: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for read in parse_file(str(path_of(name)), origin=name):
        if not isinstance(read.outcome, Parsed):
            counts["malformed lines"] += 1
            continue
        messages = read.outcome.messages
        users = [message for message in messages if message.role == "user"]
        counts["multi-turn"] += len(users) > 1
        counts["empty prompt"] += not users[0].content.strip()
        counts["empty last answer"] += messages[-1].role == "assistant" and not text_of(messages[-1]).strip()
    return counts
