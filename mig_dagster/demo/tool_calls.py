"""Requests that an assistant answers by calling tools, and some that need none."""

import json
from collections.abc import Callable
from typing import Any

from mig_dagster.conversation import Conversation, Message
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.words import CITIES, MONTHS, NAMES

Call = tuple[str, dict[str, Any], dict[str, Any], str]  # request, arguments, result, what the assistant then says
_TYPES = {str: "string", int: "integer", float: "number"}
_CURRENCIES = {"USD": 1.0, "EUR": 1.25, "GBP": 1.5, "CHF": 1.2, "INR": 0.0125}


def generate(draws: Draws) -> Conversation:
    """Return one request: one call, two calls at once, or an answer without any."""
    names = draws.sample(sorted(_TOOLS), 2)
    drawn = [_TOOLS[name][1](draws) for name in names]
    tools = json.dumps([_declaration(name, drawn[i][1]) for i, name in enumerate(names)])
    opening = [Message("system", "Use the tools when they help.")] if draws.chance(0.3) else []
    if draws.chance(0.1):
        topic = draws.choice(("write a short greeting", "explain what you can do", "spell the word 'necessary'"))
        user = Message("user", f"Hi, I am {draws.choice(NAMES)} from {draws.choice(CITIES)}. Please {topic}.")
        abilities = " and ".join(_TOOLS[name][0].lower().rstrip(".") for name in names)
        reply = {
            "write": "Hello, and a very good day to you!",
            "explain": f"Among other things I can do this: {abilities}.",
            "spell": "n-e-c-e-s-s-a-r-y: one c, two s.",
        }[topic.split()[0]]
        return Conversation((*opening, user, Message("assistant", reply)), tools)
    used = 2 if draws.chance(0.25) else 1
    request = " Also: ".join(call[0] for call in drawn[:used])
    calls = [
        {"type": "function", "function": {"name": name, "arguments": call[1]}}
        for name, call in zip(names[:used], drawn, strict=False)
    ]
    results = [Message("tool", json.dumps(call[2])) for call in drawn[:used]]
    said = " ".join(call[3] for call in drawn[:used]) if draws.chance(0.85) else "Done."
    caller = Message("assistant", "", json.dumps(calls))
    return Conversation((*opening, Message("user", request), caller, *results, Message("assistant", said)), tools)


