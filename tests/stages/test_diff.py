"""Each cause for which a row is in one subset and not in another, through files that change between two choices."""

from dataclasses import replace

import polars as pl
import pytest

from mig_dagster.stages.diff.causes import CAUSES
from mig_dagster.stages.diff.difference import diff, write_diff
from mig_dagster.stages.stored_subset import find_subset

from .annotated_files import Workshop, record, write

TEXTS = {name: f"please {name} " + "x" * size for name, size in zip("abcdefgh", range(80, 0, -10), strict=True)}
"""Questions by name, each shorter than the one before: the order in which `longest` takes them."""


class Pair:
    """Two choices from files, `before` and `after`, and what came of comparing them."""

    def __init__(self, folder, model) -> None:
        self.shop, self.ids = Workshop(folder, model), {}

    def chosen(self, when, method="longest", budget="3", changes=None, settings=None, **sources):
        files = {}
        for source, rows in sources.items():
            files[source] = write(self.shop.folder / f"{source}.jsonl", *rows)
        self.shop.select(when, files, method, budget, changes, **(settings or {}))
        return find_subset(str(self.shop.folder / when), self.shop.home)

    def told(self, before, after):
        """Return (change, name of the row, cause, detail) of every row that came or went."""
        names = {}
        for subset in (before, after):
            texts = subset.frames().raw_pool.select("row_id", "messages").collect()
            names |= {row: messages[0]["content"] for row, messages in texts.iter_rows()}
        made = diff(before, after)
        changed = made.rows.filter(pl.col("change") != "kept").select("change", "row_id", "cause", "detail")
        return {(names[row][7], change, cause): detail for change, row, cause, detail in changed.iter_rows()}


@pytest.fixture
def pair(tmp_path, tiny_model):
    return Pair(tmp_path, tiny_model)


def rows(names, **changed):
    """Return the records of some texts; `changed` are other arguments of single ones."""
    return [record(TEXTS[name], **changed.get(name, {})) for name in names]


def test_a_new_source_brings_rows_and_displaces_others(pair):
    before = pair.chosen("before", one=rows("bcd"))
    after = pair.chosen("after", one=rows("bcd"), two=rows("a"))
    assert pair.told(before, after) == {("a", "added", "source"): "two", ("d", "evicted", "displaced"): None}


def test_a_source_that_is_removed_takes_its_rows_along(pair):
    before = pair.chosen("before", one=rows("bcd"), two=rows("a"))
    after = pair.chosen("after", one=rows("bcd"))
    assert pair.told(before, after) == {("a", "evicted", "source"): "two", ("d", "added", "displaced"): None}


def test_rows_come_and_go_in_a_source_that_is_revised(pair):
    before, after = pair.chosen("before", one=rows("abcd")), pair.chosen("after", one=rows("acde"))
    assert pair.told(before, after) == {("b", "evicted", "row"): "one", ("d", "added", "displaced"): None}
    assert pair.told(after, before) == {("b", "added", "row"): "one", ("d", "evicted", "displaced"): None}


def test_a_row_for_which_another_one_stands_names_it(pair):
    before = pair.chosen("before", two=rows("abc"))
    after = pair.chosen("after", two=rows("abc"), one=[record(TEXTS["b"].upper(), answer="DONE")])
    [instead] = after.rows.filter(pl.col("source") == "one")["row_id"]
    assert pair.told(before, after)["b", "evicted", "duplicate"] == f"{instead} stands for it"
    assert pair.told(after, before)["b", "added", "duplicate"] == f"{instead} stands for it"


def test_a_row_that_lacks_a_score_is_excluded(pair):
    given = {"method": "deita", "changes": {"max_null_share": 1.0}, "settings": {"threshold": 1.0}}
    without = pair.chosen("without", **given, one=rows("abcd", b={"points": None}))
    scored = pair.chosen("scored", **given, one=rows("abcd"))
    excluded = "quality_scores: not_scored"
    told = {("b", "added", "excluded"): excluded, ("d", "evicted", "displaced"): None}
    assert pair.told(without, scored) == told
    told = {("b", "evicted", "excluded"): excluded, ("d", "added", "displaced"): None}
    assert pair.told(scored, without) == told


