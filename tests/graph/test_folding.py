import pytest

from mig_dagster.graph.folding import fold, fold_groups


@pytest.mark.parametrize(
    ("tag", "same_as"),
    [
        ("Problem Solving", "problem-solving"),
        ("data analysis", "  Data \t ANALYSIS!! "),
        ("program", "programs"),
        ("\uff2d\uff21\uff34\uff28", "math"),
        ("machine_learning", "machine learning"),
        ("question/answering", "question answering"),
        ("#history", "history"),
        ("a+b", "a b"),
    ],
)
def test_spellings_of_one_tag_fold_to_one_form(tag, same_as):
    assert fold(tag) == fold(same_as)


@pytest.mark.parametrize(
    ("one", "other"), [("c", "c++"), ("c++", "c#"), ("数学", "文学"), ("🎉", "🚀"), ("हिन्दी", "हिनद")]
)
def test_different_tags_stay_different(one, other):
    assert fold(one) != fold(other)


@pytest.mark.parametrize("tag", ["数学", "русский язык", "हिन्दी", "ภาษาไทย", "🎉", "???"])
def test_no_tag_folds_to_nothing(tag):
    assert fold(tag)


def test_chinese_tags_survive_as_they_are():
    assert fold("数学\uff0c逻辑") == "数学 逻辑"


def test_marks_stay_inside_their_word():
    assert len(fold("हिन्दी भाषा").split()) == 2


def test_the_display_name_is_the_most_frequent_spelling():
    assert fold_groups({"Math": 3, "math": 5, "logic": 1}) == {"math": ["Math", "math"], "logic": ["logic"]}


def test_equally_frequent_spellings_take_the_lexicographically_first():
    assert list(fold_groups({"math": 5, "Math": 5})) == ["Math"]
