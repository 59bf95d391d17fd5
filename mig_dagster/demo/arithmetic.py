"""Arithmetic word problems with computed answers, from worked solutions down to a bare number."""

from collections.abc import Callable

from mig_dagster.conversation import Conversation
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.words import CITIES, NAMES, exchange

Problem = tuple[str, list[str], str]  # question, steps of the solution, answer

_GOODS = ("notebooks", "apples", "candles", "tickets", "mugs", "seedlings", "stickers", "batteries", "scarves", "books")
_OPENINGS = ("", "", "", "Solve this step by step. ", "Homework question: ", "Can you check this for me? ")


def generate(draws: Draws) -> Conversation:
    """Return one problem with its answer."""
    question, steps, answer = draws.choice(_TEMPLATES)(draws)
    style = draws.integer(1, 20)
    if style <= 9:
        text = " ".join(steps) + f" The answer is {answer}."
    elif style <= 13:
        text = "\n".join(f"Step {i}: {step}" for i, step in enumerate(steps, 1)) + f"\nAnswer: {answer}"
    elif style <= 15:
        text = f"{steps[-1]}"
    elif style <= 18:
        text = f"It is {answer}."
    else:
        text = answer
    return exchange(draws.choice(_OPENINGS) + question, text)


def _shopping(draws: Draws) -> Problem:
    name, goods, count = draws.choice(NAMES), draws.choice(_GOODS), draws.integer(2, 12)
    price = draws.integer(2, 15)
    total = count * price
    paid = total + draws.integer(1, 40)
    question = (
        f"{name} buys {count} {goods} at {price} dollars each and pays with {paid} dollars. How much change is due?"
    )
    steps = [
        f"The {goods} cost {count} x {price} = {total} dollars.",
        f"The change is {paid} - {total} = {paid - total}.",
    ]
    return question, steps, f"{paid - total} dollars"


def _journey(draws: Draws) -> Problem:
    name, city = draws.choice(NAMES), draws.choice(CITIES)
    speed, hours, rest = 10 * draws.integer(4, 12), draws.integer(2, 7), draws.integer(10, 60)
    question = (
        f"{name} takes a train to {city} at {speed} km/h. After {hours} hours it still has {rest} km to go. "
        "How long is the whole journey?"
    )
    steps = [f"In {hours} hours it covers {speed} x {hours} = {speed * hours} km."]
    steps.append(f"With the rest that makes {speed * hours} + {rest} = {speed * hours + rest} km.")
    return question, steps, f"{speed * hours + rest} km"


def _sharing(draws: Draws) -> Problem:
    name, goods, friends = draws.choice(NAMES), draws.choice(_GOODS), draws.integer(3, 9)
    count = draws.integer(20, 99)
    each, left = divmod(count, friends)
    question = f"{name} shares {count} {goods} equally among {friends} friends. How many are left over?"
    steps = [f"{count} divided by {friends} is {each} with a remainder.", f"{count} - {friends} x {each} = {left}."]
    return question, steps, str(left)


def _discount(draws: Draws) -> Problem:
    price, percent = 20 * draws.integer(2, 25), 5 * draws.integer(1, 12)
    item = draws.choice(("jacket", "lamp", "tent", "keyboard", "suitcase", "blender", "desk", "camera"))
    cut = price * percent // 100
    question = f"A {item} costs {price} euros. It is reduced by {percent} %. What is the new price?"
    steps = [f"{percent} % of {price} is {cut}.", f"{price} - {cut} = {price - cut}."]
    return question, steps, f"{price - cut} euros"


def _recipe(draws: Draws) -> Problem:
    servings, factor, grams = draws.integer(2, 6), draws.integer(2, 6), 5 * draws.integer(4, 60)
    thing = draws.choice(("flour", "rice", "lentils", "sugar", "oats", "butter"))
    question = (
        f"A recipe for {servings} people needs {grams} g of {thing}. "
        f"How much {thing} does {draws.choice(NAMES)} need for {servings * factor} people?"
    )
    steps = [f"{servings * factor} people are {factor} times as many.", f"{grams} x {factor} = {grams * factor} g."]
    return question, steps, f"{grams * factor} g"


def _ages(draws: Draws) -> Problem:
    older, younger = draws.sample(NAMES, 2)
    age, gap, years = draws.integer(5, 30), draws.integer(2, 14), draws.integer(3, 20)
    total = 2 * age + gap + 2 * years
    question = (
        f"{younger} is {age} years old and {older} is {gap} years older. "
        f"What will the sum of their ages be in {years} years?"
    )
    steps = [f"{older} is {age} + {gap} = {age + gap}.", f"Today the sum is {2 * age + gap}."]
    steps.append(f"Both grow older by {years}: {2 * age + gap} + 2 x {years} = {total}.")
    return question, steps, str(total)


