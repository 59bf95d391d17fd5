"""The lake: versions written whole, published by a pointer, read through manifests."""

import hashlib
import json
import os

import polars as pl
import pytest

from mig_dagster.storage import writer as writing
from mig_dagster.storage.digest import values_digest
from mig_dagster.storage.lake import Lake
from mig_dagster.storage.manifest import Manifest
from mig_dagster.storage.store import Store
from tests.storage.roots import ROOTS, new_root

ROWS = pl.DataFrame({"row_id": ["a", "b", "c"], "score": [1.0, None, 3.0], "provenance": ["computed"] * 3})


@pytest.fixture(params=ROOTS)
def lake(request, monkeypatch):
    return Lake(Store(new_root(request, monkeypatch)))


@pytest.fixture
def local(tmp_path):
    return Lake(Store(tmp_path))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(writing, "SHARD_ROWS", 100)
    monkeypatch.setattr(writing, "SHARD_BYTES", 1000)
    monkeypatch.setattr(writing, "_SLICE_ROWS", 64)


def texts(n):
    return pl.DataFrame({"row_id": [f"{i:04d}" for i in range(n)], "text": ["x" * (i % 37) for i in range(n)]})


def test_what_is_published_is_what_was_written(lake):
    manifest = lake.write("tags", ROWS, partition="alpaca", inputs={"raw_pool/alpaca": "v1"}, info={"read": 3})
    lake.publish(manifest)
    assert lake.scan("tags", "alpaca").collect().equals(ROWS)
    found = lake.current("tags", "alpaca")
    assert found == manifest
    assert (found.rows, found.inputs, found.info) == (3, {"raw_pool/alpaca": "v1"}, {"read": 3})
    assert lake.assets() == ["tags"]
    assert lake.partitions("tags") == ["alpaca"]


def test_nothing_is_seen_before_it_is_published(lake):
    lake.write("pool", ROWS)
    assert lake.current("pool") is None
    assert lake.partitions("pool") == []
    with pytest.raises(LookupError, match=r"asset 'pool' has no published version in .*: materialise pool first"):
        lake.scan("pool")


def test_a_version_can_be_read_before_and_after_it_was_the_current_one(lake):
    first = lake.publish(lake.write("pool", ROWS))
    second = lake.write("pool", ROWS.head(1))
    assert lake.scan_versions([second]).collect().height == 1
    lake.publish(second)
    assert lake.scan_versions([first]).collect().height == 3
    assert lake.history("pool") == [first, second]


def test_rows_of_several_sources_follow_one_another_in_the_order_given(lake):
    for source in ("a", "b", "c"):
        lake.publish(lake.write("raw_pool", pl.DataFrame({"source": [source]}), partition=source))
    assert lake.scan("raw_pool", ["c", "missing", "a"]).collect()["source"].to_list() == ["c", "a"]
    assert lake.partitions("raw_pool") == ["a", "b", "c"]


def test_errors_say_what_to_materialise(lake):
    lake.publish(lake.write("raw_pool", ROWS, partition="a"))
    with pytest.raises(LookupError, match=r"partitioned by source: name one of \['a'\]"):
        lake.scan("raw_pool")
    with pytest.raises(LookupError, match=r"no published version for b, c in .*: materialise raw_pool first"):
        lake.scan("raw_pool", ["b", "c"])
    with pytest.raises(LookupError, match="no published version for no source at all"):
        lake.scan("raw_pool", [])
    with pytest.raises(LookupError, match=r"asset 'raw_pool' has no table 'rejected': it has \['rows'\]"):
        lake.scan("raw_pool", "a", "rejected")


@pytest.mark.parametrize("slug", ["../up", "a/b", "", "A", "source=x", ".tmp"])
def test_names_that_are_no_slugs_are_refused(lake, slug):
    with pytest.raises(ValueError, match="lower-case letters, digits"):
        lake.current("tags", slug)
    with pytest.raises(ValueError, match="lower-case letters, digits"):
        lake.write(slug, ROWS)


def test_empty_tables_keep_their_columns(lake):
    manifest = lake.write("raw_pool", {"rows": ROWS.clear(), "rejected": ROWS.clear().select("row_id")})
    lake.publish(manifest)
    assert lake.scan("raw_pool").collect().equals(ROWS.clear())
    assert lake.scan("raw_pool", table="rejected").collect().schema == {"row_id": pl.String}
    assert (manifest.rows, manifest.table_rows("rejected"), manifest.table_rows("other")) == (0, 0, 0)


