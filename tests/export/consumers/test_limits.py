"""What is left of a row under a token limit, with a real tokenizer and chat template."""

import pytest

from mig_dagster.annotations.tokens import RowTokenizer
from mig_dagster.export.consumers import CONSUMERS
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer
from tests.annotations.tokens.templates import CHATML, LLAMA3, MISTRAL, save_chat_tokenizer
from tests.export.consumers.test_rules import ANSWER, CALL, QUESTION, entry
from tests.export.consumers.test_verdicts import lines

TRAINERS = ("llama-factory", "trl", "axolotl", "open-instruct")


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    templates = {"chatml": CHATML, "llama3": LLAMA3, "mistral": MISTRAL}
    folders = {name: save_chat_tokenizer(tmp_path_factory.mktemp(name), text) for name, text in templates.items()}
    return {name: ChatTokenizer(RowTokenizer(str(folder))) for name, folder in folders.items()}


def rows(*answers):
    return lines(
        *({"messages": [{**QUESTION, "content": "why " * 30}, {**ANSWER, "content": text}]} for text in answers)
    )


def check(name, given, tokenizer, limit=None):
    told = {"registration": entry()} if name == "llama-factory" else {}
    return CONSUMERS[name](given, tokenizer=tokenizer, max_tokens=limit, **told)


@pytest.mark.parametrize("name", TRAINERS)
def test_rows_within_the_limit_are_whole_and_those_above_are_cut_or_dropped(name, tokenizers):
    given = rows("so", "so " * 50, "so " * 500)
    chat = tokenizers["chatml"]
    totals = [check("trl", [row], chat, 1).cut["tokens"].item() for row in given]
    run = check(name, given, chat, totals[1])
    found = set(run.cut["rank"]) | set(run.dropped["rank"])
    assert found == {3}
    assert (run.tokenizer, run.max_tokens) == (chat.name, totals[1])
    assert run.lost == (1 if name == "axolotl" else 0)
    if name != "axolotl":
        line = run.cut.row(0, named=True)
        assert line["tokens"] == totals[2]
        assert line["kept_tokens"] == totals[1]
        assert 0 < line["kept_trained"] < line["trained"] < totals[2]


def test_a_row_of_which_no_answer_is_left_is_dropped_where_the_trainer_looks_at_that(tokenizers):
    given = rows("so " * 50)
    lost = {name: check(name, given, tokenizers["chatml"], 20).lost for name in TRAINERS}
    assert lost == {"llama-factory": 0, "trl": 0, "axolotl": 1, "open-instruct": 1}
    masked = CONSUMERS["trl"](
        given, registration={"assistant_only_loss": True}, tokenizer=tokenizers["chatml"], max_tokens=20
    )
    assert masked.dropped["reason"].to_list() == ["no_trained_token"]


def test_a_template_that_refuses_a_conversation_stops_the_trainer(tokenizers):
    given = lines({"messages": [QUESTION, QUESTION, ANSWER]}, {"messages": [QUESTION, ANSWER]})
    run = check("trl", given, tokenizers["mistral"])
    assert run.dropped.select("rank", "reason", "effect").rows() == [(1, "template_refuses", "stops")]
    assert check("trl", given, tokenizers["chatml"]).lost == 0


def test_what_the_template_leaves_out_is_told(tokenizers):
    call = {"type": "function", "function": {"name": "get_weather", "arguments": {}}}
    thought = {**ANSWER, "reasoning_content": "I wonder"}
    given = lines({"messages": [QUESTION, {**CALL, "tool_calls": [call]}, thought]})
    found = check("trl", given, tokenizers["llama3"]).altered["reason"].to_list()
    assert sorted(found) == ["reasoning_ignored", "tool_calls_ignored"]
    assert check("trl", given, tokenizers["chatml"]).altered.is_empty()


def test_many_rows_are_counted_in_batches_as_one_by_one(tokenizers):
    given = rows(*("so " * (n % 60) + "so" for n in range(600)))
    run = check("trl", given, tokenizers["chatml"], 180)
    single = [check("trl", [row], tokenizers["chatml"], 180).cut.rows() for row in given]
    assert run.cut.rows() == [line for found in single for line in found]
    assert 0 < len(run.cut) < 600