def _declaration(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    properties = {key: {"type": _TYPES[type(value)]} for key, value in arguments.items()}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": _TOOLS[name][0], "parameters": parameters}}


def _weather(draws: Draws) -> Call:
    city, degrees, sky = (
        draws.choice(CITIES),
        draws.integer(-10, 38),
        draws.choice(("clear", "rainy", "cloudy", "windy")),
    )
    request = draws.choice(("What is the weather in {}?", "Do I need a coat in {} today?", "Weather for {} please"))
    said = f"It is {sky} in {city} at {degrees} degrees" + (", so take a coat." if degrees < 12 else ".")
    return request.format(city), {"city": city}, {"degrees": degrees, "sky": sky}, said


def _currency(draws: Draws) -> Call:
    source, target = draws.sample(sorted(_CURRENCIES), 2)
    amount = draws.integer(5, 900)
    result = round(amount * _CURRENCIES[source] / _CURRENCIES[target], 2)
    request = f"How much is {amount} {source} in {target}?"
    arguments = {"amount": amount, "source": source, "target": target}
    return request, arguments, {"result": result}, f"{amount} {source} are {result:g} {target}."


def _calendar(draws: Draws) -> Call:
    who, day, hour = draws.choice(NAMES), draws.integer(1, 28), draws.integer(8, 18)
    month = draws.choice(MONTHS)
    request = f"Book a meeting with {who} on {day} {month} at {hour}:00."
    arguments = {"person": who, "day": f"{day} {month}", "hour": hour}
    return request, arguments, {"status": "booked"}, f"The meeting with {who} is booked for {day} {month} at {hour}:00."


def _calculator(draws: Draws) -> Call:
    a, b = draws.integer(12, 990), draws.integer(12, 99)
    sign, value = draws.choice((("*", a * b), ("+", a + b), ("-", a - b)))
    expression = f"{a} {sign} {b}"
    return f"Calculate {expression}.", {"expression": expression}, {"value": value}, f"{expression} = {value}."


def _parcel(draws: Draws) -> Call:
    number = f"PX{draws.integer(100000, 999999)}"
    city, days = draws.choice(CITIES), draws.integer(1, 6)
    said = f"Your parcel is in {city} and should arrive in {days} day{'s' if days > 1 else ''}."
    return f"Where is my parcel {number}?", {"number": number}, {"location": city, "days_left": days}, said


def _flight(draws: Draws) -> Call:
    start, end = draws.sample(CITIES, 2)
    price, hour = draws.integer(60, 800), draws.integer(6, 22)
    request = f"Find me the cheapest flight from {start} to {end} in {draws.choice(MONTHS)}."
    arguments = {"origin": start, "destination": end}
    result = {"price": price, "departure": f"{hour:02d}:15"}
    return request, arguments, result, f"The cheapest flight leaves {start} at {hour:02d}:15 and costs {price} euros."


def _reminder(draws: Draws) -> Call:
    task = draws.choice(
        ("water the plants", "call the dentist", "pay the rent", "take out the bins", "back up the laptop")
    )
    minutes = 5 * draws.integer(1, 48)
    request = f"Remind me to {task} in {minutes} minutes."
    return (
        request,
        {"text": task, "minutes": minutes},
        {"status": "set"},
        f"I will remind you to {task} in {minutes} minutes.",
    )


def _restaurant(draws: Draws) -> Call:
    kitchen, city = draws.choice(("Thai", "vegan", "Ethiopian", "Italian", "Mexican", "Korean")), draws.choice(CITIES)
    place, stars = (
        draws.choice(("Blue Door", "Old Mill", "Saffron", "Corner Table", "Nine Bowls")),
        draws.integer(30, 50) / 10,
    )
    request = f"I am looking for {kitchen} food in {city} for {draws.integer(2, 9)} people."
    arguments = {"kitchen": kitchen, "city": city}
    said = f"{place} is a {kitchen} place in {city} with {stars:g} of 5 stars."
    return request, arguments, {"name": place, "stars": stars}, said


def _stock(draws: Draws) -> Call:
    symbol = draws.choice(("ACME", "ZEPH", "QUAR", "MINT", "OAKS", "LUMO"))
    price, change = draws.integer(500, 30000) / 100, draws.integer(-60, 60) / 10
    request = draws.choice((f"What does {symbol} trade at?", f"How is my {symbol} stock doing?"))
    word = "up" if change >= 0 else "down"
    said = f"{symbol} trades at {price:.2f}, {word} {abs(change):g} percent today."
    return request, {"symbol": symbol}, {"price": price, "change_percent": change}, said


def _translation(draws: Draws) -> Call:
    phrase, target, text = draws.choice(
        (
            ("good night", "French", "bonne nuit"), ("thank you very much", "Spanish", "muchas gracias"),
            ("see you tomorrow", "German", "bis morgen"), ("where is the station", "Italian", "dov'è la stazione"),
            ("happy birthday", "Portuguese", "feliz aniversário"), ("good morning", "Polish", "dzień dobry"),
        )
    )  # fmt: skip
    who = draws.choice(NAMES)
    request = f"How do I say '{phrase}' in {target}? It is for my friend {who}."
    return request, {"text": phrase, "language": target}, {"translation": text}, f"In {target} you say '{text}'."


_TOOLS: dict[str, tuple[str, Callable[[Draws], Call]]] = {
    "get_weather": ("Look up the weather in a city.", _weather),
    "convert_currency": ("Convert money between currencies.", _currency),
    "book_meeting": ("Put a meeting into the calendar.", _calendar),
    "calculate": ("Compute an arithmetic expression.", _calculator),
    "track_parcel": ("Find a parcel by its number.", _parcel),
    "search_flights": ("Find flights between two cities.", _flight),
    "set_reminder": ("Set a reminder.", _reminder),
    "find_restaurant": ("Find a restaurant by kitchen and city.", _restaurant),
    "get_stock_price": ("Look up the price of a stock.", _stock),
    "translate": ("Translate a phrase.", _translation),
}
