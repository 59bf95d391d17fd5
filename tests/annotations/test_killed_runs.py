"""A run killed at any point is taken up where its last fragment ends."""

import signal
import subprocess
import sys
import textwrap
from collections import Counter

import pytest

ANNOTATE = """
    import sys
    from pathlib import Path
    import numpy as np
    from mig_dagster.annotations import Annotator, Batch, FragmentCache, Row, annotate
    from mig_dagster.annotations import cache as caching
    from mig_dagster.conversation import Conversation, Message
    from mig_dagster.storage.store import Store

    caching.FLUSH_ROWS = 20
    root = Path(sys.argv[1])
    rows = [Row(f"{i:032x}", Conversation((Message("user", str(i)), Message("assistant", "a")))) for i in range(600)]
    calls = []
    computed = (root / "computed").open("a", buffering=1)

    def compute(chunk):
        computed.writelines(row.row_id + "\\n" for row in chunk)
        calls.append(len(chunk))
        if len(calls) == int(sys.argv[2]):
            print("here", flush=True)
            sys.stdin.readline()
        return Batch({"score": np.array([float(row.conversation.instruction) for row in chunk])}, [None] * len(chunk))

    made = annotate(
        rows,
        Annotator("test", "test"),
        compute,
        FragmentCache(Store(root)),
        columns={"score": np.empty(0)},
        chunk_rows=5,
    )
    assert made.row_ids == [row.row_id for row in rows]
    assert made.values["score"].tolist() == [float(i) for i in range(600)]
"""


@pytest.mark.parametrize("chunks", [(1, 9), (30, 7, 32)])
def test_a_killed_run_resumes_after_its_last_fragment(tmp_path, chunks):
    command = [sys.executable, "-c", textwrap.dedent(ANNOTATE), str(tmp_path)]
    for chunk in chunks:
        with subprocess.Popen([*command, str(chunk)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"here\n"
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    subprocess.run([*command, "0"], check=True, stdout=subprocess.DEVNULL)
    times = Counter((tmp_path / "computed").read_text().split())
    assert len(times) == 600
    # A kill loses at most what waited for a flush, and the chunk on its way.
    assert sum(times.values()) <= 600 + len(chunks) * (20 + 5)
    subprocess.run([*command, "0"], check=True, stdout=subprocess.DEVNULL)
    assert Counter((tmp_path / "computed").read_text().split()) == times