def test_nested_and_fixed_size_columns_come_back_as_they_were(lake):
    frame = pl.DataFrame(
        {"e": [[1.0, 2.0], None], "m": [[{"role": "user", "content": None}], []], "n": [1, 2]},
        schema={
            "e": pl.Array(pl.Float32, 2),
            "m": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
            "n": pl.Int32,
        },
    )
    lake.publish(lake.write("row_embeddings", frame))
    back = lake.scan("row_embeddings").collect()
    assert back.schema == frame.schema
    assert back.equals(frame)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("sizes", [[1000], [1] * 10 + [990], [99, 101, 1, 799], [500, 0, 500]])
def test_neither_version_nor_shards_depend_on_how_rows_were_appended(local, sizes):
    whole = texts(1000)
    expected = local.write("pool", whole)
    with local.writer("pool") as writer:
        start = 0
        for size in sizes:
            writer.append("rows", whole[start : start + size])
            start += size
        manifest = writer.finish()
    assert manifest == expected
    assert local.write("pool", whole.lazy()) == expected
    assert local.scan_versions([manifest]).collect().equals(whole)


@pytest.mark.usefixtures("small_shards")
def test_shards_end_at_the_row_count_or_the_byte_count(local):
    by_rows = local.write("a", pl.DataFrame({"n": pl.Series([0] * 250, dtype=pl.Int8)}))
    assert [shard.rows for shard in by_rows.tables["rows"]] == [100, 100, 50]
    by_bytes = local.write("b", pl.DataFrame({"t": ["x" * 400] * 5}))
    assert [shard.rows for shard in by_bytes.tables["rows"]] == [2, 2, 1]
    huge = local.write("c", pl.DataFrame({"t": ["x", "x" * 5000, "y" * 5000, "z"]}))
    assert [shard.rows for shard in huge.tables["rows"]] == [1, 1, 1, 1]


@pytest.mark.usefixtures("small_shards")
def test_the_writer_holds_at_most_one_shard(local):
    with local.writer("pool") as writer:
        for _ in range(50):
            writer.append("rows", texts(37))
            table = writer._tables["rows"]
            assert sum(map(len, table._pending)) == table._rows < 100
        writer.finish()


def test_shard_names_carry_the_hash_of_their_bytes(local):
    manifest = local.write("pool", ROWS)
    (shard,) = manifest.tables["rows"]
    data = local.store.read(shard.path)
    assert hashlib.sha256(data).hexdigest() == shard.sha256
    assert shard.path == f"lake/pool/rows/shard-00000-{shard.sha256[:24]}.parquet"
    assert (shard.rows, shard.bytes) == (3, len(data))


def test_a_rerun_with_the_same_result_writes_nothing_new(local):
    first = local.publish(local.write("tags", ROWS, partition="a", inputs={"raw_pool": "1"}))
    before = {path: os.stat(local.store.uri(path)).st_ino for path in local.store.list()}
    again = local.publish(local.write("tags", ROWS, partition="a", inputs={"raw_pool": "1"}))
    assert again == first
    assert {path: os.stat(local.store.uri(path)).st_ino for path in local.store.list()} == before


def test_other_provenance_is_the_same_data_version_in_another_manifest(lake):
    values = {"rows": ["row_id", "score"]}
    first = lake.publish(lake.write("quality_scores", ROWS, values=values))
    imported = ROWS.with_columns(provenance=pl.lit("imported"))
    second = lake.publish(lake.write("quality_scores", imported, values=values))
    assert second.data_version == first.data_version
    assert second.path != first.path
    assert lake.current("quality_scores") == second
    assert lake.scan("quality_scores").collect().equals(imported)


def test_other_inputs_or_notes_are_kept_even_when_the_values_are_the_same(lake):
    versions = [
        lake.write("pool", ROWS, inputs=inputs, info=info)
        for inputs, info in [({}, {}), ({"a": "1"}, {}), ({"a": "1"}, {"n": 1}), ({}, {})]
    ]
    assert len({manifest.data_version for manifest in versions}) == 1
    assert len({manifest.path for manifest in versions}) == 3
    assert versions[3] == versions[0]


def test_the_data_version_counts_the_tables_that_were_asked_for(lake):
    def version(values, labels):
        tables = {"rows": ROWS, "labels": pl.DataFrame({"label": labels})}
        return lake.write("label_graph", tables, values=values).data_version

    both = {"rows": ["row_id"], "labels": ["label"]}
    assert version(both, ["x"]) != version(both, ["y"])
    assert version({"rows": ["row_id"]}, ["x"]) == version({"rows": ["row_id"]}, ["y"])
    assert version(None, ["x"]) == version(None, ["y"])


