"""Writers that are killed, race each other, or publish under the eyes of readers: real processes, real files."""

import multiprocessing
import random
import signal
import subprocess
import sys
import textwrap
import time
from hashlib import sha256

import polars as pl
import pytest

from mig_dagster.storage.lake import Lake
from mig_dagster.storage.store import Store
from tests.storage.roots import CEPH


@pytest.fixture
def lake(lasting_root):
    return Lake(Store(lasting_root))


ENDLESS = """
    import sys
    import polars as pl
    from mig_dagster.storage import writer as writing
    from mig_dagster.storage.lake import Lake
    from mig_dagster.storage.store import Store
    writing.SHARD_ROWS = 50
    lake = Lake(Store(sys.argv[1]))
    with lake.writer("pool") as writer:
        for block in range(10**6):
            writer.append("rows", pl.DataFrame({"n": range(block * 50, block * 50 + 50)}))
            print(block, flush=True)
"""


def test_a_writer_killed_half_way_leaves_nothing_visible(lake):
    lake.publish(lake.write("pool", pl.DataFrame({"n": [1]})))
    for blocks in (1, 3, 8):
        command = [sys.executable, "-c", textwrap.dedent(ENDLESS), lake.store.root]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            for _ in range(blocks):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert len(lake.history("pool")) == 1
        assert lake.scan("pool").collect()["n"].to_list() == [1]
    # Every shard that has its final name is whole, and a clean-up takes them all.
    shards = lake.store.list("lake/pool/rows")
    assert len(shards) > 3
    for path in shards:
        lake.store.scan_parquet([path]).collect()
    lake.vacuum(keep=0, grace=-60)
    assert len(lake.store.list()) == 3
    assert lake.store.remove_leftovers(-60) == 0


def _commit(root, gate, seed):
    lake = Lake(Store(root))
    gate.wait()
    for version in range(10):
        rows = pl.DataFrame({"n": range(version * 100)})
        lake.publish(lake.write("pool", rows, inputs={"writer": str(seed % 2)}))


def test_two_writers_of_one_version_agree_on_one_manifest(lake):
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    # The same inputs: every version must end up with exactly one manifest, whoever wins.
    writers = [context.Process(target=_commit, args=(lake.store.root, gate, 0)) for _ in range(2)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
        assert process.exitcode == 0
    history = lake.history("pool")
    assert sorted(manifest.rows for manifest in history) == [version * 100 for version in range(10)]
    assert lake.current("pool").rows == 900


def test_racing_writers_with_other_inputs_both_keep_their_manifest(lake):
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    writers = [context.Process(target=_commit, args=(lake.store.root, gate, seed)) for seed in (0, 1)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
        assert process.exitcode == 0
    seen = {(manifest.rows, manifest.inputs["writer"]) for manifest in lake.history("pool")}
    assert len(seen) == 20


def _publish_for_ever(root):
    lake = Lake(Store(root))
    versions = [lake.write("pool", pl.DataFrame({"n": [n] * n})) for n in (1, 1000)]
    lake.publish(versions[0])
    while True:
        for manifest in versions:
            lake.publish(manifest)


def test_readers_never_see_half_a_publication(lake):
    context = multiprocessing.get_context("spawn")
    publisher = context.Process(target=_publish_for_ever, args=(lake.store.root,), daemon=True)
    publisher.start()
    try:
        deadline = time.monotonic() + 60
        while lake.current("pool") is None:
            assert time.monotonic() < deadline
        seen = set()
        reads = 0
        while reads < 50 or len(seen) < 2:
            assert time.monotonic() < deadline
            reads += 1
            n = lake.scan("pool").collect()["n"]
            assert n.unique().to_list() == [n.len()]
            seen.add(n.len())
        assert seen == {1, 1000}
    finally:
        publisher.kill()
        publisher.join()


COMPETING = """
    import sys
    import polars as pl
    from mig_dagster.storage import writer as writing
    from mig_dagster.storage.lake import Lake
    from mig_dagster.storage.store import Store
    writing.SHARD_ROWS = 100
    lake = Lake(Store(sys.argv[1]))
    for version in range(1, 10**6):
        with lake.writer("pool", sys.argv[2]) as writer:
            for start in range(0, 400, 100):
                writer.append("rows", pl.DataFrame({"version": version, "n": range(start, start + 100)}))
                print("shard", flush=True)
            lake.publish(writer.finish())
"""


@pytest.mark.parametrize("lasting_root", ["local", CEPH], indirect=True)
def test_of_competing_writers_killed_at_random_every_visible_version_is_whole(lake):
    chance = random.Random(0)
    script = textwrap.dedent(COMPETING)
    for _ in range(3):
        writers = [
            subprocess.Popen([sys.executable, "-c", script, lake.store.root, source], stdout=subprocess.PIPE)
            for source in ("a", "b", "b")
        ]
        for writer in chance.sample(writers, len(writers)):
            for _ in range(chance.randint(6, 14)):
                writer.stdout.readline()
            with writer:
                writer.kill()
    found = [manifest for source in lake.partitions("pool") for manifest in lake.history("pool", source)]
    assert len(found) > 2
    for manifest in found:
        shards = manifest.tables["rows"]
        for shard, data in zip(shards, lake.store.read_all([shard.path for shard in shards]), strict=True):
            assert sha256(data).hexdigest() == shard.sha256
        rows = lake.scan_versions([manifest]).collect()
        assert rows["n"].to_list() == list(range(400))
        assert rows["version"].n_unique() == 1
    for source in ("a", "b"):
        assert lake.scan("pool", source).collect().height == 400