def _rectangle(draws: Draws) -> Problem:
    length, width = draws.integer(6, 40), draws.integer(3, 25)
    place = draws.choice(("garden", "classroom", "football pitch of a village school", "terrace", "vegetable bed"))
    if draws.chance(0.5):
        question = f"A rectangular {place} is {length} m long and {width} m wide. How long is a fence around it?"
        steps = [f"Two sides together are {length} + {width} = {length + width} m."]
        steps.append(f"The fence is 2 x {length + width} = {2 * (length + width)} m long.")
        return question, steps, f"{2 * (length + width)} m"
    question = f"A rectangular {place} measures {length} m by {width} m. What is its area?"
    return question, [f"The area is {length} x {width} = {length * width} square metres."], f"{length * width} m2"


def _saving(draws: Draws) -> Problem:
    name, goal, weekly = draws.choice(NAMES), 10 * draws.integer(9, 60), draws.integer(6, 35)
    start = draws.integer(0, 80)
    weeks = -(-(goal - start) // weekly)
    question = (
        f"{name} has {start} pounds and saves {weekly} pounds a week for a bicycle that costs {goal} pounds. "
        "After how many weeks is there enough?"
    )
    steps = [f"{goal} - {start} = {goal - start} pounds are missing."]
    steps.append(f"{goal - start} / {weekly} rounded up is {weeks}.")
    return question, steps, f"{weeks} weeks"


def _interest(draws: Draws) -> Problem:
    principal, rate, years = 100 * draws.integer(5, 90), draws.integer(2, 9), draws.integer(2, 8)
    interest = principal * rate * years // 100
    question = f"What does a loan of {principal} dollars cost in simple interest of {rate} % a year over {years} years?"
    steps = [f"One year costs {principal} x {rate} / 100 = {principal * rate // 100} dollars."]
    steps.append(f"{years} years cost {interest} dollars.")
    return question, steps, f"{interest} dollars"


def _average(draws: Draws) -> Problem:
    count = draws.integer(3, 6)
    values = [draws.integer(40, 100) for _ in range(count - 1)]
    values.append(draws.integer(12, 19) * count - sum(values) % count)
    total = sum(values)
    listed = ", ".join(map(str, values))
    question = f"{draws.choice(NAMES)} scored {listed} points in {count} games. What is the average?"
    steps = [f"The sum is {total}.", f"{total} / {count} = {total // count}."]
    return question, steps, str(total // count)


def _work(draws: Draws) -> Problem:
    one, two = draws.sample(NAMES, 2)
    fast = draws.integer(2, 12)
    slow, hours = fast * draws.integer(2, 5), draws.integer(2, 9)
    thing = draws.choice(("posters", "envelopes", "bricks", "trees", "parcels", "chairs"))
    made = hours * (fast + slow)
    question = (
        f"{one} finishes {fast} {thing} an hour and {two} finishes {slow}. How many do they finish in {hours} hours?"
    )
    return (
        question,
        [f"Together they finish {fast} + {slow} = {fast + slow} an hour.", f"{hours} x {fast + slow} = {made}."],
        str(made),
    )


def _concert(draws: Draws) -> Problem:
    adults, children = draws.integer(20, 180), draws.integer(10, 120)
    full, half = draws.integer(8, 30), draws.integer(3, 7)
    income = adults * full + children * half
    question = (
        f"A school concert in {draws.choice(CITIES)} sold {adults} tickets for adults at {full} dollars and "
        f"{children} for children at {half} dollars. What was the income?"
    )
    steps = [
        f"Adults paid {adults} x {full} = {adults * full}.",
        f"Children paid {children} x {half} = {children * half}.",
    ]
    return question, [*steps, f"Together that is {income} dollars."], f"{income} dollars"


def _fraction(draws: Draws) -> Problem:
    parts = draws.integer(3, 8)
    taken, group = draws.integer(1, parts - 1), parts * draws.integer(4, 30)
    activity = draws.choice(("cycle to work", "play an instrument", "speak a second language", "have a library card"))
    question = f"Of {group} employees, {taken}/{parts} {activity}. How many do not?"
    steps = [f"{taken}/{parts} of {group} is {group // parts * taken}."]
    steps.append(f"{group} - {group // parts * taken} = {group - group // parts * taken}.")
    return question, steps, str(group - group // parts * taken)


def _clock(draws: Draws) -> Problem:
    start, minutes = 60 * draws.integer(6, 18) + 5 * draws.integer(0, 11), 5 * draws.integer(5, 60)
    end = start + minutes
    event = draws.choice(("film", "meeting", "flight", "lesson", "match", "hike"))
    question = f"A {event} starts at {start // 60:02d}:{start % 60:02d} and takes {minutes} minutes. When does it end?"
    steps = [f"{minutes} minutes are {minutes // 60} hours and {minutes % 60} minutes."]
    steps.append(f"Counting on from the start gives {end // 60:02d}:{end % 60:02d}.")
    return question, steps, f"{end // 60:02d}:{end % 60:02d}"


_TEMPLATES: tuple[Callable[[Draws], Problem], ...] = (
    *(_shopping, _journey, _sharing, _discount, _recipe, _ages, _rectangle),
    *(_saving, _interest, _average, _work, _concert, _fraction, _clock),
)
