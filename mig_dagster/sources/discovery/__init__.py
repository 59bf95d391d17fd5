"""New datasets: rules that look for them, and the log of what was found and what people said to it."""

from mig_dagster.sources.discovery.decide import Decision, decide
from mig_dagster.sources.discovery.events import REGISTERED, Discovered, Entry, Event, Hold
from mig_dagster.sources.discovery.found import DiscoveryError, Findings, Found, Look
from mig_dagster.sources.discovery.log import read_log, record
from mig_dagster.sources.discovery.look import look_at_all
from mig_dagster.sources.discovery.rules import HubSearch, Rule, load_rules

__all__ = [
    "REGISTERED",
    "Decision",
    "Discovered",
    "DiscoveryError",
    "Entry",
    "Event",
    "Findings",
    "Found",
    "Hold",
    "HubSearch",
    "Look",
    "Rule",
    "decide",
    "load_rules",
    "look_at_all",
    "read_log",
    "record",
]
