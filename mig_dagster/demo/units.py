"""Unit conversions with computed answers."""

from mig_dagster.conversation import Conversation
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.words import exchange

# (from, to, factor, offset): value * factor + offset
_CONVERSIONS = (
    ("kilometres", "miles", 0.621371, 0.0),
    ("miles", "kilometres", 1.609344, 0.0),
    ("kilograms", "pounds", 2.204623, 0.0),
    ("pounds", "kilograms", 0.453592, 0.0),
    ("degrees Celsius", "degrees Fahrenheit", 1.8, 32.0),
    ("litres", "US gallons", 0.264172, 0.0),
    ("inches", "centimetres", 2.54, 0.0),
    ("feet", "metres", 0.3048, 0.0),
    ("hours", "minutes", 60.0, 0.0),
    ("megabytes", "kilobytes", 1000.0, 0.0),
    ("acres", "hectares", 0.404686, 0.0),
    ("kilowatt hours", "megajoules", 3.6, 0.0),
    ("knots", "kilometres per hour", 1.852, 0.0),
    ("ounces", "grams", 28.349523, 0.0),
    ("days", "hours", 24.0, 0.0),
    ("bar", "kilopascals", 100.0, 0.0),
)
_ASKED = (
    "Convert {value} {source} to {target}.",
    "How many {target} are {value} {source}?",
    "I have a value of {value} {source}. What is that in {target}?",
    "Express {value} {source} in {target}, rounded to two decimals.",
    "My manual only lists {target}, but I measured {value} {source}. Help me convert it.",
)


def generate(draws: Draws) -> Conversation:
    """Return one conversion: worked, short, or as JSON."""
    source, target, factor, offset = draws.choice(_CONVERSIONS)
    value = draws.integer(2, 400) / draws.choice((1, 1, 2, 4))
    result = f"{value * factor + offset:.2f}".rstrip("0").rstrip(".")
    question = draws.choice(_ASKED).format(value=f"{value:g}", source=source, target=target)
    style = draws.integer(1, 10)
    if style <= 2:
        wish = ' Reply in JSON with the keys "value" and "unit".'
        return exchange(question + wish, f'{{"value": {result}, "unit": "{target}"}}')
    if style <= 6:
        rule = f"multiply by {factor:g}" + (f" and add {offset:g}" if offset else "")
        return exchange(question, f"To go from {source} to {target}, {rule}. {value:g} {source} are {result} {target}.")
    return exchange(question, f"{result} {target}" if style <= 8 else result)
