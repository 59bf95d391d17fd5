"""The scorers of MIG's ablation that know nothing of quality."""

from functools import partial

from mig_dagster.annotations import FLAGS
from mig_dagster.annotations.annotator import Annotator, Batch
from mig_dagster.annotations.quality import SCORERS, ConstantScorer, LexicalScorer, TagCountScorer, score_rows
from mig_dagster.annotations.tagging import tag_rows
from tests.annotations.rows import row


class FirstLetters:
    """Tags a row with the first letter of each word; rows without words fail."""

    annotator = Annotator("first_letters", "letters", "1")

    def tag(self, rows, cache=None, progress=None):
        tags = [[word[0] for word in r.conversation.instruction.split()] or None for r in rows]
        return Batch({"tags": tags}, ["empty_text" if tag is None else None for tag in tags])


def tag_count():
    return TagCountScorer(partial(tag_rows, tagger=FirstLetters()), FirstLetters.annotator)


def test_constant_gives_every_row_one_however_many_turns_it_has():
    rows = [row(("a", "b")), row(("a", "b"), ("c", "d")), row(("", ""))]
    for aggregation in ("turn_mean", "turn_sum"):
        made = score_rows(rows, ConstantScorer(), aggregation)
        assert made.values["score"].tolist() == [1.0, 1.0, 1.0]
        assert made.flags == [None] * 3
        assert SCORERS["constant"].limits(aggregation) == (1, 1)
    assert SCORERS["constant"].constant
    assert not any(scale.constant for name, scale in SCORERS.items() if name != "constant")


def test_tag_count_counts_distinct_tags_and_keeps_why_there_are_none():
    made = score_rows([row(("an apple by day", "yes")), row(("", "x"))], tag_count())
    assert made.values["score"][0] == 3
    assert made.flags == [None, "empty_text"]
    assert set(filter(None, made.flags)) <= FLAGS.keys()
    (annotator,) = made.used.values()
    assert annotator == tag_count().annotator("turn_mean")
    assert annotator.parameters["tagger"] == FirstLetters.annotator.fingerprint


def test_counts_of_two_taggers_name_them():
    carried = row(("apple", "yes"), annotation={"instag": {"content": ["fruit", "food", "fruit"]}})
    made = score_rows([carried, row(("pear", "no"))], tag_count())
    assert made.values["score"].tolist() == [2, 1]
    assert made.annotators[0] != made.annotators[1]
    assert made.used[made.annotators[0]].model == "xsample annotation.instag"


def test_no_rows_are_no_problem():
    for scorer in (ConstantScorer(), tag_count(), LexicalScorer()):
        assert len(score_rows([], scorer).values["score"]) == 0
