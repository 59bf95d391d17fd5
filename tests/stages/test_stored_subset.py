"""A subset is found by its folder or its name, and with it exactly what it was chosen from."""

import json

import polars as pl
import pytest

from mig_dagster.stages.stored_subset import find_subset
from mig_dagster.stages.subset import choose_subset
from mig_dagster.storage import Lake, Store

from .test_select_files import select

ASKED = ("write a python function", "translate this poem", "solve the equation x + 1 = 2")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({"instruction": ask, "output": "done"}) + "\n" for ask in ASKED))
    return path


@pytest.mark.parametrize("method", ["mig", "deita", "car", "zip", "random"])
def test_a_folder_leads_to_what_its_rows_were_chosen_from(path, tmp_path, tiny_model, method):
    made = select(path, tmp_path / "out", tiny_model, tmp_path / "home", method=method)
    found = find_subset(str(tmp_path / "out"), str(tmp_path / "home"))
    assert (found.method, found.rows.height, found.info["k"]) == (method, made.files.rows, 3)
    again = choose_subset(method, found.frames(), budget="100%", settings=found.info["options"])
    assert again.rows.equals(found.rows)
    assert (found.table("clusters") is not None) == (method == "car")
    assert {"rows", "excluded"} <= set(found.manifest.tables)
    assert "raw_pool/mine" in found.manifest.inputs


def test_a_folder_whose_home_is_another_says_so(path, tmp_path, tiny_model):
    select(path, tmp_path / "out", tiny_model, tmp_path / "home", method="random")
    with pytest.raises(LookupError, match=r"no version .* of random_subset any more: .*another --home"):
        find_subset(str(tmp_path / "out"), str(tmp_path / "elsewhere"))


def test_a_lock_that_an_earlier_version_wrote_is_refused(tmp_path):
    (tmp_path / "selection.lock.json").write_text("{}")
    with pytest.raises(ValueError, match="an earlier version wrote it, choose again"):
        find_subset(str(tmp_path), str(tmp_path))


def write(lake, rank):
    rows = {"rank": [rank], "row_id": ["r"]}
    return lake.publish(lake.write("mig_subset", pl.DataFrame(rows), info={"method": "mig"}))


def test_versions_of_an_asset_are_named_by_their_age_or_by_themselves(tmp_path):
    lake = Lake(Store(tmp_path))
    first, _, third = (write(lake, rank) for rank in (1, 2, 3))
    found = {name: find_subset(name, str(tmp_path)).rows["rank"][0] for name in ("mig", "mig_subset", "mig~1", "mig~2")}
    assert found == {"mig": 3, "mig_subset": 3, "mig~1": 2, "mig~2": 1}
    assert find_subset(f"mig@{first.version}", str(tmp_path)).manifest == first
    assert find_subset("mig~0", str(tmp_path)).manifest == third
    with pytest.raises(LookupError, match="mig_subset has 2 versions before the current one, 3 were asked for"):
        find_subset("mig~3", str(tmp_path))
    with pytest.raises(LookupError, match="no version 00 of mig_subset any more"):
        find_subset("mig@00", str(tmp_path))


@pytest.mark.parametrize("name", ["no/such/folder", "deita", "raw_pool", "MIG!"])
def test_a_name_that_is_no_subset_is_told_what_there_is(tmp_path, name):
    write(Lake(Store(tmp_path)), 1)
    with pytest.raises(
        LookupError, match=r"no subset '.*': expected a folder with selection.lock.json, .*: mig_subset$"
    ):
        find_subset(name, str(tmp_path))