def test_another_method_or_other_options_come_before_anything_that_changed_of_a_row(pair):
    before = pair.chosen("before", one=rows("abcdefgh"))
    after = pair.chosen("after", "random", one=rows("abcdefgh"))
    told = pair.told(before, after)
    assert {cause for _, _, cause in told} == {"method"}
    assert set(told.values()) == {"random here, longest there", "longest here, random there"}
    other = pair.chosen("other", "random", settings={"seed": 7}, one=rows("abcdefgh"))
    told = pair.told(after, other)
    assert {cause for _, _, cause in told} == {"options"}
    assert set(told.values()) == {"seed 7 here, 42 there", "seed 42 here, 7 there"}


def test_a_larger_budget_adds_the_rows_beyond_the_smaller_one(pair):
    before, after = (
        pair.chosen(when, budget=budget, one=rows("abcdefgh")) for when, budget in (("s", "3"), ("l", "5"))
    )
    assert set(pair.told(before, after)) == {("d", "added", "budget"), ("e", "added", "budget")}
    assert set(pair.told(after, before)) == {("d", "evicted", "budget"), ("e", "evicted", "budget")}


def test_a_changed_score_says_what_it_was(pair):
    given = {"method": "deita", "settings": {"threshold": 1.0}, "budget": "2"}
    points = {"a": {"points": 5}, "b": {"points": 4}, "c": {"points": 3}, "d": {"points": 2}}
    before = pair.chosen("before", **given, one=rows("abcd", **points))
    after = pair.chosen("after", **given, one=rows("abcd", **(points | {"d": {"points": 4.5}})))
    assert pair.told(before, after) == {
        ("d", "added", "score"): "score 4.5 here, score 2.0 there",
        ("b", "evicted", "displaced"): None,
    }


def test_changed_labels_say_what_they_were(pair):
    tags = {"a": {"tags": ["maths", "code"]}, "b": {"tags": ["poetry"]}, "c": {"tags": ["maths"]}}
    before = pair.chosen("before", "instag", "1", one=rows("abc", **tags))
    tags["c"] = {"tags": ["maths", "code", "poetry"]}
    after = pair.chosen("after", "instag", "1", one=rows("abc", **tags))
    assert pair.told(before, after) == {
        ("c", "added", "labels"): "code, maths, poetry here, maths there",
        ("a", "evicted", "displaced"): None,
    }


def test_what_changed_before_any_row_is_told_by_name(pair):
    before = pair.chosen("before", "random", one=rows("abcd"))
    after = pair.chosen("after", "random", "2", settings={"seed": 7}, one=rows("abcd"), two=rows("efg"))
    found = diff(before, after).changes
    assert found["choice"] == {"budget": ("3", "2"), "rows": (3, 2), "pool_rows": (4, 7)}
    assert found["options"] == {"seed": (42, 7)}
    assert set(found["inputs"]) == {"pool", "raw_pool/two", "source_revisions/two"}
    assert found["inputs"]["raw_pool/two"][0] is None
    assert set(found) == {"choice", "options", "inputs"}


def test_a_subset_and_itself_have_all_rows_in_common(pair):
    subset = pair.chosen("before", one=rows("abcd"))
    made = diff(subset, subset)
    assert made.counts == {"kept": 3, "added": 0, "evicted": 0}
    assert (made.moved, made.changes, made.causes().height) == ({"up": 0, "down": 0, "same": 3}, {}, 0)


def test_sums_by_source_by_label_and_by_cause_are_those_of_the_rows(pair, tmp_path):
    tags = {
        name: {"tags": [tag, "all"]} for name, tag in zip("abcd", ("maths", "code", "maths", "poetry"), strict=True)
    }
    before = pair.chosen("before", "instag", "2", one=rows("ab", **tags), two=rows("c", **tags))
    after = pair.chosen("after", "instag", "3", one=rows("b", **tags), two=rows("cd", **tags))
    made = diff(before, after)
    assert made.by_source().rows() == [("one", 1, 0, 1), ("two", 0, 2, 0)]
    assert made.by_label().rows()[0] == ("all", 1, 2, 1)
    assert sum(made.causes().select("added", "evicted").sum_horizontal()) == 3
    write_diff(made, tmp_path / "told")
    added = pl.read_parquet(tmp_path / "told" / "added.parquet")
    assert added["rank_after"].is_sorted()
    assert set(added["cause"]) <= set(CAUSES)
    assert added["rank_before"].null_count() == 2
    assert pl.read_parquet(tmp_path / "told" / "kept.parquet")["cause"].null_count() == 1


