import gzip
import json
import time

import numpy as np
import pytest

from mig_dagster.annotations.quality.lexical import (
    PENALTIES,
    WEIGHTS,
    count_words,
    lexical_score,
    lexical_terms,
    relevance,
    repetition,
)
from tests.shared_data import shared

QUESTION = "Explain briefly how a bicycle keeps its balance while it is moving."
ANSWER = (
    "A moving bicycle stays upright mainly because the rider and the front wheel steer into a fall. When the frame "
    "leans to one side, the geometry of the fork turns the wheel to that side, and the contact points move back under "
    "the mass.\n\n- Trail: the tyre meets the road behind the steering axis.\n- Gyroscopic effect: the turning wheel "
    "resists sudden tilting, though it matters less than steering.\n\nAt low speed these effects are weak, so balance "
    "needs constant small corrections by hand."
)


def terms(response, instruction=QUESTION):
    return lexical_terms(instruction, response)[0]


def faults(response, instruction=QUESTION):
    return lexical_terms(instruction, response)[1]


def test_the_weights_sum_to_one_so_that_the_range_is_1_to_6():
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert lexical_score(QUESTION, " \n") == 1
    assert 1 <= lexical_score("", "?") < lexical_score(QUESTION, ANSWER) <= 6


def test_a_score_is_the_weighted_sum_of_its_terms():
    wanted, unwanted = lexical_terms(QUESTION, ANSWER)
    assert set(wanted) == set(WEIGHTS)
    assert set(unwanted) == set(PENALTIES)
    assert lexical_score(QUESTION, ANSWER) == pytest.approx(1 + 5 * sum(WEIGHTS[k] * v for k, v in wanted.items()))


