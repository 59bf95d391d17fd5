import pytest

from mig_dagster.annotations.embeddings import TEXTS
from mig_dagster.conversation import Conversation, Message
from tests.annotations.rows import row

SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
CALL = '[{"type":"function"}]'


def talk(*turns):
    return Conversation(tuple(Message(*turn) for turn in turns))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("instruction", "one\ntwo"),
        ("conversation", "one\nyes\ntwo\nno"),
        ("vicuna", f"{SYSTEM} USER: one ASSISTANT: yes</s>USER: two ASSISTANT: no</s>"),
        ("car", "Instruction: one\ntwo Input:  Response: yes\nno"),
    ],
)
def test_a_conversation_is_put_as_its_method_puts_it(text, read):
    assert TEXTS[text].of(row(("one", "yes"), ("two", "no")).conversation) == read


@pytest.mark.parametrize(
    ("turns", "prompt"),
    [
        ((("system", "Be brief."), ("user", "one"), ("assistant", "yes")), "Be brief. USER: one ASSISTANT: yes</s>"),
        ((("assistant", "Hello!"), ("user", "one"), ("assistant", "yes")), f"{SYSTEM} USER: one ASSISTANT: yes</s>"),
        ((("user", "one"),), f"{SYSTEM} USER: one "),
        ((("user", "one"), ("assistant", "")), f"{SYSTEM} USER: one ASSISTANT:"),
        (
            (("user", "one"), ("assistant", "", CALL), ("tool", "1"), ("assistant", "yes")),
            f"{SYSTEM} USER: one ASSISTANT: {CALL}</s>USER: 1 ASSISTANT: yes</s>",
        ),
    ],
)
def test_vicunas_template_takes_what_deita_does_not_know(turns, prompt):
    assert TEXTS["vicuna"].of(talk(*turns)) == prompt


@pytest.mark.parametrize("text", TEXTS)
def test_a_conversation_that_says_nothing_has_no_text(text):
    assert not TEXTS[text].of(talk(("user", ""), ("assistant", ""))).strip()
