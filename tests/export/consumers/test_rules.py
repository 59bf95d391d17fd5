"""The rules that trainers have of their own; tests/e2e/consumers holds them against the trainers."""

import json

import pytest

from mig_dagster.export.consumers import CONSUMERS
from tests.export.consumers.test_verdicts import lines

QUESTION, ANSWER = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}
RESULT = {"role": "tool", "content": "1"}
TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
ALL_TAGS = {**TAGS, "observation_tag": "tool", "function_tag": "function_call", "system_tag": "system"}


def entry(formatting="sharegpt", tags=ALL_TAGS, **columns):
    return {"formatting": formatting, "columns": {"messages": "messages", **columns}, "tags": tags}


def reasons(name, *messages, told=None, **columns):
    """Return what a trainer finds in one row: (effect, reason) of each."""
    run = CONSUMERS[name](lines({"messages": list(messages), **columns}), registration=told)
    return set(run.by_reason().select("effect", "reason").rows())


SYSTEM = {"role": "system", "content": "s"}
FUNCTION = {"role": "function_call", "content": json.dumps({"name": "f", "arguments": {}})}


@pytest.mark.parametrize(
    ("messages", "tags", "found"),
    [
        ((SYSTEM, QUESTION, ANSWER), ALL_TAGS, set()),
        ((SYSTEM, QUESTION, ANSWER), TAGS, {("dropped", "unknown_role")}),
        ((QUESTION, FUNCTION, RESULT, ANSWER), ALL_TAGS, set()),
        ((QUESTION, FUNCTION, RESULT, ANSWER), TAGS, {("dropped", "unknown_role")}),
        ((QUESTION, FUNCTION, RESULT, RESULT, ANSWER), ALL_TAGS, {("dropped", "role_order")}),
        ((QUESTION, SYSTEM), ALL_TAGS, {("dropped", "system_position")}),
        ((SYSTEM,), ALL_TAGS, {("dropped", "no_messages")}),
        ((QUESTION, CALL), ALL_TAGS, {("altered", "tool_calls_ignored")}),
        ((QUESTION, {**ANSWER, "reasoning_content": "r"}), ALL_TAGS, {("altered", "reasoning_ignored")}),
    ],
)
def test_llama_factory_takes_pairs_of_roles_that_its_tags_name(messages, tags, found):
    assert reasons("llama-factory", *messages, told=entry(tags=tags)) == found


def test_llama_factory_in_openai_formatting_joins_results_and_adds_words():
    told = entry("openai", tools="tools")
    assert reasons("llama-factory", QUESTION, CALL, RESULT, RESULT, ANSWER, told=told, tools="[{}]") == set()
    assert ("altered", "system_extended") in reasons("llama-factory", QUESTION, ANSWER, told=told, tools="")
    beside = {**CALL, "content": "let me see"}
    assert ("altered", "answer_beside_calls") in reasons(
        "llama-factory", QUESTION, beside, RESULT, ANSWER, told=told, tools="[{}]"
    )


def test_axolotl_takes_a_null_system_for_a_turn_and_wants_arguments_that_are_json():
    assert reasons("axolotl", QUESTION, ANSWER, system=None) == {("altered", "empty_system")}
    assert reasons("axolotl", SYSTEM, QUESTION, ANSWER, system=None) == set()
    text = {**CALL, "tool_calls": [{"function": {"name": "f", "arguments": "{x"}}]}
    assert reasons("axolotl", QUESTION, text) == {("stops", "invalid_tool_call")}
    assert reasons("axolotl", QUESTION, ANSWER, tools="") == {("stops", "invalid_tools")}
    assert reasons("axolotl", QUESTION, ANSWER, told={"roles_to_train": ["tool"]}) == {("dropped", "no_trained_turn")}


def test_axolotl_knows_roles_by_other_names():
    human, gpt = {"role": "human", "content": "a"}, {"role": "gpt", "content": "b"}
    assert reasons("axolotl", human, gpt) == set()
    assert reasons("trl", human, gpt) == set()
    assert reasons("open-instruct", human, gpt) == {("dropped", "no_trained_turn")}


def test_open_instruct_shows_no_tools():
    assert reasons("open-instruct", QUESTION, ANSWER, tools="[{}]") == {("altered", "tools_ignored")}


@pytest.mark.parametrize(
    ("tools", "found"), [("[1", True), ('{"a": 1}', True), ("", True), ("[]", False), (None, False)]
)
def test_tools_that_are_no_json_list_stop_trl(tools, found):
    assert reasons("trl", QUESTION, ANSWER, tools=tools) == ({("stops", "invalid_tools")} if found else set())
