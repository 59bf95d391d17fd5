from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.graph.association import Association, Rule, apply_rules, association_rules

ROWS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=6, unique=True), max_size=40)


def brute_force(rows: list[list[str]], limits: Association) -> list[Rule]:
    """Every itemset of two to four labels, counted row by row; the choice of rules as the docstring states it."""
    sets = [frozenset(row) for row in rows]

    def support(items) -> int:
        return sum(frozenset(items) <= row for row in sets)

    rules = []
    for size in (2, 3, 4):
        for itemset in combinations(sorted(set().union(*sets)) if sets else [], size):
            if support(itemset) < limits.min_support:
                continue
            rest = {label: tuple(x for x in itemset if x != label) for label in itemset}
            confident = [x for x in itemset if support(itemset) / support(rest[x]) >= limits.min_confidence]
            if confident:
                deleted = sorted(confident, reverse=True)[0]
                for label in sorted(confident, reverse=True):
                    if support([label]) < support([deleted]):
                        deleted = label
                confidence = support(itemset) / support(rest[deleted])
                rules.append(Rule(rest[deleted], deleted, confidence, support(itemset)))
    minimal = [
        rule
        for rule in rules
        if not any(
            other.consequent == rule.consequent and set(other.antecedent) < set(rule.antecedent) for other in rules
        )
    ]
    return sorted(minimal, key=lambda r: (-r.confidence, -r.support, r.antecedent, r.consequent))


@given(rows=ROWS, support=st.integers(1, 6), confidence=st.sampled_from([0.5, 0.8, 0.99, 1.0]))
@settings(deadline=None, max_examples=200)
def test_the_rules_are_those_of_a_brute_force_search(rows, support, confidence):
    limits = Association(support, confidence)
    assert list(association_rules(rows, limits)) == brute_force(rows, limits)


@given(rows=ROWS, seed=st.randoms())
@settings(deadline=None)
def test_the_order_of_rows_changes_no_rule(rows, seed):
    shuffled = [list(row) for row in rows]
    seed.shuffle(shuffled)
    limits = Association(2, 0.8)
    assert association_rules(rows, limits) == association_rules(shuffled, limits)


@given(rows=ROWS)
@settings(deadline=None)
def test_applying_the_rules_again_changes_nothing(rows):
    rules = association_rules(rows, Association(1, 0.6))
    for row in rows:
        once = apply_rules(row, rules)
        assert apply_rules(once, rules) == once
        assert bool(once) == bool(row)


def test_the_implied_label_goes():
    rows = [["python", "programming"]] * 40 + [["programming"]] * 10
    (rule,) = association_rules(rows, Association())
    assert rule == Rule(("python",), "programming", 1.0, 40)
    assert apply_rules(["programming", "python", "logic"], [rule]) == ["python", "logic"]


def test_support_is_counted_in_rows():
    rows = [["python", "programming"]] * 39 + [["programming"]] * 10
    assert association_rules(rows, Association()) == ()


def test_labels_that_imply_each_other_keep_the_more_frequent():
    rows = [["a", "b"]] * 200 + [["a"]]
    (rule,) = association_rules(rows, Association())
    assert (rule.antecedent, rule.consequent) == (("a",), "b")


def test_labels_that_always_come_together_keep_the_lexicographically_first():
    (rule,) = association_rules([["b", "a"]] * 50, Association())
    assert (rule.antecedent, rule.consequent) == (("a",), "b")


def test_no_rows_give_no_rules():
    assert association_rules([], Association()) == ()


def test_a_support_below_one_is_refused():
    with pytest.raises(ValueError, match="min_support is 0; expected a number of rows"):
        Association(min_support=0)


@pytest.mark.parametrize("confidence", [0.0, 1.01, float("nan")])
def test_a_confidence_out_of_range_is_refused(confidence):
    with pytest.raises(ValueError, match=r"min_confidence is .*; expected a share in \(0, 1\]"):
        Association(min_confidence=confidence)
