"""Token counts without a template, tokenizers of several kinds, and the cache."""

import json

import numpy as np
import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.token_counts import all_text
from mig_dagster.annotations.tokens import RowTokenizer, RowTokens, count_tokens, plain_text, rows, token_rows
from mig_dagster.annotations.tokens.written import Written
from mig_dagster.conversation import Conversation, Message
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.tokens import naive
from tests.annotations.tokens.templates import CHATML, save_chat_tokenizer


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    return save_chat_tokenizer(tmp_path_factory.mktemp("chat"), CHATML)


def test_all_that_is_said_counts_and_what_the_assistant_says_is_trained(tiny_model):
    given = Conversation(
        (
            Message("user", "ask"),
            Message("assistant", "", tool_calls="[1]", reasoning_content="hm"),
            Message("tool", "two"),
            Message("assistant", "ok."),
        )
    )
    found = RowTokens(RowTokenizer(str(tiny_model))).count(naive.rows_of([given]))
    assert found.columns["tokens"].tolist() == [3 + 2 + 3 + 3 + 3]  # letters are pieces there, "[" is unknown
    assert found.columns["trained_tokens"].tolist() == [2 + 3 + 3]
    assert found.flags == [None]


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_tokenizer_one_row_at_a_time(chat, seed, monkeypatch):
    monkeypatch.setattr(rows, "_AT_ONCE", 4)
    given, tokenizer = naive.conversations(seed), naive.loaded(chat)
    found = RowTokens(RowTokenizer(str(chat))).count(naive.rows_of(given)).columns
    assert found["tokens"].tolist() == [len(tokenizer.tokenize(all_text(each))) for each in given]
    for each, trained in zip(given, found["trained_tokens"], strict=True):
        written = plain_text(each)
        assert written.text == all_text(each)
        mask = np.zeros(len(written.text), bool)
        for start, end in written.trained:
            mask[start:end] = True
        assert trained == naive.over(tokenizer, written.text, mask)
        said = "".join(np.array(list(written.text))[mask])
        assert said == "".join(
            (m.reasoning_content or "") + m.content + (m.tool_calls or "")
            for m in each.messages
            if m.role == "assistant"
        )


def test_a_token_of_two_spans_counts_once_and_dropped_white_space_not_at_all(tiny_model, chat):
    pieces = RowTokenizer(str(chat)).pieces
    text = "🌊🌊"  # several tokens a character
    count = len(pieces.encode(text, add_special_tokens=False).ids)
    assert count_tokens(pieces, [Written(text, ((0, 1), (1, 2)))])[1].tolist() == [count]
    assert count_tokens(pieces, [Written(text, ((0, 1),))])[1].tolist() == [count // 2]
    words = RowTokenizer(str(tiny_model)).pieces
    assert count_tokens(words, [Written("a   b", ((1, 4),))])[1].tolist() == [0]
    assert count_tokens(words, [Written("a   b", ((1, 5),))])[1].tolist() == [1]


def test_long_texts_are_counted_whole(tiny_model):
    given = Conversation((Message("user", "a " * 500), Message("assistant", "b " * 700)))
    found = RowTokens(RowTokenizer(str(tiny_model))).count(naive.rows_of([given])).columns
    assert (found["tokens"].tolist(), found["trained_tokens"].tolist()) == ([1200], [700])


def test_a_row_without_an_answer_trains_nothing(tiny_model):
    given = [Conversation((Message("user", "a"),)), Conversation((Message("user", ""), Message("assistant", "")))]
    found = RowTokens(RowTokenizer(str(tiny_model))).count(naive.rows_of(given)).columns
    assert (found["tokens"].tolist(), found["trained_tokens"].tolist()) == ([1, 0], [0, 0])


def test_counts_are_kept_and_not_made_again(chat):
    cache, given = FragmentCache(MemoryFiles()), naive.rows_of(naive.conversations(3))
    first = token_rows(given, RowTokens(RowTokenizer(str(chat)), "model"), cache)
    again = RowTokens(RowTokenizer(str(chat)), "model")
    again.count = None  # would raise if it were asked
    second = token_rows(given, again, cache)
    for column in ("tokens", "trained_tokens"):
        np.testing.assert_array_equal(first.values[column], second.values[column])
    assert (first.values["trained_tokens"] <= first.values["tokens"]).all()


def test_tokenizer_template_and_rule_are_part_of_who_counts(chat, tmp_path, monkeypatch):
    other = save_chat_tokenizer(tmp_path / "chat", CHATML + " ")

    def fingerprints():
        return {
            RowTokens(RowTokenizer(str(folder)), template).annotator.fingerprint
            for folder in (chat, other)
            for template in ("model", "none")
        }

    first = fingerprints()
    assert len(first) == 4
    monkeypatch.setattr(rows, "VERSION", "other")
    assert not first & fingerprints()


def test_weights_beside_a_tokenizer_change_nothing(tmp_path):
    folder = save_chat_tokenizer(tmp_path, CHATML)
    before = RowTokenizer(str(folder)).files
    (folder / "model.safetensors").write_bytes(b"weights")
    assert RowTokenizer(str(folder)).files == before
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"x": 1}))
    assert RowTokenizer(str(folder)).files != before


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"holds no tokenizer: expected one of tokenizer\.json"):
        _ = RowTokenizer(str(tmp_path)).files
    with pytest.raises(ValueError, match="only Hub models have revisions"):
        _ = RowTokenizer(str(tmp_path), "main").files


def test_an_unknown_template_is_refused(chat):
    with pytest.raises(ValueError, match="template must be one of model, none, got 'chatml'"):
        RowTokens(RowTokenizer(str(chat)), "chatml")
