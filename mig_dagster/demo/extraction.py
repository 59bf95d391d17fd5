"""Short texts and the facts in them as JSON."""

import json
from collections.abc import Callable
from typing import Any

from mig_dagster.conversation import Conversation
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.words import CITIES, MONTHS, NAMES, SURNAMES, exchange

_WISHES = (
    "Extract {keys} from the text as JSON.",
    "Return a JSON object with the keys {keys} for this text.",
    "Pull out {keys}. Output JSON only.",
    "Turn the following text into structured data ({keys}).",
)
Case = tuple[str, dict[str, Any]]  # the text and the facts in it


def generate(draws: Draws) -> Conversation:
    """Return one text with its facts, indented, compact or wrapped in a sentence; or several texts with a list."""
    template = draws.choice(_TEMPLATES)
    text, facts = template(draws)
    question = f"{draws.choice(_WISHES).format(keys=', '.join(facts))}\n\n{text}"
    style = draws.integer(1, 13)
    if style > 10:
        more = [template(draws) for _ in range(draws.integer(1, 4))]
        lines = "\n".join([question, *(other for other, _ in more)])
        question = f"Each line is one text; return a list of objects. {lines}"
        return exchange(question, json.dumps([facts, *(others for _, others in more)], indent=2))
    if style <= 5:
        return exchange(question, json.dumps(facts, indent=2))
    if style <= 9:
        return exchange(question, json.dumps(facts))
    return exchange(question, f"Here you go: {json.dumps(facts)}")


def _person(draws: Draws) -> str:
    return f"{draws.choice(NAMES)} {draws.choice(SURNAMES)}"


def _date(draws: Draws) -> str:
    return f"{draws.integer(1, 28)} {draws.choice(MONTHS)} {draws.integer(2015, 2025)}"


def _invoice(draws: Draws) -> Case:
    facts = {"invoice": draws.integer(1000, 9999), "client": _person(draws), "amount": 10 * draws.integer(5, 400)}
    due = _date(draws)
    text = f"Invoice no. {facts['invoice']} for {facts['client']}: {facts['amount']} euros, payable by {due}."
    return text, facts | {"due": due}


def _booking(draws: Draws) -> Case:
    facts = {
        "guest": _person(draws),
        "city": draws.choice(CITIES),
        "nights": draws.integer(1, 14),
        "from": _date(draws),
    }
    return (
        f"Hello, I would like to book a double room in {facts['city']} for {facts['nights']} nights "
        f"from {facts['from']}. We arrive late in the evening. Best wishes, {facts['guest']}",
        facts,
    )


def _contact(draws: Draws) -> Case:
    first, last = draws.choice(NAMES), draws.choice(SURNAMES)
    company = draws.choice(("Harbour Tools", "Bluebell Bakery", "Northlight Studio", "Cedar Logistics", "Pixel Farm"))
    mail = f"{first}.{last}@{company.lower().replace(' ', '')}.example"
    phone = f"+44 {draws.integer(100, 999)} {draws.integer(1000, 9999)}"
    text = f"{first} {last} from {company} can be reached under {phone} or by mail at {mail}."
    return text, {"name": f"{first} {last}", "company": company, "phone": phone, "email": mail}


def _job(draws: Draws) -> Case:
    title = draws.choice(
        ("nurse", "data engineer", "carpenter", "tax adviser", "bus driver", "biology teacher", "chef")
    )
    facts = {"title": title, "city": draws.choice(CITIES), "hours": draws.choice((20, 25, 30, 35, 40))}
    salary = 500 * draws.integer(50, 190)
    text = (
        f"We are hiring! Our team in {facts['city']} looks for a {title} ({facts['hours']} hours a week). "
        f"The salary starts at {salary} a year."
    )
    return text, facts | {"salary": salary}


def _weather(draws: Draws) -> Case:
    low = draws.integer(-12, 18)
    high = low + draws.integer(3, 14)
    sky = draws.choice(("snow", "rain", "sunshine", "fog", "thunderstorms", "light clouds"))
    city, wind = draws.choice(CITIES), draws.integer(3, 80)
    text = f"Tomorrow {city} will see {sky} with {low} to {high} degrees and winds of up to {wind} km/h."
    return text, {"city": city, "sky": sky, "low": low, "high": high, "wind_kmh": wind}


def _bug(draws: Draws) -> Case:
    version = f"{draws.integer(1, 9)}.{draws.integer(0, 20)}.{draws.integer(0, 9)}"
    system = draws.choice(("Windows 11", "Ubuntu 24.04", "macOS 15", "Android 14"))
    fault = draws.choice(("crashes on start", "loses the login", "prints empty pages", "shows the wrong time zone"))
    part = draws.choice(("calendar", "export dialog", "photo viewer", "mail client", "map"))
    text = f"Since the update to {version} the {part} {fault}. I use {system}. Please help, {draws.choice(NAMES)}."
    return text, {"component": part, "problem": fault, "version": version, "system": system}


def _event(draws: Draws) -> Case:
    kind = draws.choice(
        ("poetry reading", "chess tournament", "flea market", "jazz night", "coding workshop", "film talk")
    )
    facts = {"event": kind, "city": draws.choice(CITIES), "date": _date(draws), "price": draws.integer(0, 30)}
    price = "Entry is free" if facts["price"] == 0 else f"Tickets cost {facts['price']} euros"
    host = _person(draws)
    return f"{host} invites you to a {kind} in {facts['city']} on {facts['date']}. {price}.", facts | {"host": host}


def _review(draws: Draws) -> Case:
    product = draws.choice(
        ("headphones", "rain jacket", "espresso machine", "office chair", "board game", "hiking boots")
    )
    stars = draws.integer(1, 5)
    mood = ("negative", "negative", "mixed", "positive", "positive")[stars - 1]
    remark = {
        "negative": draws.choice(("broke after a week", "feel cheap", "arrived far too late")),
        "mixed": draws.choice(("do the job, nothing more", "look good but cost too much")),
        "positive": draws.choice(("exceeded my hopes", "are worth every cent", "still work like new")),
    }[mood]
    text = f"{stars} of 5 stars. The {product} I bought in {draws.choice(MONTHS)} {remark}. {draws.choice(NAMES)}"
    return text, {"product": product, "stars": stars, "sentiment": mood}


_TEMPLATES: tuple[Callable[[Draws], Case], ...] = (
    *(_invoice, _booking, _contact, _job),
    *(_weather, _bug, _event, _review),
)
