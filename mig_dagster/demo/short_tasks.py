"""Small tasks without a topic: translation, sentiment, proofreading, code, word play."""

from collections.abc import Callable

from mig_dagster.demo.draws import Draws
from mig_dagster.demo.words import CITIES, NAMES

Pair = tuple[str, str]

_NEEDS = {
    "French": {
        "bread": "J'ai besoin de pain.",
        "water": "J'ai besoin d'eau.",
        "a ticket": "J'ai besoin d'un billet.",
        "the key": "J'ai besoin de la clé.",
    },
    "German": {
        "bread": "Ich brauche Brot.",
        "water": "Ich brauche Wasser.",
        "a ticket": "Ich brauche eine Fahrkarte.",
        "the key": "Ich brauche den Schlüssel.",
    },
    "Spanish": {
        "bread": "Necesito pan.",
        "water": "Necesito agua.",
        "a ticket": "Necesito un billete.",
        "the key": "Necesito la llave.",
    },
}
_ERRORS = (
    ("their", "Their is a letter for {}.", "There is a letter for {}."),
    ("agreement", "{} and I was late for the train.", "{} and I were late for the train."),
    ("tense", "Yesterday {} go to the market.", "Yesterday {} went to the market."),
    ("apostrophe", "Its {}'s turn to cook, isnt it?", "It's {}'s turn to cook, isn't it?"),
    ("double negative", "{} did not say nothing about it.", "{} did not say anything about it."),
)
_FUNCTIONS = (
    ("returns the sum of the even numbers of a list", ("numbers", "return sum(n for n in numbers if n % 2 == 0)")),
    ("checks whether a word is a palindrome", ("word", "word = word.lower()", "return word == word[::-1]")),
    ("counts the vowels of a text", ("text", "return sum(letter in 'aeiou' for letter in text.lower())")),
    ("reverses the order of words in a sentence", ("sentence", "return ' '.join(reversed(sentence.split()))")),
    (
        "returns the n-th Fibonacci number",
        ("n", "a, b = 0, 1", "for _ in range(n):", "    a, b = b, a + b", "return a"),
    ),
    ("finds the longest word of a text", ("text", "return max(text.split(), key=len)")),
    (
        "merges two dictionaries by adding values",
        ("one, two", "return {key: one.get(key, 0) + two.get(key, 0) for key in one | two}"),
    ),
)
_OPINIONS = (
    ("The soup was cold and the waiter forgot us in {}.", "negative"),
    ("I would return to that little hotel in {} at once.", "positive"),
    ("The tour of {} took three hours and covered the old town.", "neutral"),
    ("Best museum in {}, my children did not want to leave.", "positive"),
    ("Never again: two hours in a queue in {} for nothing.", "negative"),
)
_SCRAMBLED = ("planet", "bridge", "garden", "winter", "silver", "market", "pencil", "castle", "forest", "button")


def _translate(draws: Draws) -> Pair:
    language = draws.choice(sorted(_NEEDS))
    thing = draws.choice(sorted(_NEEDS[language]))
    return f"Translate into {language} for {draws.choice(NAMES)}: I need {thing}.", _NEEDS[language][thing]


def _proofread(draws: Draws) -> Pair:
    kind, wrong, right = draws.choice(_ERRORS)
    name = draws.choice(NAMES)
    wish = draws.choice(("Correct the grammar", "Fix the mistake", "Proofread this sentence"))
    note = f" (The mistake concerns the {kind}.)" if kind != "their" and draws.chance(0.5) else ""
    return f"{wish}: {wrong.format(name)}", right.format(name) + note


def _code(draws: Draws) -> Pair:
    purpose, (arguments, *lines) = draws.choice(_FUNCTIONS)
    name = draws.choice(("solve", "compute", "run", "answer", "helper", "process", "transform", "evaluate"))
    body = "\n".join([f"def {name}({arguments}):", *(f"    {line}" for line in lines)])
    return f"Write a Python function `{name}` that {purpose}.", f"```python\n{body}\n```"


def _sentiment(draws: Draws) -> Pair:
    text, mood = draws.choice(_OPINIONS)
    asked = draws.choice(("Is this review positive, negative or neutral?", "Classify the sentiment of this review."))
    return f"{asked}\n\n{text.format(draws.choice(CITIES))}", mood if draws.chance(0.5) else f"The review is {mood}."


def _scramble(draws: Draws) -> Pair:
    word = draws.choice(_SCRAMBLED)
    letters = "".join(draws.shuffled(word))
    return f"Unscramble the letters '{letters}' to find an English word.", word


def _sorting(draws: Draws) -> Pair:
    names = draws.sample(NAMES, draws.integer(4, 7))
    return f"Sort these names alphabetically: {', '.join(names)}.", ", ".join(sorted(names))


SHORT_TASKS: tuple[Callable[[Draws], Pair], ...] = (_translate, _proofread, _code, _sentiment, _scramble, _sorting)
