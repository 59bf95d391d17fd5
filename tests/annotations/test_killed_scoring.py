"""A scoring run that is killed at any point goes on where its cache ends, and says what an uninterrupted one says."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

import numpy as np
import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.storage.store import Store

N, FLUSH_ROWS, BATCH_TOKENS, SHORTEST = 600, 40, 256, 16
KILLS = 5

# Forks a process for each run, so that torch is imported once; the process that scores is the one that is killed.
RUNNER = f"""
    import os, sys
    from dataclasses import dataclass
    from pathlib import Path
    import numpy as np
    from mig_dagster.annotations import Annotator, FragmentCache
    from mig_dagster.annotations import cache as caching
    from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
    from mig_dagster.annotations.scoring import score_items
    from mig_dagster.storage.store import Store

    caching.FLUSH_ROWS = {FLUSH_ROWS}

    @dataclass
    class Item:
        ids: list

        @property
        def tokens(self):
            return len(self.ids)

    class Loss:
        columns = {{"loss": np.empty(0)}}
        batch_tokens = {BATCH_TOKENS}

        def __init__(self, model, passes):
            self.model, self.passes = model, passes
            self.annotator = Annotator("loss", model.files.name, model.files.revision)

        def encode(self, items):
            return [Item(ids) for ids in items]

        def run(self, batch):
            self.passes.writelines(f"{{item.ids[0]}}-{{item.ids[1]}}\\n" for item in batch)
            self.passes.flush()
            targets = [[False] + [True] * (item.tokens - 1) for item in batch]
            found = self.model.losses([item.ids for item in batch], targets)
            return {{"loss": np.array([losses.mean() for losses in found])}}

    def score(folder):
        draw = np.random.default_rng(0)
        items = [[3 + i // 300, 3 + i % 300, *draw.integers(3, 400, draw.integers({SHORTEST}, 90)).tolist()]
                 for i in range({N})]
        keys = [f"{{ids[0]}}-{{ids[1]}}" for ids in items]
        model = CausalLanguageModel(ModelSpec(sys.argv[1]))
        with (folder / "passes").open("a") as passes:
            loss = Loss(model, passes)
            table = score_items(items, keys, loss, FragmentCache(Store(folder / "home")))
        assert table.flags == [None] * {N}
        np.save(folder / "table.npy", table.columns["loss"])
        (folder / "fingerprint").write_text(loss.annotator.fingerprint)

    CausalLanguageModel(ModelSpec(sys.argv[1])).next_token_logits([[3, 4]], [5])
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            score(Path(line.strip()))
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Runner:
    def __init__(self, process):
        self.process = process

    def start(self, folder):
        folder.mkdir(exist_ok=True)
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def runner(tiny_llama):
    command = [sys.executable, "-c", textwrap.dedent(RUNNER), str(tiny_llama)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        yield Runner(process)
        process.stdin.close()


def passes(folder):
    path = folder / "passes"
    return path.read_text().split() if path.exists() else []


def kept(folder, keys, fingerprint):
    """The keys that the cache on disk knows, read anew."""
    cache = FragmentCache(Store(folder / "home"))
    return {keys[i] for at, _ in cache.load(fingerprint, keys) for i in at.tolist()}


@pytest.mark.parametrize("seed", [0, 1])
def test_five_kills_at_random_points_change_no_value_and_no_kept_one_is_computed_again(runner, tmp_path, seed):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    runner.start(whole)
    assert runner.end() == 0
    keys, fingerprint = list(dict.fromkeys(passes(whole))), (whole / "fingerprint").read_text()
    assert len(keys) == len(passes(whole)) == N

    draw = random.Random(seed)
    for _ in range(KILLS):
        known, before = kept(killed, keys, fingerprint), len(passes(killed))
        pid = runner.start(killed)
        point = before + draw.randrange(1, N // KILLS)
        while len(passes(killed)) < point:
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        assert runner.end() == -signal.SIGKILL
        assert known.isdisjoint(passes(killed)[before:])
    known, before = kept(killed, keys, fingerprint), len(passes(killed))
    runner.start(killed)
    assert runner.end() == 0
    assert known.isdisjoint(passes(killed)[before:])

    times = Counter(passes(killed))
    assert set(times) == set(keys)
    # A kill loses what waits for a flush, less than FLUSH_ROWS values, and the batch on its way.
    lost = FLUSH_ROWS - 1 + BATCH_TOKENS // SHORTEST
    assert sum(times.values()) <= N + KILLS * lost
    ours, theirs = np.load(killed / "table.npy"), np.load(whole / "table.npy")
    np.testing.assert_allclose(ours, theirs, atol=2e-5)  # float32: other batches round otherwise

    runner.start(killed)
    assert runner.end() == 0
    assert Counter(passes(killed)) == times, "a finished table is computed again"
    assert np.array_equal(np.load(killed / "table.npy"), ours)
