"""Rows per second of reading a million alpaca rows into raw_pool, next to DuckDB's own JSON to Parquet in the same run.

Run: OMP_NUM_THREADS=1 python benchmarks/ingest.py [--rows 1000000] [--rounds 3]
Writes ingest.json beside this file.

The rows are generated: random words with the lengths of Alpaca's instructions, inputs and outputs. All ways read the
same JSON Lines file in turn, each in a process of its own and after one that only reads the file, so that neither pays
for the disk; of the rounds the least wall time and the least CPU time of each way count. "ordinary" is ingest by the
strict decoder and an object for every record, which must give the same data version. DuckDB, with its own number of
threads, copies columns; ingest also validates conversations, hashes the file, rows and values, and writes manifests.
"""

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from mig_dagster.pool import ingest
from mig_dagster.sources import Source, plain, resolve
from mig_dagster.sources.containers import json_lines
from mig_dagster.sources.decode import decode_line
from mig_dagster.storage import Lake, Store

HERE = Path(__file__).resolve().parent
WORDS = [f"{a}{b}{c}" for a in ("pro", "con", "re", "un", "in") for b in ("ta", "mel", "fro", "si") for c in "aeious"]


def write_rows(path: Path, rows: int) -> None:
    """Write alpaca rows: about 10 words of instruction, 4 of input for two rows in five, 45 of output."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            given = " ".join(draw.choices(WORDS, k=10)) if number % 5 < 2 else ""
            record = {
                "instruction": f"{number} " + " ".join(draw.choices(WORDS, k=draw.randint(5, 15))),
                "input": given,
                "output": ' "quoted"\n'.join(" ".join(draw.choices(WORDS, k=draw.randint(5, 40))) for _ in range(2)),
            }
            file.write(json.dumps(record) + "\n")


def with_duckdb(file: str, folder: str) -> tuple[int, None]:
    """Let DuckDB copy the file to Parquet; return the rows."""
    database = duckdb.connect()
    target = f"{folder}/duckdb.parquet"
    query = f"copy (from read_json('{file}', format='newline_delimited')) to '{target}' (format parquet, codec zstd)"
    (rows,) = database.execute(query).fetchone() or (0,)
    return int(rows), None


def with_ingest(file: str, folder: str) -> tuple[int, str]:
    """Ingest the file into a lake; return the accepted rows and the data version."""
    source = Source("alpaca", file, format="alpaca")
    lake = Lake(Store(folder))
    manifest = lake.publish(ingest(source, resolve(source), lake))
    return manifest.rows, manifest.data_version


def ordinary(file: str, folder: str) -> tuple[int, str]:
    """Ingest the file record by record."""
    plain.PLAIN_FORMATS = frozenset()
    json_lines.decode_lines = lambda lines: list(map(decode_line, lines))
    return with_ingest(file, folder)


def reading_only(file: str, folder: str) -> tuple[int, None]:
    """Read the file; return its lines."""
    with open(file, "rb") as lines:
        return sum(1 for _ in lines), None


WAYS: dict[str, Callable[[str, str], tuple[int, str | None]]] = {
    "reading_only": reading_only,
    "duckdb": with_duckdb,
    "ingest": with_ingest,
    "ordinary": ordinary,
}


def measured(way: str, file: str) -> dict[str, Any]:
    """Run one way in this process and return what it took, imports left out."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    base = before.ru_maxrss
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rows, version = WAYS[way](file, folder)
        wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rows": rows,
        "version": version,
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "peak_rss_mb": round(after.ru_maxrss / 1024),
        "rss_before_mb": round(base / 1024),
    }


def best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the least of each figure of some runs of one way, and the rates."""
    result = runs[0] | {name: min(run[name] for run in runs) for name in ("wall_s", "cpu_s", "peak_rss_mb")}
    return result | {
        "rows_per_s": round(result["rows"] / result["wall_s"]),
        "rows_per_cpu_s": round(result["rows"] / result["cpu_s"]),
    }


def in_own_process(way: str, file: str) -> dict[str, Any]:
    """Run one way in a fresh process."""
    command = [sys.executable, __file__, "--way", way, "--file", file]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


def main() -> None:
    """Measure every way, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measured(options.way, options.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "alpaca.jsonl"
        write_rows(file, options.rows)
        size = file.stat().st_size
        rounds = [{way: in_own_process(way, str(file)) for way in WAYS} for _ in range(options.rounds)]
    ways = {way: best([runs[way] for runs in rounds]) for way in WAYS}
    assert ways["ingest"]["version"] == ways["ordinary"]["version"], "both ways of ingest must give the same values"
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
    )
    result = {
        "rows": options.rows,
        "rounds": options.rounds,
        "file_mb": round(size / 2**20),
        "share_of_duckdb_rate_by_cpu": round(ways["duckdb"]["cpu_s"] / ways["ingest"]["cpu_s"], 3),
        "share_of_duckdb_rate_by_wall": round(ways["duckdb"]["wall_s"] / ways["ingest"]["wall_s"], 3),
        "load_average": [round(load, 1) for load in os.getloadavg()],
        **ways,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "duckdb": duckdb.__version__},
        "commit": commit.stdout.strip(),
    }
    (HERE / "ingest.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
