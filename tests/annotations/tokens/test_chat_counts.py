"""Token counts under chat templates, against transformers one row at a time."""

import numpy as np
import pytest

from mig_dagster.annotations.tokens import RowTokenizer, RowTokens
from mig_dagster.conversation import Conversation, Message
from tests.annotations.tokens import naive
from tests.annotations.tokens.templates import CHATML, DATED, EXACT, GENERATION, REWRITING, save_chat_tokenizer

TOOLLESS = ("llama3", "mistral")


def counter_of(folder, template="model"):
    return RowTokens(RowTokenizer(str(folder)), template)


@pytest.fixture(scope="module", params=EXACT)
def exact(request, tmp_path_factory):
    return request.param, save_chat_tokenizer(tmp_path_factory.mktemp(request.param), EXACT[request.param])


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_transformers_one_row_at_a_time(exact, seed):
    name, folder = exact
    given = naive.conversations(seed, tools=name not in TOOLLESS)
    tokenizer = naive.loaded(folder)
    found = counter_of(folder).count(naive.rows_of(given))
    assert found.flags == [None] * len(given)
    assert found.columns["tokens"].tolist() == [naive.total(tokenizer, each) for each in given]
    trained = naive.masked if name == "generation" else naive.by_prefixes
    assert found.columns["trained_tokens"].tolist() == [trained(tokenizer, each) for each in given]
    assert found.columns["searched_turns"].sum() == 0


def test_a_template_that_says_what_is_generated_and_one_that_does_not_count_alike(tmp_path):
    given = naive.rows_of(naive.conversations(7))
    folders = [save_chat_tokenizer(tmp_path / name, EXACT[name]) for name in ("chatml", "generation")]
    marked, found = (counter_of(folder).count(given).columns for folder in folders)
    for column in ("tokens", "trained_tokens"):
        np.testing.assert_array_equal(marked[column], found[column])


def test_the_end_marker_is_trained_and_the_white_space_behind_it_is_not(tmp_path):
    folder = save_chat_tokenizer(tmp_path, CHATML)
    row = naive.rows_of([Conversation((Message("user", "q"), Message("assistant", "a")))])
    counts = counter_of(folder).count(row).columns
    said = naive.loaded(folder).tokenize("a<|im_end|>")
    assert counts["trained_tokens"].tolist() == [len(said)] == [2]


@pytest.fixture(scope="module")
def rewriting(tmp_path_factory):
    return save_chat_tokenizer(tmp_path_factory.mktemp("rewriting"), REWRITING)


def written(*parts):
    """The text of parts, and which of its characters are trained: those of parts that begin with an arrow."""
    text = "".join(part.removeprefix("→") for part in parts)
    return text, np.concatenate([np.full(len(part.removeprefix("→")), part.startswith("→")) for part in parts])


def test_a_turn_that_is_written_differently_later_is_found_by_its_end_marker(rewriting):
    given = Conversation(
        (
            Message("user", "q1"),
            Message("assistant", "a1", reasoning_content="r1"),
            Message("user", "q2"),
            Message("assistant", "a2", reasoning_content="r2"),
        )
    )
    text, trained = written(
        "<|im_start|>user\nq1<|im_end|>\n<|im_start|>assistant\n",
        "→a1<|im_end|>",
        "\n<|im_start|>user\nq2<|im_end|>\n<|im_start|>assistant\n",
        "→<think>r2</think>\na2<|im_end|>",
        "\n",
    )
    tokenizer = naive.loaded(rewriting)
    found = counter_of(rewriting).count(naive.rows_of([given]))
    assert found.columns["tokens"].tolist() == [naive.total(tokenizer, given)] == [len(tokenizer.tokenize(text))]
    assert found.columns["trained_tokens"].tolist() == [naive.over(tokenizer, text, trained)]
    assert found.columns["searched_turns"].tolist() == [1]


