"""Conversations in the chat template of a model's own tokenizer, with the same text on every day."""

from collections.abc import Sequence
from datetime import date
from typing import Any

DAY = date(2024, 7, 26)
"""What templates that write today's date get for it: the date in Llama 3.1's, so that no text changes over night."""

_CODES = [f"%{code}" for code in ("-d", "-m", *"aAbBcdDFHIjmMpSTuUwxXyY")]
_CLOCK = (
    "{% macro strftime_now(format) %}{{ format"
    + "".join(f"|replace('{code}', '{DAY.strftime(code)}')" for code in _CODES)
    + " }}{% endmacro %}\n"  # the line break, which transformers drops, lets the template begin a line as before
)
"""Takes the place of the function that transformers gives to templates: it hands over no function of a caller."""


def in_chat_template(tokenizer: Any, turns: Sequence[tuple[str, str]]) -> str:
    """Return turns as the template writes them.

    Args:
        tokenizer: of transformers, with a chat template.
        turns: role and content of each.

    Raises:
        jinja2.TemplateError: the template takes no such conversation.
    """
    text: str = tokenizer.apply_chat_template(
        [{"role": role, "content": text} for role, text in turns],
        chat_template=_CLOCK + tokenizer.get_chat_template(),
        tokenize=False,
        date_string=f"{DAY:%d %b %Y}",
    )
    return text
