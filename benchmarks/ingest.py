"""Rows per second of reading a million alpaca rows into raw_pool, next to DuckDB's own JSON to Parquet in the same run.

Run: OMP_NUM_THREADS=1 python benchmarks/ingest.py [--rows 1000000]
Writes ingest.json beside this file.

The rows are generated: random words with the lengths of Alpaca's instructions, inputs and outputs. Both ways read the
same JSON Lines file in a process of their own, after one that only reads the file, so that neither pays for the disk.
DuckDB copies columns; ingest also builds and validates conversations, hashes rows and values, and writes manifests.
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
from mig_dagster.sources import Source, resolve
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


def with_duckdb(file: str, folder: str) -> int:
    """Let DuckDB copy the file to Parquet; return the rows."""
    database = duckdb.connect()
    target = f"{folder}/duckdb.parquet"
    query = f"copy (from read_json('{file}', format='newline_delimited')) to '{target}' (format parquet, codec zstd)"
    (rows,) = database.execute(query).fetchone() or (0,)
    return int(rows)


def with_ingest(file: str, folder: str) -> int:
    """Ingest the file into a lake; return the accepted rows."""
    source = Source("alpaca", file, format="alpaca")
    lake = Lake(Store(folder))
    return lake.publish(ingest(source, resolve(source), lake)).rows


def reading_only(file: str, folder: str) -> int:
    """Read the file; return its lines."""
    with open(file, "rb") as lines:
        return sum(1 for _ in lines)


WAYS: dict[str, Callable[[str, str], int]] = {
    "reading_only": reading_only,
    "duckdb": with_duckdb,
    "ingest": with_ingest,
}


def measured(way: str, file: str) -> dict[str, Any]:
    """Run one way in this process and return what it took, imports left out."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    base = before.ru_maxrss
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rows = WAYS[way](file, folder)
        wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rows": rows,
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "rows_per_s": round(rows / wall),
        "rows_per_cpu_s": round(rows / cpu),
        "peak_rss_mb": round(after.ru_maxrss / 1024),
        "rss_before_mb": round(base / 1024),
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
        ways = {way: in_own_process(way, str(file)) for way in WAYS}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
    )
    result = {
        "rows": options.rows,
        "file_mb": round(size / 2**20),
        "share_of_duckdb_rate_by_cpu": round(ways["duckdb"]["cpu_s"] / ways["ingest"]["cpu_s"], 3),
        "share_of_duckdb_rate_by_wall": round(ways["duckdb"]["wall_s"] / ways["ingest"]["wall_s"], 3),
        **ways,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "duckdb": duckdb.__version__},
        "commit": commit.stdout.strip(),
    }
    (HERE / "ingest.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
