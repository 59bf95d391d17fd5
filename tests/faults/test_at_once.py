"""Processes that finish at once, and two backfills of one partition: nothing is lost and nothing is there twice."""

import shutil

import dagster as dg
import numpy as np
import pytest

from mig_dagster.annotations import FragmentCache
from mig_dagster.lineage import Ledger
from mig_dagster.storage import Lake, Store
from tests.dag.tiny import alpaca
from tests.e2e.conftest import CHECKOUT
from tests.faults.at_once import finish, make_a_source, together
from tests.faults.audit import audit, whole

PROCESSES, LINES = 8, 3
MADE = ("raw_pool", "row_signatures", "tags", "quality_scores")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, moto_s3):
    """A local folder and a bucket in which eight processes finished at once: the same eight, whose start is long."""
    with pytest.MonkeyPatch.context() as patch:
        moto_s3.use(patch)
        roots = {"disk": str(tmp_path_factory.mktemp("at_once") / "home"), "s3": moto_s3.bucket()}
        together(finish, PROCESSES, list(roots.values()), LINES)
        yield roots


@pytest.mark.parametrize("where", ["disk", "s3"])
def test_eight_processes_that_finish_at_once_lose_no_line_no_value_and_no_version(finished, where):
    store = Store(finished[where])
    lines = Ledger(store).read("runs")
    assert lines.height == 2 * PROCESSES * LINES == lines.unique(["run_id", "asset", "partition"]).height

    keys = [f"{number:016x}{line:016x}" for number in range(PROCESSES) for line in range(LINES)]
    values = np.full(len(keys), np.nan)
    for positions, batch in FragmentCache(store).load("model", keys):
        values[positions] = batch.columns["score"]
    assert values.tolist() == [number for number in range(PROCESSES) for _ in range(LINES)]

    lake = Lake(store)
    history = lake.history("pool")
    assert len({manifest.data_version for manifest in history}) == len(history) == PROCESSES * LINES
    for manifest in history:
        whole(lake, manifest)
    rows = lake.scan("pool").collect()
    assert rows.height == 50
    assert rows.n_unique() == 1
    assert rows["line"][0] == LINES - 1  # whoever was last
    assert lake.current("pool").data_version in {manifest.data_version for manifest in history}


def test_two_backfills_of_one_partition_at_once_are_one_version_and_two_lines(place, tmp_path):
    dagster_home = tmp_path / "dagster_home"
    dagster_home.mkdir()
    shutil.copyfile(CHECKOUT / "dagster.yaml", dagster_home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        instance.add_dynamic_partitions("source", ["maths"])
    tagged = {"annotation": {"instag": {"content": ["algebra"]}}}  # nothing to compute, so that both come to the end
    place.write("maths", [alpaca(i) | tagged for i in range(3_000)])
    together(make_a_source, 2, place, str(dagster_home), MADE)
    lake = place.home.lake
    for asset in MADE:
        assert len(lake.history(asset, "maths")) == 1
        assert lake.current(asset, "maths").rows == 3_000
    lines = place.home.ledger.read("runs")
    assert lines["run_id"].n_unique() == 2
    assert dict(lines.group_by("asset").len().iter_rows()) == dict.fromkeys(MADE, 2)
    assert lines.unique(["asset", "data_version"]).height == len(MADE)
    audit(place, tmp_path)
