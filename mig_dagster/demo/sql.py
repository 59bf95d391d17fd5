"""SQL tasks over random table schemas: question and schema in the instruction, a statement that runs as the answer."""

from collections.abc import Callable
from dataclasses import dataclass

from mig_dagster.conversation import Conversation
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.words import CITIES, exchange


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns are `id`, one text, one category, one amount and one date."""

    name: str
    text: str
    category: str
    amount: str
    date: str
    values: tuple[str, ...]

    @property
    def schema(self) -> str:
        """The statement that creates it."""
        return (
            f"CREATE TABLE {self.name} (id INTEGER PRIMARY KEY, {self.text} TEXT, {self.category} TEXT, "
            f"{self.amount} NUMERIC, {self.date} DATE, owner_id INTEGER);"
        )


_TABLES = (
    Table("orders", "customer", "status", "total", "ordered_on", ("open", "paid", "shipped", "returned")),
    Table("books", "title", "genre", "price", "published_on", ("novel", "poetry", "history", "science")),
    Table("patients", "name", "ward", "weight_kg", "admitted_on", ("cardiology", "surgery", "paediatrics")),
    Table("flights", "flight_number", "airline", "delay_minutes", "departed_on", ("Nordwind", "Azul", "Koru")),
    Table("employees", "full_name", "department", "salary", "hired_on", ("sales", "research", "support", "legal")),
    Table("sensors", "location", "kind", "reading", "measured_on", ("humidity", "pressure", "temperature")),
    Table("tickets", "subject", "priority", "hours_spent", "opened_on", ("low", "normal", "urgent")),
    Table("films", "title", "language", "minutes", "released_on", ("Hindi", "French", "Korean", "English")),
    Table("deliveries", "address", "carrier", "weight_kg", "delivered_on", ("bike", "van", "drone")),
    Table("players", "nickname", "team", "goals", "joined_on", ("Falcons", "Otters", "Comets")),
    Table("courses", "title", "faculty", "credits", "starts_on", ("law", "medicine", "arts", "engineering")),
    Table("invoices", "client", "currency", "amount", "due_on", ("EUR", "USD", "JPY", "KES")),
)
_OWNERS = "CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT, city TEXT);"
Task = tuple[str, str, str]  # what is asked, the statement, why it is so


def generate(draws: Draws) -> Conversation:
    """Return one task with its statement."""
    table = draws.choice(_TABLES)
    asked, statement, reason = draws.choice(_TASKS)(draws, table)
    schema = table.schema + (f"\n{_OWNERS}" if "owners" in statement else "")
    style = draws.integer(1, 10)
    if style <= 5:
        answer = f"```sql\n{statement}\n```\n{reason}"
    elif style <= 8:
        answer = statement
    else:
        answer = f"{statement}\n-- {reason}"
    wish = draws.choice(("Write a SQL query: {}", "{} Answer with SQL.", "Given the schema below, {}", "{}"))
    task = wish.format(asked[0].lower() + asked[1:] if wish.startswith("Given") else asked)
    return exchange(f"{task}\n{schema}", answer)


def _filter(draws: Draws, table: Table) -> Task:
    value, limit = draws.choice(table.values), 5 * draws.integer(1, 60)
    return (
        f"List the {table.text} of all {table.name} with {table.category} '{value}' and {table.amount} above {limit}.",
        f"SELECT {table.text} FROM {table.name} WHERE {table.category} = '{value}' AND {table.amount} > {limit};",
        "Both conditions have to hold, so they are joined by AND.",
    )


def _count(draws: Draws, table: Table) -> Task:
    year = draws.integer(1998, 2024)
    return (
        f"How many {table.name} have a {table.date} in {year}?",
        f"SELECT COUNT(*) FROM {table.name} WHERE {table.date} BETWEEN '{year}-01-01' AND '{year}-12-31';",
        "BETWEEN includes both ends of the year.",
    )


def _group(draws: Draws, table: Table) -> Task:
    function = draws.choice(("AVG", "SUM", "MIN", "MAX"))
    name = {"AVG": "average", "SUM": "sum of", "MIN": "smallest", "MAX": "largest"}[function]
    label = f"{function.lower()}_{table.amount}"
    return (
        f"Show the {name} {table.amount} of {table.name} for each {table.category}, sorted by {table.category}.",
        f"SELECT {table.category}, {function}({table.amount}) AS {label} FROM {table.name} "
        f"GROUP BY {table.category} ORDER BY {table.category};",
        f"GROUP BY makes one line per {table.category}.",
    )


def _top(draws: Draws, table: Table) -> Task:
    count = draws.integer(2, 25)
    return (
        f"Find the {count} {table.name} with the highest {table.amount}.",
        f"SELECT * FROM {table.name} ORDER BY {table.amount} DESC LIMIT {count};",
        "Sorting downwards puts the highest first, and LIMIT cuts the list.",
    )


def _join(draws: Draws, table: Table) -> Task:
    city = draws.choice(CITIES)
    return (
        f"Which {table.name} belong to owners in {city}? Return {table.text} and the owner's name.",
        f"SELECT t.{table.text}, o.name FROM {table.name} AS t JOIN owners AS o ON o.id = t.owner_id "
        f"WHERE o.city = '{city}';",
        "The join matches owner_id with the owner's id; rows without an owner drop out.",
    )


def _having(draws: Draws, table: Table) -> Task:
    count = draws.integer(3, 60)
    return (
        f"Which {table.category} values occur in more than {count} {table.name}?",
        f"SELECT {table.category} FROM {table.name} GROUP BY {table.category} HAVING COUNT(*) > {count};",
        "A condition on a count belongs into HAVING, because WHERE runs before grouping.",
    )


def _update(draws: Draws, table: Table) -> Task:
    old, new = draws.sample(table.values, 2)
    percent = draws.integer(2, 30)
    return (
        f"Raise {table.amount} by {percent} percent for all {table.name} with {table.category} '{old}' "
        f"and set their {table.category} to '{new}'.",
        f"UPDATE {table.name} SET {table.amount} = {table.amount} * {1 + percent / 100:.2f}, "
        f"{table.category} = '{new}' WHERE {table.category} = '{old}';",
        "One UPDATE sets both columns for the same rows.",
    )


def _delete(draws: Draws, table: Table) -> Task:
    year = draws.integer(1995, 2020)
    return (
        f"Delete the {table.name} whose {table.date} lies before {year}.",
        f"DELETE FROM {table.name} WHERE {table.date} < '{year}-01-01';",
        "Run the condition as a SELECT first to see what would go.",
    )


def _missing(draws: Draws, table: Table) -> Task:
    value = draws.choice(table.values)
    return (
        f"Find the {table.name} with {table.category} '{value}' that have no owner in the owners table.",
        f"SELECT t.* FROM {table.name} AS t LEFT JOIN owners AS o ON o.id = t.owner_id "
        f"WHERE o.id IS NULL AND t.{table.category} = '{value}';",
        "A LEFT JOIN keeps rows without a partner, and IS NULL picks them out.",
    )


def _index(draws: Draws, table: Table) -> Task:
    column = draws.choice((table.category, table.date, table.amount, table.text, "owner_id"))
    return (
        f"Queries on {table.name} by {column} are slow. Create an index that helps.",
        f"CREATE INDEX {table.name}_{column}_idx ON {table.name} ({column});",
        "The index makes look-ups fast and inserts a little slower.",
    )


def _rank(draws: Draws, table: Table) -> Task:
    count = draws.integer(1, 9)
    return (
        f"For each {table.category} of {table.name}, return the top {count} by {table.amount}.",
        f"SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {table.category} ORDER BY {table.amount} DESC) "
        f"AS place FROM {table.name}) AS ranked WHERE place <= {count};",
        "The window function numbers the rows within each group; the outer query keeps the first ones.",
    )


_TASKS: tuple[Callable[[Draws, Table], Task], ...] = (
    *(_filter, _filter, _count, _group, _top, _join),
    *(_join, _having, _update, _delete, _missing, _index, _rank),
)