def test_frames_of_one_table_have_one_schema(lake):
    writer = lake.writer("pool")
    writer.append("rows", ROWS)
    with pytest.raises(ValueError, match=r"table 'rows': a frame has columns .* cast every frame to one schema"):
        writer.append("rows", ROWS.drop("score"))


def test_values_name_columns_and_tables_that_exist(lake):
    with pytest.raises(ValueError, match=r"values=\['nope'\]: table 'rows' has no column 'nope'"):
        lake.write("pool", ROWS, values={"rows": ["nope"]})
    with pytest.raises(ValueError, match="nothing was appended to table 'labels': append a frame without rows"):
        lake.write("pool", ROWS, values={"labels": ["label"]})


def test_leaving_a_writer_unfinished_is_an_error(lake):
    with pytest.raises(RuntimeError, match="left without finish"), lake.writer("pool") as writer:
        writer.append("rows", ROWS)


def test_an_error_on_the_way_is_not_hidden_by_the_unfinished_writer(lake):
    with pytest.raises(KeyError, match="mine"), lake.writer("pool"):
        raise KeyError("mine")
    assert lake.history("pool") == []


def test_publishing_what_is_not_there_fails(lake):
    manifest = lake.write("pool", ROWS)
    lake.store.remove(manifest.path)
    with pytest.raises(LookupError, match=r"is not in .*: finish its writer first"):
        lake.publish(manifest)


def test_publishing_twice_changes_nothing(local):
    manifest = local.publish(local.write("pool", ROWS))
    inode = os.stat(local.store.uri("lake/pool/current")).st_ino
    local.publish(manifest)
    assert os.stat(local.store.uri("lake/pool/current")).st_ino == inode


def test_a_manifest_of_another_format_says_so(lake):
    manifest = lake.publish(lake.write("pool", ROWS))
    document = json.loads(lake.store.read(manifest.path)) | {"format": 9}
    lake.store.replace(manifest.path, json.dumps(document).encode())
    with pytest.raises(ValueError, match="manifest format 9, expected 1: read it with the version"):
        lake.current("pool")


def test_a_manifest_survives_its_json(lake):
    manifest = lake.write("pool", ROWS, inputs={"a": "1"}, info={"n": [1, None, "ü"]})
    assert Manifest.from_json(manifest.to_json(), manifest.path) == manifest


def test_a_frame_keeps_its_version_while_others_publish(lake):
    lake.publish(lake.write("pool", ROWS))
    opened = lake.scan("pool")
    lake.publish(lake.write("pool", ROWS.head(1)))
    lake.vacuum(keep=0)
    assert opened.collect().equals(ROWS)
    assert lake.scan("pool").collect().height == 1


def test_vacuum_keeps_the_published_version_and_the_newest(lake):
    versions = [lake.write("pool", ROWS.head(n), partition="a") for n in (0, 1, 2, 3)]
    lake.publish(versions[1])
    other = lake.publish(lake.write("pool", ROWS))
    would = lake.vacuum(keep=1, dry_run=True, grace=-60)
    assert lake.history("pool", "a") == versions
    assert lake.vacuum(keep=1, grace=-60) == would
    assert len(would.paths) == 4  # two manifests and a shard of each
    assert would.bytes > 0
    assert lake.history("pool", "a") == [versions[1], versions[3]]
    assert lake.scan("pool", "a").collect().height == 1
    assert lake.scan_versions([versions[3], other]).collect().height == 6
    assert lake.vacuum(keep=1, grace=-60).paths == ()


def chosen_from_old_versions(lake):
    """Publish three versions of each asset, each made from the one above; return their manifests."""
    made = []
    for number in range(3):
        raw = lake.publish(lake.write("raw_pool", pl.DataFrame({"n": [number]}), partition="s"))
        signed = {"raw_pool/s": raw.data_version, "source_revisions/s": "abc"}
        signs = lake.write("row_signatures", pl.DataFrame({"s": [number]}), partition="s", inputs=signed)
        pool = lake.write("pool", pl.DataFrame({"p": [number]}), inputs={"row_signatures/s": signs.data_version})
        subset = lake.write("mig_subset", pl.DataFrame({"r": [number]}), inputs={"pool": pool.data_version})
        made.append([lake.publish(each) for each in (raw, signs, pool, subset)])
    return made


