import pytest

from mig_dagster.graph.frequency import count_tags, frequent


def test_a_tag_counts_once_per_row():
    assert count_tags([["a", "a", "b"], ["a"], []]) == {"a": 2, "b": 1}


def test_blank_tags_are_left_out():
    assert count_tags([["", "  ", "a"]]) == {"a": 1}


def test_no_rows_give_no_counts():
    assert count_tags([]) == {}


def test_the_cut_keeps_tags_that_reach_it():
    assert frequent({"a": 2, "b": 1}, 2) == {"a": 2}


def test_a_row_that_is_a_string_is_refused():
    with pytest.raises(TypeError, match=r"tags of row 1 are the string 'logic'.*\['logic'\]"):
        count_tags([["a"], "logic"])


def test_a_tag_that_is_not_a_string_is_refused():
    with pytest.raises(TypeError, match="tag 7 is a int; expected a string"):
        count_tags([["a", 7]])


def test_a_cut_below_one_is_refused():
    with pytest.raises(ValueError, match="min_count is 0; expected at least 1"):
        frequent({"a": 2}, 0)
