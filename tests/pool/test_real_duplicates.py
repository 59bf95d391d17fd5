"""The pool over 25 real files finds the duplicates that independent counting finds in them."""

from collections import Counter

import polars as pl
import pytest

from mig_dagster.pool import ingest, pool, row_signatures
from mig_dagster.sources import Source, resolve
from mig_dagster.storage import Lake, Store
from tests.shared_data import shared

FOLDERS = ["alpaca", "alpaca_cot", "annotated", "dolly", "gpteacher", "gsm8k", "llamafactory", "oasst"]
WITHIN = {
    "gpteacher.toolformer": 2,
    "dolly.dolly_3k": 2,
    "llamafactory.glaive_toolcall_en_demo": 38,
    "llamafactory.glaive_toolcall_zh_demo": 43,
    "llamafactory.alpaca_zh_demo": 8,
    "llamafactory.alpaca_en_demo": 14,
    "llamafactory.dpo_en_demo": 5,
    "llamafactory.v1_sft_demo": 1,
}
ACROSS = {
    ("llamafactory.alpaca_en_demo", "alpaca.alpaca_random_9k"): 9,
    ("annotated.car_selected_result", "alpaca.alpaca_random_9k"): 172,
    ("llamafactory.v1_sft_demo", "llamafactory.alpaca_en_demo"): 255,
    ("llamafactory.kto_en_demo", "llamafactory.dpo_en_demo"): 1,
    ("llamafactory.v1_sft_demo", "llamafactory.identity"): 50,
}
# Four rows with an empty answer, and the 150 of KTO that are not to be learnt; the malformed line is none of the rows.
ROWS, REJECTED = 65_761, 4 + 150


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake(Store(tmp_path_factory.mktemp("home")))
    data = shared("data")
    for folder in FOLDERS:
        for file in sorted((data / folder).iterdir()):
            if "scored" not in file.name:  # scores of another file's rows, no conversations
                source = Source(f"{folder}.{file.name.split('.')[0]}", str(file))
                lake.publish(ingest(source, resolve(source), lake))
    return lake


def test_duplicates_within_and_across_files_are_the_true_ones(lake):
    names = lake.partitions("raw_pool")
    signatures = pl.concat([row_signatures(lake.scan("raw_pool", name)) for name in names])
    rows, duplicates = pool(signatures.lazy(), {})
    assert signatures.height == ROWS - REJECTED
    assert rows.height + duplicates.height == signatures.height

    pairs = duplicates.select("source", "kept_source").rows()
    assert Counter(source for source, kept in pairs if source == kept) == Counter(WITHIN) - Counter(
        {"llamafactory.glaive_toolcall_en_demo": other_tools(lake, "llamafactory.glaive_toolcall_en_demo")}
    )
    assert Counter((source, kept) for source, kept in pairs if source != kept) == ACROSS
    assert duplicates["kind"].value_counts().sort("kind").rows() == [("exact", 595), ("normalised", 2)]


def other_tools(lake, source):
    """Rows that say what another row says, but with other tools: the truth counts texts alone, the pool does not."""
    rows = lake.scan("raw_pool", source).collect().to_dicts()
    texts = [tuple((turn["role"], turn["content"], turn["tool_calls"]) for turn in row["messages"]) for row in rows]
    with_tools = {(text, row["tools"]) for text, row in zip(texts, rows, strict=True)}
    return len(with_tools) - len(set(texts))


def test_every_record_of_every_file_is_accounted_for(lake):
    infos = [lake.current("raw_pool", name).info for name in lake.partitions("raw_pool")]
    assert len(infos) == 25
    for info in infos:
        assert info["records"] == info["accepted"] + sum(info["rejected"].values()) + info["blank"]
    assert sum(info["accepted"] for info in infos) == ROWS - REJECTED
    assert sum(info["records"] for info in infos) == ROWS + 1
