"""Whatever happens to a folder and the clock, and whatever people decide: nothing is found twice, lost or too often."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from mig_dagster.sources.discovery import Discovered, Event, Findings, Found, decide
from mig_dagster.sources.discovery.events import OPEN, REGISTERED, fold
from mig_dagster.sources.discovery.rules import Folder, Rule
from tests.sources.discovery.finds import DAY

LIMIT = 2
FILES = [f"/in/{folder}/{name}.jsonl" for folder in "xy" for name in "abc"]
RULES = {kind: Rule("inbox", Folder("/in"), kind, max_per_day=LIMIT) for kind in ("add", "propose")}
steps = st.one_of(
    st.tuples(st.just("look"), st.frozensets(st.sampled_from(FILES)), st.integers(-3, 3)),
    st.tuples(st.sampled_from(["approved", "rejected", "removed"]), st.sampled_from(FILES), st.just(0)),
)


def look(state, rule, there, now):
    found = tuple(Found(uri, uri.rsplit("/", 1)[-1]) for uri in sorted(there))
    return decide(rule, Findings(found, frozenset(there)), state, {}, now, lambda found: found)


@given(st.sampled_from(["add", "propose"]), st.lists(steps, max_size=25))
def test_laws_of_a_rule_over_any_history(on_find, history):
    rule, state, by_person = RULES[on_find], Discovered(), set()
    finds: Counter = Counter()
    for kind, what, days in history:
        now = DAY + timedelta(days=days)
        if kind == "look":
            decision = look(state, rule, what, now)
            finds[now.date()] += len(decision.new)
            assert finds[now.date()] <= LIMIT
            assert len(decision.new) + decision.tomorrow == len(what - state.entries.keys())
            events = decision.events
            assert not by_person & {event.uri for event in events}
        else:
            known = what in state.entries
            events = [Event(kind, what, state.entries[what].source.name)] if known else []
            by_person |= {what} if known and kind != "approved" else set()
            by_person -= {what} if kind == "approved" else set()
        names = {uri: entry.source.name for uri, entry in state.entries.items()}
        state = fold(state, now, events)
        assert names.items() <= {uri: entry.source.name for uri, entry in state.entries.items()}.items()
        assert len(state.names) == len(state.entries)
        if kind == "look" and what:
            is_open = {uri for uri, entry in state.entries.items() if entry.state in OPEN}
            assert is_open <= what
            assert what & state.entries.keys() <= is_open | by_person
            again = look(state, rule, what, now)
            assert again.events == ()


@given(st.sampled_from(["add", "propose"]), st.frozensets(st.sampled_from(FILES), min_size=1))
def test_in_the_end_everything_is_found(on_find, there):
    rule, state = RULES[on_find], Discovered()
    for day in range(len(there)):
        now = DAY + timedelta(days=day)
        state = fold(state, now, look(state, rule, there, now).events)
    assert state.entries.keys() == there
    states = {entry.state for entry in state.entries.values()}
    assert states == {"added" if on_find == "add" else "proposed"}
    assert bool(state.registered({})) == (on_find == "add") == (states <= set(REGISTERED))


def test_a_find_has_the_limits_of_its_rule():
    rule = Rule("inbox", Folder("/in"), "add", max_gpu_hours=2.0)
    [event] = look(Discovered(), rule, {"/in/a.jsonl"}, DAY).events
    assert event.source["max_gpu_hours"] == 2.0
