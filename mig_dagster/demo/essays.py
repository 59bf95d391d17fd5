"""Explanations, lists, letters, quizzes, verses and snippets of code over many topics."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mig_dagster.conversation import Conversation
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.short_tasks import SHORT_TASKS
from mig_dagster.demo.words import NAMES, exchange

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of `topics.json`: four facts and three tips."""

    topic: str
    field: str
    facts: tuple[str, ...]
    tips: tuple[str, ...]


def generate(draws: Draws) -> Conversation:
    """Return one request with its answer; about one in nine answers is lazy."""
    if draws.chance(0.15):
        return exchange(*draws.choice(SHORT_TASKS)(draws))
    topic = draws.choice(_topics())
    question, answer = draws.choice(_TASKS)(draws, topic)
    if draws.chance(0.11):
        lazy = (draws.choice(topic.facts), f"It is about {topic.field}.", draws.choice(topic.facts).lower()[:40])
        answer = draws.choice(lazy)
    return exchange(question, answer)


@cache
def _topics() -> tuple[Topic, ...]:
    listed = json.loads(files("mig_dagster.demo").joinpath("topics.json").read_text(encoding="utf-8"))
    return tuple(Topic(t["topic"], t["field"], tuple(t["facts"]), tuple(t["tips"])) for t in listed)


def _explain(draws: Draws, topic: Topic) -> Pair:
    reader = draws.choice(("a curious teenager", "a new colleague", "my grandmother", "a first-year student"))
    facts = draws.shuffled(topic.facts)
    return (
        draws.choice(("Explain {} to {}.", "How would you describe {} to {}?")).format(topic.topic, reader),
        f"{facts[0]} {facts[1]} It also helps to know this: {facts[2]} {facts[3]}",
    )


def _essay(draws: Draws, topic: Topic) -> Pair:
    facts, tip = draws.shuffled(topic.facts), draws.choice(topic.tips)
    words = draws.choice((80, 100, 120, 150))
    opening = draws.choice(("Few subjects reward a second look as much as {}.", "Most of us have an idea of {}."))
    return (
        f"Write a short essay of about {words} words on {topic.topic}.",
        f"{opening.format(topic.topic)} {facts[0]} {facts[1]}\n\n{facts[2]} That is one reason why people who work in "
        f"{topic.field} keep returning to it. {facts[3]}\n\nA good way to begin is simple: {tip}. From there the "
        "subject opens up by itself.",
    )


def _steps(draws: Draws, topic: Topic) -> Pair:
    tips = draws.shuffled(topic.tips)
    listed = "\n".join(f"{i}. {tip[0].upper()}{tip[1:]}." for i, tip in enumerate(tips, 1))
    asked = draws.choice(("Give me three practical tips about {}.", "How do I get started with {}?"))
    return asked.format(topic.topic), f"{listed}\n\nKeep in mind: {draws.choice(topic.facts)}"


def _facts(draws: Draws, topic: Topic) -> Pair:
    count = draws.integer(2, 4)
    listed = "\n".join(f"- {fact}" for fact in draws.sample(topic.facts, count))
    return f"List {count} interesting facts about {topic.topic} as bullet points.", listed


def _summary(draws: Draws, topic: Topic) -> Pair:
    text = " ".join(draws.shuffled(topic.facts))
    return f"Summarise this text in one sentence.\n\n{text}", f"The text is about {topic.topic}: {topic.facts[0]}"


def _quiz(draws: Draws, topic: Topic) -> Pair:
    facts = draws.sample(topic.facts, 2)
    listed = "\n".join(f"{i}. True or false: {fact} (true)" for i, fact in enumerate(facts, 1))
    return f"Make a small quiz about {topic.topic} with the answers in brackets.", listed


def _letter(draws: Draws, topic: Topic) -> Pair:
    name, writer = draws.sample(NAMES, 2)
    return (
        f"Write an email to {name} that recommends a workshop on {topic.topic}. Sign it as {writer}.",
        f"Dear {name},\n\nI have just heard of a workshop on {topic.topic} and thought of you. "
        f"{draws.choice(topic.facts)} One of the exercises is to {draws.choice(topic.tips)}.\n\n"
        f"Shall we go together?\n\nBest wishes,\n{writer}",
    )


def _title(draws: Draws, topic: Topic) -> Pair:
    tip = draws.choice(topic.tips)
    return (
        f"Suggest three titles for a blog post about {topic.topic}.",
        f"1. What nobody tells you about {topic.topic}\n2. {topic.topic[0].upper()}{topic.topic[1:]} in five minutes\n"
        f"3. Why you should {tip}",
    )


def _classify(draws: Draws, topic: Topic) -> Pair:
    others = draws.sample(sorted({other.field for other in _topics()} - {topic.field}), 2)
    options = ", ".join(draws.shuffled([topic.field, *others]))
    return f"Which field does this sentence belong to: {options}?\n\n{draws.choice(topic.facts)}", topic.field


def _lesson(draws: Draws, topic: Topic) -> Pair:
    minutes, facts = draws.choice((30, 45, 60, 90)), draws.shuffled(topic.facts)
    third = minutes // 3
    return (
        f"Draft a lesson plan of {minutes} minutes on {topic.topic} for a {topic.field} class.",
        f"Goal: the class can explain {topic.topic}.\n\n1. Opening ({third} min): collect what is known. Then state: "
        f"{facts[0]}\n2. Main part ({third} min): work in pairs on two claims. {facts[1]} {facts[2]}\n"
        f"3. Practice ({minutes - 2 * third} min): {draws.choice(topic.tips)}.\n\n"
        f"Homework: find out more about this: {facts[3]}",
    )


def _dialogue(draws: Draws, topic: Topic) -> Pair:
    one, two = draws.sample(NAMES, 2)
    facts = draws.sample(topic.facts, 2)
    return (
        f"Write a short dialogue in which {one} tells {two} about {topic.topic}.",
        f"{one}: Did you know? {facts[0]}\n{two}: Really? I had no idea.\n{one}: And there is more. {facts[1]}\n"
        f"{two}: Then I should {draws.choice(topic.tips)}.",
    )


def _verse(draws: Draws, topic: Topic) -> Pair:
    return (
        f"Compose a four-line poem about {topic.topic}.",
        f"I thought of {topic.topic} tonight,\nand wondered if I had it right;\n"
        f"a friend advised me, plain and slow:\n{draws.choice(topic.tips)}. And now I know.",
    )


def _compare(draws: Draws, topic: Topic) -> Pair:
    other = draws.choice([other for other in _topics() if other.field != topic.field])
    return (
        f"Compare {topic.topic} with {other.topic}: what would interest a beginner in each?",
        f"{topic.topic[0].upper()}{topic.topic[1:]} belongs to {topic.field}, {other.topic} to {other.field}. "
        f"With the first, a beginner may like this: {draws.choice(topic.facts)} "
        f"With the second it may be this: {draws.choice(other.facts)}",
    )


_TASKS: tuple[Callable[[Draws, Topic], Pair], ...] = (
    *(_explain, _explain, _essay, _essay, _steps, _facts, _summary),
    *(_quiz, _letter, _title, _classify, _lesson, _dialogue, _verse, _compare),
)