def test_cutting_an_answer_short_lowers_its_score():
    cuts = [lexical_score(QUESTION, ANSWER[: len(ANSWER) * part // 4]) for part in (1, 2, 3, 4)]
    assert cuts == sorted(cuts)
    assert len(set(cuts)) == 4


def test_more_length_is_worth_ever_less():
    lengths = [terms(" ".join(f"word{i}" for i in range(n)))["length"] for n in (10, 60, 110, 160)]
    gains = np.diff(lengths)
    assert (gains > 0).all()
    assert (np.diff(gains) < 0).all()
    assert terms("word " * 5000)["length"] == 1


def test_saying_the_same_again_does_not_pay():
    assert lexical_score(QUESTION, "\n".join([ANSWER] * 4)) < lexical_score(QUESTION, ANSWER)
    assert repetition("The same long line again.\n" * 10) == pytest.approx(0.9)
    assert repetition("2 x 1 = 2\n" * 10) == 0, "short lines repeat by nature"
    assert repetition(ANSWER) == repetition("") == 0


def test_many_different_words_are_better_than_few():
    assert terms("the cat and the dog and the cat and the dog " * 5)["diversity"] < terms(ANSWER)["diversity"]


def test_an_answer_to_another_question_takes_up_less_of_the_instruction():
    assert relevance(QUESTION, ANSWER) == 1
    assert relevance("Describe the French revolution and its consequences.", ANSWER) < 0.5
    assert relevance("2 + 2?", "4") == 0.5


@pytest.mark.parametrize(
    "response",
    [
        "One.\n\nTwo.",
        "- red\n- green",
        "1. red\n2. green",
        "```\nx = 1\n```",
        "# Title",
        "**bold**",
        "| a | b |",
        "2 + 2 = 4",
    ],
)
def test_structure_is_seen(response):
    assert terms(response)["structure"] >= 0.5
    assert terms("One plain sentence.")["structure"] == 0


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("It is done.", 1),
        ("完成了。", 1),
        ("x = [1, 2]", 1),
        ("The answer is 42", 1),
        ("Paris", 0.5),
        ("This long answer was cut off in the middle of a", 0),
    ],
)
def test_an_answer_that_stops_in_the_middle_is_not_complete(response, expected):
    assert terms(response)["completeness"] == expected


@pytest.mark.parametrize(
    "response",
    [
        "I'm sorry, but I cannot help with that.",
        "Sorry, I do not have access to the internet.",
        "Unfortunately, it is not possible to say.",
        "As an AI language model, I have no feelings.",
        "I can\u2019t do that.",
        "抱歉\uff0c我无法回答这个问题。",
        "作为一个人工智能\uff0c我没有感情。",
    ],
)
def test_refusals_are_seen(response):
    assert faults(response)["refusal"] == 1


@pytest.mark.parametrize(
    "response",
    ["I'm sorry to hear that. Call your insurer.", "Sorry is the hardest word.", "很抱歉听说你有车祸。", ANSWER],
)
def test_sympathy_is_no_refusal(response):
    assert faults(response)["refusal"] == 0


def test_a_copy_of_the_instruction_is_worth_less_than_an_answer():
    assert faults(QUESTION.upper())["copy"] == 1
    assert lexical_score(QUESTION, QUESTION) < lexical_score(
        QUESTION, "It steers into every fall, so it stays upright."
    )
    assert faults("...", "?!")["copy"] == 0


@pytest.mark.parametrize("response", ["I am {{ name }}.", "<noinput>", "Dear [your name],", "TODO"])
def test_templates_that_were_never_filled_in_are_seen(response):
    assert faults(response)["placeholder"] == 1


def test_chinese_is_counted_by_characters():
    chinese = "自行车在行驶中保持平衡\uff0c主要是因为骑车人和前轮会朝着倾倒的方向转动。"
    assert count_words(chinese) == pytest.approx(0.6 * (len(chinese) - 2))
    assert count_words("two words") == 2
    assert relevance("自行车如何保持平衡\uff1f", chinese) == 1
    assert 2.5 < lexical_score("自行车如何保持平衡\uff1f", chinese) < 5
    assert terms(chinese)["diversity"] > 0.5


def test_a_precise_request_counts_more():
    precise = (
        "Explain how a bicycle keeps its balance, in three sentences, for a child of ten who has just learnt to ride."
    )
    assert lexical_terms(precise, ANSWER)[0]["demand"] > lexical_terms("Bicycles?", ANSWER)[0]["demand"]


def alpaca():
    with gzip.open(shared("data/alpaca/alpaca_random_9k.json.gz"), "rt", encoding="utf-8") as file:
        return [
            (f"{r['instruction']}\n{r['input']}", r["output"]) for r in json.load(file)[:1500] if r["output"].strip()
        ]


def test_real_answers_spread_over_the_range():
    scores = np.array([lexical_score(*turn) for turn in alpaca()])
    assert 1 < scores.min() < 2.5
    assert scores.max() > 5
    assert scores.std() > 0.6
    assert len(np.unique(scores)) > 0.9 * len(scores)


def test_real_answers_score_above_their_first_half():
    better = [lexical_score(q, a) > lexical_score(q, a[: len(a) // 2]) for q, a in alpaca() if len(a) > 80]
    assert np.mean(better) > 0.95


def test_real_answers_fit_their_own_instruction_better_than_the_next_one():
    rows = alpaca()
    own = np.array([relevance(q, a) for q, a in rows])
    other = np.array([relevance(rows[i - 1][0], a) for i, (_, a) in enumerate(rows)])
    assert np.mean(own >= other) > 0.9
    assert own.mean() > other.mean() + 0.3


def test_of_two_answers_to_one_instruction_the_better_models_scores_higher():
    first = dict(alpaca_all())
    with shared("data/llamafactory/alpaca_en_demo.json").open(encoding="utf-8") as file:
        second = [(f"{r['instruction']}\n{r['input']}", r["output"]) for r in json.load(file)]
    pairs = [(q, a, first[q]) for q, a in second if q in first]
    assert len(pairs) > 100
    assert np.mean([lexical_score(q, gpt4) > lexical_score(q, davinci) for q, gpt4, davinci in pairs]) > 0.7


def alpaca_all():
    with gzip.open(shared("data/alpaca/alpaca_random_9k.json.gz"), "rt", encoding="utf-8") as file:
        return [(f"{r['instruction']}\n{r['input']}", r["output"]) for r in json.load(file)]


HOSTILE = {
    "blank lines": "\n" * 100_000,
    "blank lines before text": "\n" * 100_000 + "x",
    "windows line ends": "\r\n" * 50_000 + "x",
    "blank lines after an item": "- x\n" + "\n" * 100_000 + "y",
    "items without text": "- \n" * 30_000,
    "items with a line between": "- a\nb\n" * 20_000,
    "indented lines": ("\n" + " " * 300) * 300 + "x",
    "spaces": " " * 100_000 + "x",
    "spaces after a full stop": "." + " " * 100_000 + "x",
    "punctuation": "!?;" * 33_000,
    "brackets": "{{ a " * 20_000,
    "dollars": "$" * 100_001,
    "pipes": ("|" + "a" * 1000 + "\n") * 100,
    "digits": "1" * 100_000,
    "code": "```py\nx = 1\n```\n" * 6_000,
    "one emoji": "\U0001f600",
    "emoji": "\U0001f600" * 25_000,
    "right to left": "\u0645\u0631\u062d\u0628\u0627. " * 10_000,
    "apologies": "i am sorry " * 10_000,
    "nul": "\0" * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_100_kilobytes_are_scored_within_the_range_and_in_no_time(text):
    """One such row must not hold up a source: patterns that try every line against every other take a minute here."""
    started = time.process_time()
    assert 1 <= lexical_score("", text) <= 6
    assert 1 <= lexical_score(text, text) <= 6
    assert time.process_time() - started < 5
