"""Conversations in the chat template of a model's own tokenizer, with the same text on every day."""

from collections.abc import Mapping, Sequence
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
    return rendered(tokenizer, [{"role": role, "content": text} for role, text in turns])


def rendered(
    tokenizer: Any,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    generation_prompt: bool = False,
) -> str:
    """Return messages as the template writes them.

    Args:
        tokenizer: of transformers, with a chat template.
        messages: `role`, `content`, and what else the template knows, such as `tool_calls`.
        tools: offered to the assistant, as JSON schemas.
        generation_prompt: end with the header of the assistant's next message.

    Raises:
        jinja2.TemplateError: the template takes no such conversation.
    """
    text: str = tokenizer.apply_chat_template(
        list(messages),
        tools=tools,
        chat_template=_CLOCK + tokenizer.get_chat_template(tools=tools),
        tokenize=False,
        add_generation_prompt=generation_prompt,
        date_string=f"{DAY:%d %b %Y}",
    )
    return text


def generated(
    tokenizer: Any, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None
) -> tuple[str, list[tuple[int, int]]]:
    """Return messages as the template writes them, and the characters that it says the model generates.

    Args:
        tokenizer: of transformers; its chat template has `{% generation %}`.
        messages: as in `rendered`.
        tools: as in `rendered`.

    Raises:
        jinja2.TemplateError: the template takes no such conversation.
    """
    # `apply_chat_template` itself gives these places as masks of tokens only, one conversation at a time.
    from transformers.utils import chat_template_utils

    render: Any = chat_template_utils.render_jinja_template  # declared to return a text
    [text], [places] = render(
        [list(messages)],
        tools=tools,
        chat_template=_CLOCK + tokenizer.get_chat_template(tools=tools),
        return_assistant_tokens_mask=True,
        **{**tokenizer.special_tokens_map, "date_string": f"{DAY:%d %b %Y}"},
    )
    return text, [(start, end) for start, end in places]
