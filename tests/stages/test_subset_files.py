import json
from hashlib import sha256

import polars as pl
import pytest

from mig_dagster.export.seal import is_unchanged, sealed
from mig_dagster.stages.environment import environment
from mig_dagster.stages.subset import SUBSET_SCHEMA
from mig_dagster.stages.subset_files import selection_lock, shard_digests, with_conversations
from mig_dagster.storage import Lake, Store


def raw_pool(n=4):
    return pl.LazyFrame(
        {
            "row_id": [f"id{i}" for i in range(n)],
            "source": ["s"] * n,
            "origin": [f"f:{i}" for i in range(n)],
            "messages": [[{"role": "user", "content": str(i)}] for i in range(n)],
            "tools": [None] * n,
        }
    )


def subset(*rows):
    lines = [(rank, f"id{i}", "s", f"f:{i}", 1.0, 2.0, ["a"]) for rank, i in enumerate(rows, 1)]
    return pl.LazyFrame(lines, schema=SUBSET_SCHEMA, orient="row")


def test_rows_get_their_conversations_in_the_order_of_choice():
    rows = with_conversations(subset(2, 0), raw_pool())
    assert rows["messages"].to_list() == [[{"role": "user", "content": "2"}], [{"role": "user", "content": "0"}]]
    assert rows.columns == [*SUBSET_SCHEMA, "messages", "tools"]


def test_a_row_whose_source_changed_meanwhile_is_an_error():
    with pytest.raises(
        LookupError, match="1 rows of the subset are not in raw_pool, as s/f:7: the source changed since"
    ):
        with_conversations(subset(0, 7), raw_pool())


KEPT = ("method", "budget", "options", "k", "rows", "pool_rows", "excluded", "objective", "shortfall")
GIVEN = {"kept": {"store": "."}, "inputs": {"pool": "v"}, "shards": {"pool": "d"}, "annotators": {}}


def info(method="random", device=None):
    """Return what `choose_subset` would say, with each value its own name."""
    said = {name: name for name in KEPT} | {"nested": True, "warnings": [], "near_ties": [3]}
    return said | {"method": method, "gain_curve": "left out", "environment": environment(method, device)}


def test_the_lock_pins_inputs_options_versions_and_the_rule_for_ties():
    lock = selection_lock("mig_subset", info(), **GIVEN, licences={"s": None}, scorer="lexical")
    assert (lock["inputs"], lock["shards"]) == ({"pool": "v"}, {"pool": "d"})
    assert lock["options"] == "options"
    assert "lowest pool index" in lock["ties"]
    assert {"python", "mig-dagster", "numpy", "scipy", "polars", "c library", "processor"} == set(lock["versions"])
    assert (lock["nested"], lock["near_ties"]) == (True, [3])
    assert "gain_curve" not in lock
    assert "pool_options" not in lock


def test_a_subset_that_an_earlier_version_stored_has_to_be_made_again():
    with pytest.raises(
        ValueError, match="stored with subset s lacks 'budget': an earlier version made it; materialise"
    ):
        selection_lock("s", {"method": "mig"}, **GIVEN, licences={}, scorer="not used")
    old = {key: value for key, value in info().items() if key != "environment"}
    with pytest.raises(ValueError, match="lacks 'environment'"):
        selection_lock("s", old, **GIVEN, licences={}, scorer="not used")


@pytest.mark.parametrize(("method", "library"), [("zip", "zlib"), ("car", "torch"), ("qdit", "torch")])
def test_the_lock_names_the_libraries_whose_build_can_change_a_methods_choice(method, library):
    lock = selection_lock("s", info(method), **GIVEN, licences={}, scorer="not used")
    assert lock["versions"][library][0].isdigit()


def test_the_lock_names_the_device_and_what_sums_of_products_depend_on():
    assert environment("mig", "cuda:0")["device"] == "cuda:0"
    assert environment("car")["device"] == "cpu"
    assert {"blas", "threads"} <= set(environment("instruct_mining"))
    assert not {"blas", "zlib", "device"} & set(environment("ifd"))


def test_an_edit_by_hand_breaks_the_seal():
    lock = sealed(selection_lock("s", info(), **GIVEN, licences={}, scorer="not used"))
    assert is_unchanged(json.loads(json.dumps(lock, indent=2)))
    assert not is_unchanged(lock | {"budget": "6%"})
    assert not is_unchanged({key: value for key, value in lock.items() if key != "lock_sha256"})


def test_a_digest_of_shards_changes_with_any_shard(tmp_path):
    lake = Lake(Store(tmp_path))
    rows = {"raw_pool/s": lake.write("raw_pool", pl.DataFrame({"n": [1]}), partition="s")}
    pool = lake.write("pool", {"rows": pl.DataFrame({"n": [1]}), "duplicates": pl.DataFrame({"n": [2]})})
    read = {"raw_pool/s": rows["raw_pool/s"].data_version, "pool": pool.data_version}
    kept = lake.write("mig_subset", pl.DataFrame({"rank": [1]}), inputs=read)
    found = shard_digests(lake, kept)
    assert set(found) == {"mig_subset", "pool", "raw_pool/s"}
    lines = "".join(f"{table} {pool.tables[table][0].sha256}\n" for table in ("duplicates", "rows"))
    assert found["pool"] == sha256(lines.encode()).hexdigest()