def test_labels_of_rows_whose_method_reads_none_are_those_of_the_other_subsets_pool(pair):
    tags = {name: {"tags": [tag]} for name, tag in zip("abcd", ("maths", "code", "maths", "poetry"), strict=True)}
    before = pair.chosen("before", "instag", "2", one=rows("abcd", **tags))
    after = pair.chosen("after", "longest", "2", one=rows("abcd", **tags))
    for one, other in ((before, after), (after, before)):
        labels = diff(one, other).rows.select("row_id", pl.col("labels").list.join(",")).rows()
        pool = before.frames().tags.select("row_id", pl.col("tags").list.join(",")).collect()
        assert dict(labels).items() <= dict(pool.rows()).items()
    nothing = diff(after, pair.chosen("again", "longest", "1", one=rows("abcd", **tags)))
    assert (nothing.rows["labels"].null_count(), nothing.by_label().height) == (2, 0)


def test_ranks_that_moved_are_counted(pair):
    before, after = pair.chosen("before", budget="100%", one=rows("abcd")), None
    after = pair.chosen("after", budget="100%", one=rows("bcd"))
    made = diff(before, after)
    assert (made.moved, made.counts) == ({"up": 3, "down": 0, "same": 0}, {"kept": 3, "added": 0, "evicted": 1})
    assert made.of("kept").select("rank_before", "rank_after").rows() == [(2, 1), (3, 2), (4, 3)]


def test_a_budget_in_tokens_that_buys_other_rows_is_the_cause_even_where_it_buys_as_many(pair):
    texts = [record("word " * size, score, [tag]) for size, score, tag in ((9, 4, "x"), (1, 1, "y"), (30, 9, "z"))]
    small, large = (
        pair.chosen(when, "mig", budget, one=texts, settings={"prop_weight": 0.0})
        for when, budget in (("s", "20tok"), ("l", "42tok"))
    )
    assert not small.info["nested"]
    changed = diff(small, large).rows.filter(pl.col("change") != "kept")
    assert changed.height
    assert set(changed["cause"]) == {"budget"}


def test_what_the_same_budget_in_tokens_no_longer_buys_was_displaced_not_cut(pair):
    texts = [record("word " * size, score, [tag]) for size, score, tag in ((4, 4, "x"), (5, 3, "y"), (6, 2, "z"))]
    before = pair.chosen("before", "mig", "80tok", one=texts)
    after = pair.chosen("after", "mig", "80tok", one=texts, two=[record("other " * 9, 99, ["w"])])
    causes = diff(before, after).rows.filter(pl.col("change") == "evicted")["cause"]
    assert before.rows.height > after.rows.height
    assert set(causes) == {"displaced"}


def test_a_row_whose_number_of_tokens_changed_says_what_it_was(pair):
    rows_of_two = [record("word " * 9, 4, ["x"]), record("other " * 9, 3, ["y"])]
    before = pair.chosen("before", "mig", "100tok", one=rows_of_two)
    after = pair.chosen("after", "mig", "100tok", one=rows_of_two)
    signal = after.frames().token_counts.with_columns(tokens=pl.col("tokens") + 1).drop("source").collect()
    lake, (name,) = after.lake, [name for name in after.manifest.inputs if name.startswith("token_counts")]
    version = lake.write("token_counts", signal, partition=name.partition("/")[2]).version
    cut = replace(after, manifest=replace(after.manifest, inputs={**after.manifest.inputs, name: version}))
    cut.__dict__["rows"] = after.rows.clear()
    evicted = diff(before, cut).rows
    assert set(evicted["cause"]) == {"score"}
    assert evicted["detail"].to_list() == [
        "score 4.0, tokens 40 here, score 4.0, tokens 41 there",
        "score 3.0, tokens 49 here, score 3.0, tokens 50 there",
    ]


def test_a_row_whose_embedding_changed_was_not_just_displaced(pair):
    before = pair.chosen("before", "deita", one=rows("abcd"), settings={"threshold": 1.0})
    after = pair.chosen("after", "deita", one=rows("abcd"), settings={"threshold": 1.0})
    name = "row_embeddings/one"
    signal = after.frames().row_embeddings.drop("source").collect()
    version = after.lake.write(
        "row_embeddings", signal.with_columns(pl.col("embedding").reverse()), partition="one"
    ).version
    other = replace(after, manifest=replace(after.manifest, inputs={**after.manifest.inputs, name: version}))
    other.__dict__["rows"] = after.rows.clear()
    assert set(diff(before, other).rows["cause"]) == {"embedding"}
