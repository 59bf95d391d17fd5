"""The whole graph with its home in a bucket gives what it gives in a folder."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from assets.jobs import COMPARED
from mig_dagster.lineage import open_catalog, trace, trace_home
from mig_dagster.lineage.queries import ask, questions
from mig_dagster.storage import Store
from resources.home import MigHome
from tests.cli.running import run
from tests.dag.tiny import TinyProject, failure, fill, materialise, materialise_all, score_all, versions
from tests.storage.roots import ROOTS

RUN_DEPENDENT = {"runs", "revisions", "failures"}
"""Tables with times and ids of runs."""


@dataclass(frozen=True)
class ProjectInBucket(TinyProject):
    """A project whose home is elsewhere."""

    root: str = ""

    @property
    def home(self) -> MigHome:
        return MigHome(root=self.root)


@pytest.fixture(scope="module", params=ROOTS[2:])
def in_bucket(request, tmp_path_factory, encoder_folder):
    """Everything materialised with the home in a bucket: (place, results by name)."""
    server = request.getfixturevalue(request.param)
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        server.use(patch, "MIG_HOME_AWS_")
        folder = tmp_path_factory.mktemp("bucket")
        place = fill(ProjectInBucket(folder, encoder_folder, f"{server.bucket()}/team/home"))
        results = materialise_all(place, instance) | score_all(place, instance)
        results["compared"] = materialise(place, instance, *COMPARED)
        results["catalog"] = materialise(place, instance, "lineage_catalog")
        yield place, results


def test_every_asset_has_the_data_version_that_it_has_in_a_folder(in_bucket, finished):
    for name, result in in_bucket[1].items():
        assert failure(result) == ""
        assert versions(result) == versions(finished[2][name])


def test_the_catalog_answers_every_question_as_it_does_in_a_folder(in_bucket, finished):
    here, there = in_bucket[0].home.catalog, finished[0].home.catalog
    assert here.startswith("s3://")
    chosen = in_bucket[0].home.lake.scan("mig_subset").first().collect()["row_id"].item()
    for name in questions():
        parameters = {"row_id": chosen} if name == "where_a_row_came_from" else None
        found, expected = ask(here, name, parameters), ask(there, name, parameters)
        assert found.shape == expected.shape, name
        assert found.columns == expected.columns, name
    with open_catalog(here) as bucket, open_catalog(there) as folder:
        for table in ("rows", "annotations", "labels", "edges", "subsets", "duplicates", "rejected_rows", "excluded"):
            query = f"from {table} order by all"
            assert bucket.execute(query).fetchall() == folder.execute(query).fetchall(), table


def test_a_row_is_traced_in_a_bucket(in_bucket, finished):
    home = in_bucket[0].home
    chosen = home.lake.scan("mig_subset").first().collect()["row_id"].item()
    told = trace_home(home.root, chosen)
    expected = trace(finished[0].home.catalog, finished[0].home.lake, chosen)
    assert {key: told[key] for key in ("messages", "annotations", "labels", "duplicates", "subsets")} == {
        key: expected[key] for key in ("messages", "annotations", "labels", "duplicates", "subsets")
    }
    code, stdout, stderr = run("trace", chosen, "--home", home.root)
    assert (code, stderr) == (0, "")
    assert stdout.startswith(chosen)


def test_the_export_is_the_same_byte_for_byte_and_nothing_is_left_in_the_working_directory(in_bucket, finished):
    store, folder = in_bucket[0].home.store, Path(finished[0].home.export_folder("mig_subset"))
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert store.list("exports/mig_subset") == [f"exports/mig_subset/{name}" for name in names]
    for name in ("train.jsonl", "llama-factory/mig_subset.jsonl", "trl/mig_subset.parquet"):
        assert store.read(f"exports/mig_subset/{name}") == (folder / name).read_bytes()
    assert not Path("s3:").exists()


def test_a_home_opened_anew_has_every_version_that_was_published(in_bucket, finished):
    lake = MigHome(root=in_bucket[0].root).lake
    assert lake.assets() == finished[0].home.lake.assets()
    for asset in lake.assets():
        for partition in [None, *lake.partitions(asset)]:
            here, there = lake.current(asset, partition), finished[0].home.lake.current(asset, partition)
            assert (here is None) == (there is None)
            if here is not None:
                assert here.tables.keys() == there.tables.keys()
                assert here.data_version == there.data_version


def test_no_secret_is_in_what_is_stored_or_shown(in_bucket, request):
    place, results = in_bucket
    secrets = [b"moto-test-secret", b"ceph-test-secret"]
    store = Store(place.root)
    for path in store.list("lake") + store.list("ledger") + store.list("exports"):
        assert not any(secret in store.read(path) for secret in secrets), path
    shown = repr(store) + repr(place.home) + repr(place.home.lake.scan("mig_subset").explain())
    shown += "".join(repr(event) for result in results.values() for event in result.all_events)
    assert not any(secret.decode() in shown for secret in secrets)
