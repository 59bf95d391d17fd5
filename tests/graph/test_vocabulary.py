import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.graph import Association, Entry, Vocabulary, closed_vocabulary, count_tags, frozen, vocabulary

ROWS = [
    ["Math", "logic"],
    ["math", "math"],
    ["math"],
    ["Math", "maths", "LOGIC"],
    ["maths", "rare"],
    ["logic", "LOGIC"],
]
TAG_ROWS = st.lists(st.lists(st.sampled_from(["Math", "math", "maths", "数学", "logic", "c", "c++", ""]), max_size=5))


def encode_by_first_letter(names: list[str]) -> np.ndarray:
    """All names that start alike have one meaning."""
    return np.eye(26, dtype=np.float32)[[ord(name[0].lower()) - ord("a") for name in names]]


def test_each_step_leaves_its_mark():
    rows = [["math", "cooking"]] * 3 + [["Math", "mathematics", "mathematics!", "cook"]] * 2 + [["rare"]]
    built = vocabulary(rows, encode=encode_by_first_letter)
    assert built.entries == (
        Entry("cooking", 3, "cooking", "kept"),
        Entry("math", 3, "math", "kept"),
        Entry("Math", 2, "math", "merged_by_rule"),
        Entry("cook", 2, "cooking", "merged_by_rule"),
        Entry("mathematics", 2, "math", "merged_by_meaning"),
        Entry("mathematics!", 2, "math", "merged_by_meaning"),
        Entry("rare", 1, None, "dropped_rare"),
    )
    assert built.labels == ("cooking", "math")


def test_the_cut_comes_before_folding_as_in_the_paper():
    assert vocabulary([["Math"], ["math"]]).labels == ()
    assert vocabulary([["Math"], ["math"]], min_count=1).labels == ("Math",)


def test_apply_maps_and_keeps_each_label_once_in_order():
    built = vocabulary(ROWS)
    assert built.apply(["LOGIC", "maths", "Math", "rare", "logic", "never seen"]) == ["LOGIC", "Math"]
    assert built.apply([]) == []


def test_merging_weighs_a_group_by_all_its_spellings():
    counts = {"math": 3, "Math": 3, "mechanics": 5, "zoo": 1}
    assert vocabulary(counts, min_count=1, encode=encode_by_first_letter).labels == ("Math", "zoo")


def test_counts_and_rows_give_the_same_vocabulary():
    assert vocabulary(count_tags(ROWS)) == vocabulary(ROWS)


@given(rows=TAG_ROWS, seed=st.randoms())
@settings(deadline=None)
def test_the_order_of_rows_and_tags_changes_nothing(rows, seed):
    shuffled = [list(row) for row in rows]
    seed.shuffle(shuffled)
    for row in shuffled:
        seed.shuffle(row)
    assert vocabulary(rows) == vocabulary(shuffled)


@given(rows=TAG_ROWS)
@settings(deadline=None)
def test_every_tag_has_one_entry_and_every_label_is_a_tag(rows):
    built = vocabulary(rows)
    assert {entry.tag: entry.count for entry in built.entries} == count_tags(rows)
    assert set(built.labels) <= {entry.tag for entry in built.entries}
    assert list(built.labels) == sorted(set(built.labels))


def test_no_tags_give_an_empty_vocabulary():
    built = vocabulary([[], []], encode=encode_by_first_letter, association=Association())
    assert (built.entries, built.labels, built.rules) == ((), (), ())


def test_one_tag_gives_one_label():
    assert vocabulary([["数学"]] * 2).labels == ("数学",)


def test_association_rules_work_on_labels_not_on_tags():
    rows = [["Python", "programming"]] * 25 + [["python", "Programming"]] * 25 + [["programming"]] * 5
    built = vocabulary(rows, association=Association())
    assert [(rule.antecedent, rule.consequent) for rule in built.rules] == [(("Python",), "programming")]
    assert built.apply(["Programming", "python", "Python"]) == ["Python"]
    assert built.apply(["Programming"]) == ["programming"]


def test_association_without_rows_is_refused():
    with pytest.raises(ValueError, match="association merging needs the tags of each row"):
        vocabulary({"a": 3}, association=Association())


def test_the_version_is_what_the_vocabulary_does_to_rows():
    one = vocabulary({"math": 5, "Math": 2, "rare": 1})
    assert one.version == vocabulary({"math": 9, "Math": 2}).version
    assert one.version != vocabulary({"math": 2, "Math": 5}).version
    assert len(one.version) == 16


def test_rules_are_part_of_the_version():
    rows = [["a", "b"]] * 50
    assert vocabulary(rows, association=Association()).version != vocabulary(rows).version


def test_a_frozen_vocabulary_maps_as_before_and_counts_anew():
    before = vocabulary({"math": 5, "Math": 2, "rare": 1})
    after, unmapped = frozen(before, [["math", "new"], ["Math", "rare"], ["new"]])
    assert after.entries == (
        Entry("new", 2, None, "not_in_list"),
        Entry("Math", 1, "math", "merged_by_rule"),
        Entry("math", 1, "math", "kept"),
        Entry("rare", 1, None, "dropped_rare"),
    )
    assert unmapped.tags == (("new", 2), ("rare", 1))
    assert unmapped.share == pytest.approx(3 / 5)
    assert (after.labels, after.version) == (before.labels, before.version)


def test_freezing_keeps_labels_that_no_longer_occur():
    before = vocabulary({"math": 5, "logic": 4})
    after, unmapped = frozen(before, {"math": 1})
    assert after.labels == ("logic", "math")
    assert (unmapped.share, unmapped.tags) == (0.0, ())


def test_freezing_keeps_the_rules():
    before = vocabulary([["a", "b"]] * 50, association=Association())
    after, _ = frozen(before, [["a", "b"]])
    assert after.apply(["b", "a"]) == ["a"]


def test_nothing_to_map_is_nothing_unmapped():
    assert frozen(vocabulary({}), []) == (Vocabulary(()), frozen(vocabulary({}), {})[1])
    assert frozen(vocabulary({}), [])[1].share == 0.0


def write(path, text: str):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_closed_list_keeps_exact_matches_only(tmp_path):
    path = write(tmp_path / "valid.json", json.dumps(["math", "数学", "never used"]))
    built = closed_vocabulary([["math", "Math"], ["数学", "math"]], path)
    assert built.entries == (
        Entry("math", 2, "math", "kept"),
        Entry("Math", 1, None, "not_in_list"),
        Entry("数学", 1, "数学", "kept"),
    )
    assert built.labels == ("math", "数学")


def test_a_closed_list_may_start_with_a_byte_order_mark(tmp_path):
    assert closed_vocabulary({"a": 1}, write(tmp_path / "valid.json", '\ufeff["a"]')).labels == ("a",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["a",\n "b"', r"valid.json: .*line 2.*; expected a JSON list of strings"),
        ('{"a": 1}', r"valid.json: holds a JSON dict; expected a JSON list of strings"),
        ('["a", 2]', r"valid.json: element 1 is 2; expected a JSON list of strings"),
    ],
)
def test_a_bad_list_names_the_file_and_the_place(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        closed_vocabulary({"a": 1}, write(tmp_path / "valid.json", text))


def test_a_list_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "valid.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"valid.json: .*; expected a JSON list of strings"):
        closed_vocabulary({"a": 1}, tmp_path / "valid.json")


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"valid.json"):
        closed_vocabulary({"a": 1}, tmp_path / "valid.json")
