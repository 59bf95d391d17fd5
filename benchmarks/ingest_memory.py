"""Peak memory and rate of reading files that are larger than memory should be: 4 GB of JSON Lines, a 1 GB JSON array.

Run: OMP_NUM_THREADS=1 python benchmarks/ingest_memory.py [--lines-gb 4] [--array-gb 1]
Writes ingest_memory.json beside this file.

The rows are those of ingest.py, a block of them again and again, with the number of the row in front. Each file is
written to a temporary folder, read by a process of its own, and deleted with what was made of it.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ingest as alpaca

from mig_dagster.pool import ingest
from mig_dagster.sources import Source, resolve
from mig_dagster.storage import Lake, Store

HERE = Path(__file__).resolve().parent
GB = 10**9
LIMIT_MB = 1000
_BLOCK_ROWS = 20_000


def rows(folder: Path, size: int) -> Iterator[bytes]:
    """Yield blocks of lines of about that many bytes in all; every row is another one."""
    alpaca.write_rows(folder / "block", _BLOCK_ROWS)
    lines = [line.partition(b" ")[2].partition(b" ")[2] for line in (folder / "block").read_bytes().splitlines(True)]
    written = number = 0
    while written < size:
        block = b"".join(b'{"instruction": "%d %s' % (number + offset, line) for offset, line in enumerate(lines))
        yield block
        written += len(block)
        number += len(lines)


def write_lines(path: Path, size: int) -> None:
    """Write a JSON Lines file of about that many bytes."""
    with path.open("wb") as file:
        file.writelines(rows(path.parent, size))


def write_array(path: Path, size: int) -> None:
    """Write a JSON array of about that many bytes."""
    with path.open("wb") as file:
        for number, block in enumerate(rows(path.parent, size)):
            file.write((b",\n" if number else b"[\n") + block.rstrip().replace(b"}\n", b"},\n"))
        file.write(b"\n]\n")


def measured(path: Path, home: Path) -> dict[str, Any]:
    """Ingest a file in this process; return the rows, the time and the peak of memory."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    source = Source("large", str(path), format="alpaca")
    lake = Lake(Store(home))
    manifest = lake.publish(ingest(source, resolve(source), lake))
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert manifest.rows == manifest.info["records"], manifest.info["rejected"]
    return {
        "file_gb": round(path.stat().st_size / GB, 3),
        "rows": manifest.rows,
        "wall_s": round(wall, 1),
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "rows_per_s": round(manifest.rows / wall),
        "peak_rss_mb": round(after.ru_maxrss * 1024 / 1e6),
        "rss_before_mb": round(before.ru_maxrss * 1024 / 1e6),
    }


def in_own_process(name: str, write: Callable[[Path, int], None], gigabytes: float) -> dict[str, Any]:
    """Write a file, ingest it in a fresh process, and delete both."""
    size = int(gigabytes * GB)
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        if free < 2 * size:
            sys.exit(f"{folder} has {free / GB:.1f} GB free, {2 * gigabytes} GB are needed: set TMPDIR or the sizes")
        path = Path(folder) / name
        write(path, size)
        command = [sys.executable, __file__, "--file", str(path)]
        found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    """Measure both files, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines-gb", type=float, default=4.0)
    parser.add_argument("--array-gb", type=float, default=1.0)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        print(json.dumps(measured(options.file, options.file.parent / "home")))
        return
    result: dict[str, Any] = {
        "lines": in_own_process("large.jsonl", write_lines, options.lines_gb),
        "array": in_own_process("large.json", write_array, options.array_gb),
    }
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
    )
    result |= {
        "limit_mb": LIMIT_MB,
        "within_limit": all(result[name]["peak_rss_mb"] < LIMIT_MB for name in ("lines", "array")),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "commit": commit.stdout.strip(),
    }
    (HERE / "ingest_memory.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
