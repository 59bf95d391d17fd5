import polars as pl
import pytest

from mig_dagster.stages.subset import SUBSET_SCHEMA
from mig_dagster.stages.subset_files import selection_lock, with_conversations


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


def test_the_lock_pins_inputs_options_versions_and_the_rule_for_ties():
    kept = ("method", "budget", "options", "k", "rows", "pool_rows", "excluded", "objective", "shortfall")
    info = (
        {name: name for name in kept}
        | {"nested": True, "warnings": []}
        | {"gain_curve": "left out", "method": "random"}
    )
    lock = selection_lock(
        "mig_subset",
        info,
        kept={"store": "."},
        inputs={"pool": "v"},
        annotators={},
        licences={"s": None},
        scorer="lexical",
    )
    assert lock["inputs"] == {"pool": "v"}
    assert lock["options"] == "options"
    assert "lowest pool index" in lock["ties"]
    assert {"python", "mig-dagster", "numpy", "scipy", "polars"} == set(lock["versions"])
    assert lock["nested"] is True
    assert "gain_curve" not in lock
    assert "pool_options" not in lock


def test_a_subset_that_an_earlier_version_stored_has_to_be_made_again():
    with pytest.raises(
        ValueError, match="stored with subset s lacks 'budget': an earlier version made it; materialise"
    ):
        selection_lock("s", {"method": "mig"}, kept={}, inputs={}, annotators={}, licences={}, scorer="not used")


@pytest.mark.parametrize(("method", "library"), [("zip", "zlib"), ("car", "torch"), ("qdit", "torch")])
def test_the_lock_names_the_libraries_whose_build_can_change_a_methods_choice(method, library):
    kept = ("budget", "options", "k", "rows", "pool_rows", "excluded", "objective", "shortfall")
    info = dict.fromkeys([*kept, "nested", "warnings"]) | {"method": method}
    lock = selection_lock("s", info, kept={"store": "."}, inputs={}, annotators={}, licences={}, scorer="not used")
    assert lock["versions"][library][0].isdigit()