def test_a_turn_that_only_calls_tools_is_found_too(rewriting):
    call = '[{"type": "function", "function": {"name": "f", "arguments": {}}}]'
    given = Conversation(
        (
            Message("user", "q"),
            Message("assistant", "", tool_calls=call),
            Message("tool", "r"),
            Message("assistant", "a"),
            Message("user", "q2"),
            Message("assistant", "b"),
        )
    )
    text, trained = written(
        "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n",
        "→<tool_call>f{}</tool_call><|im_end|>",
        "\n<|im_start|>tool\nr<|im_end|>\n<|im_start|>assistant\n",
        "→a<|im_end|>",
        "\n<|im_start|>user\nq2<|im_end|>\n<|im_start|>assistant\n",
        "→<think></think>\nb<|im_end|>",
        "\n",
    )
    found = counter_of(rewriting).count(naive.rows_of([given]))
    assert found.columns["trained_tokens"].tolist() == [naive.over(naive.loaded(rewriting), text, trained)]
    assert found.columns["searched_turns"].tolist() == [2]


def test_an_answer_that_names_the_end_marker_does_not_end_there(rewriting):
    turns = [
        Message("user", "q"),
        Message("assistant", "say <|im_end|> now"),
        Message("user", "q"),
        Message("assistant", "b"),
    ]
    text, trained = written(
        "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n",
        "→say <|im_end|> now<|im_end|>",
        "\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n",
        "→<think></think>\nb<|im_end|>",
        "\n",
    )
    found = counter_of(rewriting).count(naive.rows_of([Conversation(tuple(turns))]))
    assert found.columns["trained_tokens"].tolist() == [naive.over(naive.loaded(rewriting), text, trained)]


def test_a_conversation_that_the_template_refuses_has_no_counts(tmp_path):
    folder = save_chat_tokenizer(tmp_path, EXACT["mistral"])
    odd = Conversation((Message("user", "a"), Message("user", "b"), Message("assistant", "c")))
    empty = Conversation(())
    untooled = Conversation((Message("user", "a"), Message("assistant", "b")), tools="no JSON")
    found = counter_of(folder).count(naive.rows_of([odd, empty, untooled]))
    assert found.flags == ["template_refused"] * 3
    assert not any(column.any() for column in found.columns.values())


def test_turns_that_a_template_leaves_out_have_no_counts(tmp_path):
    folder = save_chat_tokenizer(tmp_path, "{{ messages[0].content }}{% if add_generation_prompt %}A:{% endif %}")
    row = naive.rows_of([Conversation((Message("user", "q"), Message("assistant", "a"), Message("user", "q")))])
    assert counter_of(folder).count(row).flags == ["template_refused"]


def test_a_conversation_that_begins_with_an_answer_is_counted(tmp_path):
    folder = save_chat_tokenizer(tmp_path, CHATML)
    row = naive.rows_of(
        [Conversation((Message("assistant", "hello"), Message("user", "q"), Message("assistant", "a")))]
    )
    found = counter_of(folder).count(row)
    tokenizer = naive.loaded(folder)
    assert found.columns["trained_tokens"].tolist() == [len(tokenizer.tokenize("hello<|im_end|>")) + 2]
    assert found.columns["searched_turns"].tolist() == [1]


@pytest.mark.parametrize("said", ["\n\nhello", "  hello \n", " \n "])
def test_white_space_around_a_first_answer_is_trained_where_the_template_keeps_it(tmp_path, said):
    kept, marked = (
        counter_of(save_chat_tokenizer(tmp_path / name, template)).count(
            naive.rows_of(
                [Conversation((Message("assistant", said), Message("user", "q"), Message("assistant", " a")))]
            )
        )
        for name, template in (("kept", CHATML), ("marked", GENERATION))
    )
    assert kept.columns["trained_tokens"].tolist() == marked.columns["trained_tokens"].tolist()
    assert kept.columns["searched_turns"].tolist() == [1]


def test_today_is_no_part_of_a_count(tmp_path):
    folder = save_chat_tokenizer(tmp_path, DATED)
    row = naive.rows_of([Conversation((Message("user", "q"), Message("assistant", "a")))])
    dated, plain = (counter_of(save_chat_tokenizer(tmp_path / name, text)).count(row).columns["tokens"][0]
                    for name, text in (("dated", DATED), ("plain", CHATML)))  # fmt: skip
    assert dated - plain == len(naive.loaded(folder).tokenize("2024-07-26"))


def test_a_tokenizer_without_a_template_is_refused_with_what_to_do(tmp_path):
    counter = counter_of(save_chat_tokenizer(tmp_path, None))
    with pytest.raises(
        ValueError, match=r"template 'model' needs a tokenizer with a chat template.*use template 'none'"
    ):
        counter.count(naive.rows_of(naive.conversations(0, 1)))
