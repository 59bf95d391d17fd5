"""A subset with the right rows and other words about them, written into the home itself, is not verified."""

import json

import polars as pl
import pytest

from mig_dagster.stages.stored_subset import StoredSubset, find_subset
from mig_dagster.stages.verify import verification as verifying
from mig_dagster.stages.verify.verification import verify

from .annotated_files import Workshop, rows_of, write


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tiny_model):
    made = Workshop(tmp_path_factory.mktemp("info"), tiny_model)
    files = {name: write(made.folder / f"{name}.jsonl", *rows_of(name, 12)) for name in ("one", "two")}
    made.select("mig", files, budget="4")
    made.select("car", files, "car", budget="4", clusters=3)
    return made


def forged(shop, name, monkeypatch, tables=None, info=None):
    """Verify a subset of which the home holds other tables and notes, all their hashes in order."""
    stored = find_subset(str(shop.folder / name), shop.home)
    asset = stored.manifest.asset
    kept = {table: stored.rows if table == "rows" else stored.table(table) for table in stored.manifest.tables}
    said = json.loads(json.dumps({**stored.info, **(info or {})}))
    other = shop.lake.write(asset, kept | (tables or {}), inputs=stored.manifest.inputs, info=said)
    found = StoredSubset(name, shop.lake.version(asset, None, other.version), shop.lake)
    monkeypatch.setattr("mig_dagster.stages.verify.verification.find_subset", lambda *_: found)
    return verify(name, shop.home, lambda *_: None)


@pytest.mark.parametrize("name", ["mig", "car"])
def test_what_was_written_again_as_it_was_is_verified(shop, name, monkeypatch):
    assert forged(shop, name, monkeypatch).state == "verified"


@pytest.mark.parametrize(("name", "table"), [("mig", "reasons"), ("mig", "label_gains"), ("car", "clusters")])
def test_other_reasons_gains_of_labels_and_clusters_of_other_rows_differ(shop, name, table, monkeypatch):
    now = find_subset(str(shop.folder / name), shop.home).table(table)
    swapped = now.with_columns(pl.col("row_id").reverse())
    verdict = forged(shop, name, monkeypatch, {table: swapped})
    assert (verdict.state, verdict.because) == (
        "differs",
        [f"the table {table} is not that of the choice made again"],
    )


@pytest.mark.parametrize("column", ["score", "labels", "source"])
def test_other_facts_of_the_same_rows_differ_on_any_machine(shop, column, monkeypatch):
    real = verifying.environment
    monkeypatch.setattr(verifying, "environment", lambda *given: real(*given) | {"numpy": "0.0"})
    rows = find_subset(str(shop.folder / "mig"), shop.home).rows
    other = {"score": pl.col("score") + 1, "labels": pl.col("labels").list.head(0), "source": pl.lit("three")}[column]
    verdict = forged(shop, "mig", monkeypatch, {"rows": rows.with_columns(other.alias(column))})
    assert verdict.state == "differs"
    assert f"rows have another {column} than is stored" in verdict.because[0]


@pytest.mark.parametrize("info", [{"objective": 1.0}, {"near_ties": [2]}, {"pool_mix": {"one": 24}}, {"k": 5}])
def test_other_numbers_differ(shop, info, monkeypatch):
    verdict = forged(shop, "mig", monkeypatch, info=info)
    assert verdict.state == "differs"
    assert verdict.because[0].startswith(f"{next(iter(info))}=")
