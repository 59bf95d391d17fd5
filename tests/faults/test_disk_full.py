"""A disk that is full: every stage fails in words, leaves nothing half written, and goes on once there is room."""

import os

import pytest

from assets.jobs import BY_SOURCE, POOL_LEVEL
from tests.dag.tiny import SOURCES, failure, materialise
from tests.faults.audit import audit, current, recovers

STAGES = [
    *((asset, "maths") for asset in BY_SOURCE),
    *((asset, None) for asset in (*POOL_LEVEL, "lineage_catalog")),
]


def leave(place, kib):
    """Fill the disk of a home up to some KiB."""
    disk = os.statvfs(place.folder / "home")
    (place.folder / "home/ballast").write_bytes(bytes(max(0, disk.f_bavail * disk.f_bsize - kib * 1024)))


@pytest.mark.parametrize("kib", [0, 12], ids=["no room", "room for a little"])
def test_a_full_disk_fails_each_stage_in_words_and_leaves_the_last_state(
    place, instance, small_disk, tmp_path, undisturbed, kib
):
    small_disk(place.folder / "home", 20_000)
    instance.add_dynamic_partitions("source", list(SOURCES))
    others = [name for name in SOURCES if name != "maths"]
    for name in others:
        assert materialise(place, instance, *BY_SOURCE, partition=name).success
    stopped = set()
    for asset, partition in STAGES:
        before = current(place)
        leave(place, kib)
        result = materialise(place, instance, asset, partition=partition)
        (place.folder / "home/ballast").unlink()
        if not result.success:
            told = failure(result)
            assert f"Failure: {place.folder}/home: no space left (" in told, told
            assert "free space there (mig-dagster vacuum drops old versions) and run again" in told
            assert current(place) == before
            stopped.add(asset)
        assert materialise(place, instance, asset, partition=partition).success
    assert kib or stopped == {asset for asset, _ in STAGES}
    assert stopped >= {"raw_pool", "row_embeddings", "label_graph", "subset_export", "lineage_catalog"}
    audit(place, tmp_path)
    recovers(place, undisturbed, tmp_path)
