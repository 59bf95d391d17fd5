"""What is read of a conversation, to the character."""

import pytest
from transformers import AutoTokenizer

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.ifd import training_text
from mig_dagster.annotations.ifd.chat import Chat
from mig_dagster.annotations.ifd.templates import Alpaca, Plain
from mig_dagster.conversation import Conversation, Message
from tests.annotations.ifd.language_models import CHATML, TRIMMING, save_tokenizer

LONG = Conversation(
    (
        Message("system", "Be kind."),
        Message("user", "Hello"),
        Message("assistant", "Hi"),
        Message("user", "How warm is it?"),
        Message("assistant", "", tool_calls='[{"name": "warmth"}]'),
        Message("tool", "21"),
        Message("assistant", "21 degrees."),
        Message("user", "Thanks"),
    )
)
ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{}\n\n### Response:{}"
)


def conversation(*turns):
    return Conversation(tuple(Message(role, text) for role, text in turns))


def answers(passage):
    return [passage.text[answer.start : answer.end] for answer in passage.answers]


def chat(folder, chat_template):
    save_tokenizer(folder, chat_template=chat_template)
    return Chat(AutoTokenizer.from_pretrained(folder))


def test_plain_is_superfilterings_text_with_and_without_an_input():
    passage = Plain().conditioned(conversation(("user", "Sum up.\nA text."), ("assistant", "Short.")))
    assert passage.text == "{}\n{}\n{}".format("Sum up.", "A text.", "Short.")
    assert Plain().alone("Short.").text == "Short."


def test_plain_joins_all_that_is_said_up_to_the_last_answer():
    passage = Plain().conditioned(LONG)
    assert passage.text == ('Be kind.\nHello\nHi\nHow warm is it?\n[{"name": "warmth"}]\n21\n21 degrees.')
    assert answers(passage) == ["Hi", '[{"name": "warmth"}]', "21 degrees."]


def test_the_training_text_begins_as_the_text_that_is_scored_and_goes_on_to_the_end():
    assert training_text(LONG) == Plain().conditioned(LONG).text + "\nThanks"


def test_alpaca_is_cherrys_text():
    passage = Alpaca().conditioned(conversation(("user", "Name a {colour}."), ("assistant", "Blue")))
    assert passage.text == ALPACA.format("Name a {colour}.", "Blue")
    assert answers(passage) == ["Blue"]
    alone = Alpaca().alone("Blue")
    assert (alone.text, answers(alone)) == ("### Response:Blue", ["Blue"])


def test_alpaca_repeats_instruction_and_response_and_reads_what_tools_said_as_an_instruction():
    passage = Alpaca().conditioned(LONG)
    assert passage.text == ALPACA.format("Be kind.\nHello", "Hi") + "".join(
        f"\n\n### Instruction:\n{instruction}\n\n### Response:{answer}"
        for instruction, answer in (("How warm is it?", '[{"name": "warmth"}]'), ("21", "21 degrees."))
    )


def test_alpaca_has_no_instruction_before_an_answer_that_follows_on_another():
    passage = Alpaca().conditioned(conversation(("user", "Count."), ("assistant", "1"), ("assistant", "2")))
    assert passage.text == ALPACA.format("Count.", "1") + "\n\n### Response:2"


def test_chat_is_the_tokenizers_template_with_iterits_system_message(tmp_path):
    template = chat(tmp_path, CHATML)
    passage = template.conditioned(conversation(("user", "It is 7."), ("assistant", " 7\n")))
    assert passage.text == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nIt is 7.<|im_end|>\n"
        "<|im_start|>assistant\n7<|im_end|>\n"
    )
    [answer] = passage.answers
    assert passage.text[answer.start : answer.closed] == "7<|im_end|>\n"
    assert template.alone("7").text == "<|im_start|>assistant\n7<|im_end|>\n"


def test_a_conversations_own_system_message_takes_the_place_of_iterits(tmp_path):
    passage = chat(tmp_path, CHATML).conditioned(LONG)
    assert passage.text.startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n")
    assert passage.text.endswith("21 degrees.<|im_end|>\n")
    assert answers(passage) == ["Hi", '[{"name": "warmth"}]', "21 degrees."]
    assert {passage.text[answer.end : answer.closed] for answer in passage.answers} == {"<|im_end|>\n"}


def test_chat_finds_answers_that_stand_elsewhere_too(tmp_path):
    passage = chat(tmp_path, TRIMMING).conditioned(
        conversation(("user", "yes"), ("assistant", "yes"), ("user", "yes, yes"), ("assistant", "yes "))
    )
    for answer in passage.answers:
        assert passage.text[: answer.start].endswith("assistant<|end|>\n\n")
    assert answers(passage) == ["yes", "yes"]


@pytest.mark.parametrize("template", [Plain(), Alpaca()])
def test_a_conversation_without_an_answer_is_flagged(template, tmp_path):
    for made in (conversation(("user", "Hello")), conversation(("user", "Hello"), ("assistant", ""))):
        assert template.conditioned(made) == Defect("empty_output")
        assert chat(tmp_path, CHATML).conditioned(made) == Defect("empty_output")
    assert answers(template.conditioned(conversation(("user", "Hello"), ("assistant", " ")))) == [" "]
    assert chat(tmp_path, CHATML).conditioned(conversation(("user", "a"), ("assistant", " "))) == Defect("empty_output")


def test_a_template_that_rewrites_an_answer_or_refuses_a_role_flags_the_row(tmp_path):
    hiding = CHATML.replace("m.content", "m.content.split('</think>')[-1]")
    said = conversation(("user", "a"), ("assistant", "<think>b</think>c"))
    assert chat(tmp_path, hiding).conditioned(said) == Defect("template_refused")
    strict = "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
    assert chat(tmp_path, strict + "{{ m.content }}{% endfor %}").conditioned(LONG) == Defect("template_refused")


def test_today_is_no_part_of_a_text(tmp_path):
    dated = "{% if not date_string is defined %}{{ strftime_now('%d %b %Y') }}{% else %}{{ date_string }}{% endif %}"
    assert chat(tmp_path, dated + CHATML).alone("a").text.startswith("26 Jul 2024")
    assert chat(tmp_path, "{{ strftime_now('%Y-%m-%d') }}" + CHATML).alone("a").text.startswith("2024-07-26")


def test_a_tokenizer_without_a_chat_template_or_with_one_that_refuses_a_lone_answer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has none: use 'plain'"):
        chat(tmp_path, None)
    strict = "{% if messages[0].role == 'assistant' %}{{ raise_exception('roles must alternate') }}{% endif %}"
    with pytest.raises(ValueError, match="takes none without a question before it"):
        chat(tmp_path, strict + CHATML)