def test_vacuum_keeps_what_a_kept_subset_was_chosen_from(lake):
    first, second, third = chosen_from_old_versions(lake)
    for other in (7, 8):  # that no subset was chosen from
        lake.publish(lake.write("pool", pl.DataFrame({"p": [other]})))
    lake.vacuum(keep=2, grace=-1)
    for asset, partition, kept in (("raw_pool", "s", 0), ("row_signatures", "s", 1), ("pool", None, 2)):
        there = [each.version for each in lake.history(asset, partition)]
        assert {second[kept].version, third[kept].version} <= set(there)
        assert first[kept].version not in there
    assert lake.scan_versions([second[0]]).collect()["n"].to_list() == [1]
    lake.vacuum(keep=0, grace=-1)
    assert [each.version for each in lake.history("row_signatures", "s")] == [third[1].version]
    with pytest.raises(LookupError, match=r"no version .* of row_signatures of s any more"):
        lake.version("row_signatures", "s", second[1].data_version)


def test_a_version_is_found_by_its_values_when_only_one_with_other_notes_is_left(lake):
    lake.write("pool", pl.DataFrame({"p": [1]}), info={"by": "one"})
    other = lake.publish(lake.write("pool", pl.DataFrame({"p": [1]}), info={"by": "another"}))
    assert other.version != other.data_version
    lake.vacuum(keep=0, grace=-1)
    assert lake.version("pool", None, other.data_version) == other


def test_the_room_that_versions_take_counts_shared_shards_once(lake):
    one = lake.write("pool", pl.DataFrame({"p": [1]}), info={"by": "one"})
    lake.write("pool", pl.DataFrame({"p": [1]}), info={"by": "another"})
    other = lake.write("raw_pool", pl.DataFrame({"n": [1, 2]}), partition="s")
    assert lake.room() == sum(shard.bytes for each in (one, other) for shard in each.tables["rows"])


def test_vacuum_leaves_what_a_running_writer_may_still_need(lake):
    lake.publish(lake.write("pool", ROWS))
    writer = lake.writer("pool")
    writer.append("rows", ROWS.head(2))
    writer._tables["rows"]._flush()
    writer._background.wait()
    assert lake.vacuum().paths == ()
    assert len(lake.vacuum(grace=-60, dry_run=True).paths) == 1


def test_a_writer_makes_the_old_shards_that_it_uses_again_young(local):
    manifest = local.write("pool", ROWS)
    for path in local.store.list():
        os.utime(local.store.uri(path), (1, 1))
    assert local.write("pool", ROWS) == manifest
    assert local.vacuum(keep=0).paths == ()


def test_vacuum_leaves_every_shard_of_a_young_version(local):
    """Its first shards are older than its manifest by as long as writing took."""
    slow = local.write("pool", ROWS.head(1))
    os.utime(local.store.uri(slow.tables["rows"][0].path), (1, 1))
    local.publish(local.write("pool", ROWS))
    assert local.vacuum(keep=0).paths == ()
    assert local.scan_versions([slow]).collect().height == 1


def test_two_clean_ups_at_once_do_not_stumble_over_each_other(lake, monkeypatch):
    for n in range(4):
        lake.publish(lake.write("pool", ROWS.head(n)))
    listed = type(lake.store).list

    def list_then_lose(store, prefix=""):
        """Between listing and looking, the other clean-up takes what is not needed."""
        found = listed(store, prefix)
        monkeypatch.undo()
        Lake(store).vacuum(keep=1, grace=-60)
        return found

    monkeypatch.setattr(type(lake.store), "list", list_then_lose)
    lake.vacuum(keep=1, grace=-60)
    assert [manifest.rows for manifest in lake.history("pool")] == [3]
    assert lake.scan("pool").collect().equals(ROWS)


@pytest.mark.parametrize("name", ["data[1]", "what?", "all*", "it's {here}", "50%20"])
def test_a_root_is_a_name_and_no_pattern(tmp_path, name):
    lake = Lake(Store(tmp_path / name))
    lake.publish(lake.write("pool", ROWS))
    assert lake.scan("pool").collect().equals(ROWS)


def test_vacuum_needs_a_count(lake):
    with pytest.raises(ValueError, match="keep=-1: expected the number of versions to keep, 0 or more"):
        lake.vacuum(keep=-1)


def test_the_version_of_rows_is_the_digest_of_its_columns(lake):
    """Whoever holds the frame can check a version without the writer."""
    manifest = lake.write("pool", ROWS)
    digests = json.dumps({"rows": values_digest(ROWS)})
    assert manifest.data_version == hashlib.blake2b(digests.encode(), digest_size=16).hexdigest()
