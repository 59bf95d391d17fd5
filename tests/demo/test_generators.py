"""The answers are right, varied, and of varied effort."""

import json
import re
import sqlite3

import pytest

from mig_dagster.demo import arithmetic, essays, extraction, help_desk, sql, tool_calls, units
from mig_dagster.demo.draws import Draws

GENERATORS = {
    module.__name__.split(".")[-1]: module
    for module in (arithmetic, essays, extraction, help_desk, sql, tool_calls, units)
}


def drawn(module, count: int = 300):
    draws = Draws(f"test {module.__name__}")
    return [module.generate(draws) for _ in range(count)]


@pytest.mark.parametrize("name", GENERATORS)
def test_rows_are_varied_and_answers_differ_in_length(name):
    rows = drawn(GENERATORS[name])
    assert len({row.row_id for row in rows}) > 0.9 * len(rows)
    lengths = sorted(len(row.response) for row in rows)
    assert lengths[0] > 0
    assert lengths[len(lengths) // 20] * 2 < lengths[-len(lengths) // 20]
    assert len({row.instruction.split()[0] for row in rows}) >= 3


@pytest.mark.parametrize("name", GENERATORS)
def test_one_seed_gives_one_stream(name):
    assert drawn(GENERATORS[name], 20) == drawn(GENERATORS[name], 20)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_template_is_filled_in(name):
    for row in drawn(GENERATORS[name]):
        assert not re.search(r"\{[a-z_]*\}|\bNone\b", row.instruction)
        assert row.messages[-1].role == "assistant"


@pytest.mark.parametrize("name", ["arithmetic", "units"])
def test_every_equation_holds(name):
    checked = 0
    for row in drawn(GENERATORS[name], 600):
        for left, right in re.findall(r"((?:\d+ [-+x/] )+\d+) = (\d+)(?![\d.])", row.response):
            assert eval(left.replace("x", "*")) == int(right), row.response
            checked += 1
    assert name == "units" or checked > 200


def test_conversions_are_right_to_two_decimals():
    checked = 0
    for row in drawn(units, 600):
        if match := re.search(r"multiply by (\S+?)(?: and add (\d+))?\. (\S+) .* are (\S+) ", row.response):
            factor, offset, value, result = (float(part or 0) for part in match.groups())
            assert result == pytest.approx(value * factor + offset, rel=1e-5, abs=0.006)
            checked += 1
    assert checked > 100


def test_every_statement_runs_on_its_schema():
    for row in drawn(sql, 600):
        schema = row.instruction[row.instruction.index("CREATE TABLE") :]
        statement = re.sub(r"```(sql)?", "\n", row.response)
        statement = statement[: statement.index(";") + 1]
        with sqlite3.connect(":memory:") as database:
            database.executescript(schema)
            database.execute(statement)
        database.close()


def test_extracted_facts_are_json_and_stand_in_the_text():
    for row in drawn(extraction):
        found = json.loads(row.response.removeprefix("Here you go: "))
        records = found if isinstance(found, list) else [found]
        lines = row.instruction.partition("\n\n")[2].split("\n")
        for line, facts in zip(lines, records, strict=True):
            for key, value in facts.items():
                free = key == "price" and value == 0
                assert free or key == "sentiment" or str(value) in line, (key, line)


def test_calls_name_an_offered_tool_and_fit_its_parameters():
    called = 0
    for row in drawn(tool_calls):
        offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in json.loads(row.tools)}
        for message in row.messages:
            for call in json.loads(message.tool_calls or "[]"):
                assert set(call["function"]["arguments"]) == set(offered[call["function"]["name"]]["required"])
                called += 1
        assert sum(message.role == "tool" for message in row.messages) == sum(
            len(json.loads(message.tool_calls)) for message in row.messages if message.tool_calls
        )
    assert called > 250


def test_code_answers_compile():
    snippets = [row.response for row in drawn(essays, 2000) if row.response.startswith("```python")]
    assert len(snippets) > 20
    for snippet in snippets:
        compile(snippet.removeprefix("```python\n").removesuffix("\n```"), "answer", "exec")


def test_dialogues_alternate_and_vary_in_turns():
    counts = set()
    for row in drawn(help_desk):
        roles = [message.role for message in row.messages if message.role != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        counts.add(row.n_turns)
    assert counts == {1, 2, 3, 4}


def test_draws_stay_in_their_range():
    draws = Draws("range")
    values = [draws.integer(2, 4) for _ in range(200)]
    assert set(values) == {2, 3, 4}
    assert sorted(draws.shuffled("abcdef")) == list("abcdef")
    assert len(set(draws.sample(range(9), 5))) == 5
