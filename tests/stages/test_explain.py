"""Why a row is in a stored subset or not: every status, every method, from what the subset was chosen from."""

import json

import numpy as np
import pytest

from mig_dagster.stages.explain.explanation import explain
from mig_dagster.stages.file_pool import file_lake
from mig_dagster.stages.stored_subset import find_subset
from tests.stages.test_select_files import select

WORDS = ["python function", "poem", "equation", "translate french", "sql query", "recipe"]
ASKED = [f"{WORDS[i % 6]} and {WORDS[(i * i) % 5]} number {i}" for i in range(24)]
MADE_HERE = ["mig", "deita", "car", "zip", "random"]


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_model):
    """A home with subsets of half the rows of a small file."""
    root = tmp_path_factory.mktemp("explained")
    path = root / "mine.jsonl"
    records = [{"instruction": ask, "output": f"done {i} " * (i % 4 + 1)} for i, ask in enumerate(ASKED)]
    loud = [{"instruction": ASKED[0].upper(), "output": "DONE 0 "}, {"instruction": "nothing", "output": ""}]
    path.write_text("".join(json.dumps(record) + "\n" for record in [*records, *loud]))
    for method in MADE_HERE:
        settings = {"gain": "exact"} if method == "mig" else {"threshold": 0.99} if method == "deita" else {}
        select(path, root / method, tiny_model, root / "home", method=method, budget="50%", **settings)
    return root


@pytest.fixture(scope="module")
def bought(home, tiny_model):
    """A subset for a budget in tokens."""
    select(home / "mine.jsonl", home / "bought", tiny_model, home / "home", method="mig", budget="200tok")
    return find_subset(str(home / "bought"), str(home / "home"))


def subset_of(home, method):
    return find_subset(str(home / method), str(home / "home"))


def pool_of(home, method="mig"):
    return subset_of(home, method).frames().pool.collect()


@pytest.mark.parametrize("method", MADE_HERE)
def test_rows_of_the_pool_are_explained_chosen_or_not(home, method):
    subset = subset_of(home, method)
    for row_id in pool_of(home, method)["row_id"][::4]:
        found = explain(row_id, subset)
        assert found["status"] == ("chosen" if row_id in subset.rows["row_id"] else "not chosen")
        assert (found["row_id"], found["method"]) == (row_id, method)
        assert found["reason"].endswith(".")
        assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("method", ["mig", "random", "car"])
def test_what_is_stored_of_a_chosen_row_agrees_with_the_explanation(home, method):
    subset = subset_of(home, method)
    for row_id, details in subset.table("reasons").select("row_id", "details").rows()[:3]:
        found, stored = explain(row_id, subset)["details"], json.loads(details)
        if method == "mig":
            assert found["gains"]["now"]["true"] == pytest.approx(stored["gain"])
            assert found["labels_told"] == stored["labels"]
        else:
            assert {name: found[name] for name in stored} == stored


def test_the_first_digits_and_the_place_name_a_row(home):
    subset = subset_of(home, "random")
    row_id, source, origin = subset.rows.select("row_id", "source", "origin").row(0)
    whole = explain(row_id, subset)
    assert explain(row_id[:12], subset) == explain(f"{source}/{origin}", subset) == whole


def test_a_duplicate_names_and_explains_the_row_that_stands_for_it(home):
    subset = subset_of(home, "random")
    found = explain("mine/mine.jsonl:000000025", subset)
    assert (found["status"], found["details"]["kind"]) == ("duplicate", "normalised")
    kept = found["instead"]
    assert kept["row_id"] == found["details"]["row_id"]
    assert kept["status"] in ("chosen", "not chosen")
    assert f"The pool has row {kept['row_id']} (mine/mine.jsonl:000000001) instead" in found["reason"]
    assert explain(found["row_id"], subset) == found


def test_a_rejected_record_says_why(home):
    found = explain("mine/mine.jsonl:000000026", subset_of(home, "random"))
    assert (found["status"], found["row_id"]) == ("rejected", None)
    assert found["reason"].startswith("It never became a row: empty_answer")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("f" * 32, r"no row 'f+' in the pool of 24 rows that .*random was chosen from: .*choose the subset again"),
        ("mine/mine.jsonl:000000999", "no row 'mine/mine.jsonl:000000999' in the pool of 24 rows"),
        ("other/a:1", "no row 'other/a:1' in the pool"),
        ("xyz", "row_id='xyz': expected up to 32 hex digits"),
        ("", "row_id='': expected up to 32 hex digits"),
    ],
)
def test_a_row_that_is_not_there_is_told_what_to_do(home, name, said):
    with pytest.raises(LookupError, match=said):
        explain(name, subset_of(home, "random"))


def test_digits_that_several_rows_begin_with_are_refused(home):
    ids = sorted(pool_of(home)["row_id"])
    first = next(digit for digit in "0123456789abcdef" if sum(row.startswith(digit) for row in ids) > 1)
    with pytest.raises(LookupError, match=f"several rows begin with '{first}': .*give more digits"):
        explain(first, subset_of(home, "random"))


def test_a_row_without_a_signal_says_that_it_was_excluded(home):
    subset = subset_of(home, "mig")
    row_id = pool_of(home)["row_id"][3]
    lake = file_lake(str(home / "home"))
    excluded = subset.table("excluded").vstack(
        pool_of(home)[[3]].select("row_id", "source").with_columns(reason=np.array(["tags: parse_failure"]))
    )
    tables = {"rows": subset.rows, "excluded": excluded}
    manifest = lake.write("mig_subset", tables, inputs=subset.manifest.inputs, info=dict(subset.info))
    found = explain(row_id, type(subset)("other", manifest, lake))
    assert (found["status"], found["reason"]) == ("excluded", "It could not be considered: tags: parse_failure.")


def test_the_nearest_chosen_row_by_embedding_is_another_row(home):
    subset = subset_of(home, "deita")
    for row_id in pool_of(home)["row_id"][:6]:
        near = explain(row_id, subset)["details"]["nearest_by_embedding"]
        assert near["row_id"] != row_id
        assert subset.rows["row_id"][near["rank"] - 1] == near["row_id"]
        assert -1 <= near["cosine"] <= 1


def test_without_embeddings_there_is_none_nearest(home):
    found = explain(pool_of(home)["row_id"][0], subset_of(home, "random"))
    assert "nearest_by_embedding" not in found["details"]


def test_under_a_budget_in_tokens_a_row_left_out_says_what_was_left(home, bought):
    statuses = {row_id: explain(row_id, bought) for row_id in pool_of(home)["row_id"]}
    chosen = {row_id for row_id, found in statuses.items() if found["status"] == "chosen"}
    assert chosen == set(bought.rows["row_id"])
    spent = bought.info["tokens"]["used"]["tokens"]
    for found in statuses.values():
        if found["status"] == "not chosen":
            assert found["details"]["next"]["left"] == 200 - spent < found["details"]["tokens"]
    assert sum(statuses[row_id]["details"]["tokens"] for row_id in chosen) == spent
