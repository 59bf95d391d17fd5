"""A chat template writes one text of a conversation, whatever day it is."""

import pytest
from transformers import AutoTokenizer

from mig_dagster.annotations.models.chat_template import in_chat_template
from tests.tiny_models import save_tokenizer

TURNS = [("user", "a"), ("assistant", "b")]
SAID = "{% for m in messages %}\n{{ m.role }}: {{ m.content }}\n{% endfor %}"


@pytest.fixture
def tokenizer(tmp_path):
    save_tokenizer(tmp_path)
    return AutoTokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("dated", "text"),
    [
        (
            "{% if not date_string is defined %}{{ strftime_now('%d') }}{% else %}{{ date_string }}{% endif %}",
            "26 Jul 2024",
        ),
        ("{{ strftime_now('%Y-%m-%d') }}", "2024-07-26"),
        ("{%- set now = strftime_now('%A, %-d %B') -%}{{ now }}", "Friday, 26 July"),
    ],
)
def test_today_is_no_part_of_a_text(tokenizer, dated, text):
    tokenizer.chat_template = dated + SAID
    assert in_chat_template(tokenizer, TURNS) == f"{text}user: a\nassistant: b\n"


@pytest.mark.parametrize("before", ["", " ", "\n", "\n\n", "  {% set x = 1 %}\n", "{%- set x = 1 -%}\n", "  {{ 1 }}"])
def test_a_text_without_a_date_is_the_tokenizers_own(tokenizer, before):
    tokenizer.chat_template = before + SAID
    messages = [{"role": role, "content": text} for role, text in TURNS]
    assert in_chat_template(tokenizer, TURNS) == tokenizer.apply_chat_template(messages, tokenize=False)
