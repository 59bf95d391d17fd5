"""Names and things that the generators of several sources share."""

from mig_dagster.conversation import Conversation, Message

NAMES = (
    *("Amara", "Ben", "Chiara", "Daniel", "Elif", "Farid", "Grace", "Hiroshi", "Ines", "Jonas", "Kavya", "Liam"),
    *("Mei", "Nadia", "Omar", "Priya", "Quentin", "Rosa", "Samuel", "Tariq", "Uma", "Viktor", "Wanjiru", "Yusuf"),
)
SURNAMES = (
    *("Almeida", "Brandt", "Castillo", "Dubois", "Eriksen", "Fischer", "Gupta", "Haddad", "Ivanova", "Jansen"),
    *("Kimura", "Lindqvist", "Mbeki", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Sato", "Tanaka"),
)
CITIES = (
    *("Lisbon", "Nairobi", "Osaka", "Toronto", "Krakow", "Lima", "Oslo", "Mumbai", "Cairo", "Austin", "Hanoi"),
    *("Dublin", "Zurich", "Accra", "Perth", "Bogota", "Leeds", "Seville", "Tallinn", "Quito"),
)
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def exchange(question: str, answer: str, system: str | None = None) -> Conversation:
    """Return a conversation of one question and one answer."""
    opening = () if system is None else (Message("system", system),)
    return Conversation((*opening, Message("user", question), Message("assistant", answer)))
