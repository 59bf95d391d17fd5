import json

import polars as pl
import pytest

from mig_dagster.storage import Lake, Store
from tests.cli.running import run


@pytest.fixture
def home(tmp_path):
    """A home with three versions of one asset, the last one published, and a file that a killed writer left."""
    lake = Lake(Store(tmp_path / "home"))
    for rows in (1, 2, 3):
        lake.publish(lake.write("pool", pl.DataFrame({"n": range(rows)})))
    (tmp_path / "home" / ".tmp" / "half").write_bytes(b"half")
    return lake.store.root


def versions(home):
    return [manifest.rows for manifest in Lake(Store(home)).history("pool")]


def test_a_dry_run_says_what_would_go_and_removes_nothing(home):
    code, stdout, _ = run("vacuum", "--home", home, "--keep", 1, "--grace", -1, "--dry-run", "--json")
    told = json.loads(stdout)
    assert (code, told["dry_run"], told["leftovers"], len(told["paths"])) == (0, True, 1, 4)
    assert told["bytes"] > 0
    assert versions(home) == [1, 2, 3]


def test_old_versions_and_leftovers_go(home):
    code, stdout, _ = run("vacuum", "--home", home, "--keep", 1, "--grace", -1)
    assert code == 0
    assert stdout.startswith("removed 4 objects of 0.0 MiB in ")
    assert stdout.endswith("removed 1 leftovers of killed writers\n")
    assert versions(home) == [3]
    assert run("vacuum", "--home", home, "--keep", 1, "--grace", -1)[1].startswith("removed 0 objects")


def file_pools(home):
    """Keep a pool and a subset chosen from it, as select does; return their lake."""
    lake = Lake(Store(f"{home}/file_pools"))
    pool = lake.write("pool", pl.DataFrame({"n": [1]}))
    lake.write("mig_subset", pl.DataFrame({"rank": [1]}), inputs={"pool": pool.data_version})
    return lake


def test_pools_kept_for_files_stay_until_asked_for_and_their_room_is_told(home):
    lake = file_pools(home)
    _, stdout, _ = run("vacuum", "--home", home, "--grace", -1)
    assert "pools kept for select and compare take 0.0 MiB and stay; --file-pools removes old ones" in stdout
    told = json.loads(run("vacuum", "--home", home, "--grace", -1, "--json")[1])["file_pools"]
    assert told == {"bytes": lake.room(), "removed_bytes": 0, "paths": []}
    assert [len(lake.history(asset)) for asset in ("pool", "mig_subset")] == [1, 1]


def test_pools_kept_for_files_go_when_asked_for_and_old(home):
    lake = file_pools(home)
    assert json.loads(run("vacuum", "--home", home, "--file-pools", "--json")[1])["file_pools"]["paths"] == []
    dry = run("vacuum", "--home", home, "--file-pools", "--grace", -1, "--dry-run")[1]
    assert "would remove 4 objects of 0.0 MiB of pools kept for files" in dry
    assert lake.room() > 0
    told = json.loads(run("vacuum", "--home", home, "--file-pools", "--grace", -1, "--json")[1])["file_pools"]
    assert len(told["paths"]) == 4
    assert told["removed_bytes"] > told["bytes"] > 0
    assert (lake.room(), versions(home)) == (0, [2, 3])


def test_what_is_young_stays(home):
    assert run("vacuum", "--home", home, "--keep", 0)[1].startswith("removed 0 objects")
    assert versions(home) == [1, 2, 3]


def test_a_count_below_nothing_is_a_mistake_of_the_user(home):
    code, _, stderr = run("vacuum", "--home", home, "--keep", -1)
    assert (code, stderr) == (2, "error: keep=-1: expected the number of versions to keep, 0 or more\n")


def test_a_home_in_a_bucket_is_cleaned_too(moto_s3, monkeypatch):
    moto_s3.use(monkeypatch, "MIG_HOME_AWS_")
    home = f"{moto_s3.bucket()}/home"
    lake = Lake(Store(home))
    lake.publish(lake.write("pool", pl.DataFrame({"n": [1]})))
    bucket = home.split("/")[2]
    client = moto_s3.client()
    client.create_multipart_upload(Bucket=bucket, Key="home/lake/half")
    client.create_multipart_upload(Bucket=bucket, Key="other/half")
    code, stdout, _ = run("vacuum", "--home", home, "--grace", -1, "--json")
    assert (code, json.loads(stdout)["leftovers"]) == (0, 1)
    assert [upload["Key"] for upload in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["other/half"]
    client.close()
