"""A conversation in the chat template of a tokenizer, and what of that text a trainer's assistant-only loss is over.

What is trained of an assistant turn is all that the model has to write: reasoning, content, tool calls and the marker
that ends the turn, without the header before it and without white space that the template puts after the marker. It is
found in the first of these ways that works:

1. the template says it, by `{% generation %}`;
2. the conversation up to the turn, with the header of the answer, and the conversation with the turn both begin the
   whole text: the turn is what lies between;
3. the template writes the turn in another way once others follow it (reasoning that is dropped, for instance): the turn
   ends at the first end marker behind its content. Such turns are counted as searched.

A conversation of which neither works is refused: there is no number for it.
"""

import re
from collections.abc import Sequence
from typing import Any

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.models.chat_template import generated, rendered
from mig_dagster.annotations.tokens.written import Span, Written
from mig_dagster.conversation import Conversation, Message, canonical_json, embedded_json, hash_text

_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
_MARK = re.compile("\ue000(\\d+)\ue001")  # private use: stands around a content while it is asked where it goes
_Chat = list[dict[str, Any]]


class ChatText:
    """Writes conversations in the chat template of a tokenizer.

    Args:
        tokenizer: of transformers.

    Raises:
        ValueError: it has no chat template.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ValueError(
                "template 'model' needs a tokenizer with a chat template, and this one has none: use template 'none', "
                "or name a tokenizer of a chat model"
            )
        self._tokenizer = tokenizer
        self.template = hash_text(canonical_json(tokenizer.chat_template))[:16]
        """Hash of the template."""
        marks = {*tokenizer.all_special_tokens, *(t.content for t in tokenizer.added_tokens_decoder.values())}
        self._special = re.compile("|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True)) or "(?!)")
        self._end = self._end_marker()

    def __call__(self, conversation: Conversation) -> Written | Defect:
        """Return a conversation as it is trained on, or `template_refused`."""
        from jinja2 import TemplateError

        chat = [_as_template_takes_it(message) for message in conversation.messages]
        tools = None if conversation.tools is None else embedded_json(conversation.tools)
        if not chat or not _are_tools(tools):
            return Defect("template_refused")
        turns = [place for place, message in enumerate(chat) if message["role"] == "assistant"]
        try:
            if _GENERATION.search(self._tokenizer.get_chat_template(tools=tools)):
                text, spans = generated(self._tokenizer, chat, tools)
                return Written(text, tuple(spans))
            text = rendered(self._tokenizer, chat, tools)
        except TemplateError:
            return Defect("template_refused")
        return self._with_turns(text, chat, tools, turns)

    def _with_turns(self, text: str, chat: _Chat, tools: Any, turns: Sequence[int]) -> Written | Defect:
        """Return the text with its assistant turns found."""
        spans: list[Span] = []
        contents: list[Span] | None = None
        searched = 0
        for number, turn in enumerate(turns):
            start = self._start(text, chat, tools, turn)
            end = None if start is None else self._last(text, chat, tools, turn)
            if end is None:
                contents = self._contents(text, chat, tools, turns) if contents is None else contents
                start, end = self._searched(text, chat[turn], start, contents[number] if contents else None)
                searched += 1
            if start is None or end is None or start < (spans[-1][1] if spans else 0):
                return Defect("template_refused")
            spans.append((start, end))
        return Written(text, tuple(spans), searched)

    def _start(self, text: str, chat: _Chat, tools: Any, turn: int) -> int | None:
        """Return where a turn begins, behind its header; None where the text does not begin as it does without it."""
        before = self._rendered(chat[:turn], tools, generation_prompt=True) if turn else None
        return len(before) if before is not None and text.startswith(before) else None

    def _last(self, text: str, chat: _Chat, tools: Any, turn: int) -> int | None:
        """Return where a turn ends, its end marker included; None where the text goes on in another way."""
        until = text if turn == len(chat) - 1 else self._rendered(chat[: turn + 1], tools)
        if until is None or not text.startswith(until):
            return None
        stripped = until.rstrip()
        marks = list(self._special.finditer(stripped))
        return len(stripped) if marks and marks[-1].end() == len(stripped) else len(until)

    def _searched(
        self, text: str, message: dict[str, Any], start: int | None, content: Span | None
    ) -> tuple[int | None, int | None]:
        """Return start and end of a turn that its template writes differently when others follow."""
        if start is None and content is not None and "reasoning_content" not in message:
            start = content[0]
        behind = content[1] if content is not None else start
        if start is None or behind is None:
            return None, None
        place = text.find(self._end, behind) if self._end else -1
        return start, place + len(self._end) if place >= 0 else None

    def _contents(self, text: str, chat: _Chat, tools: Any, turns: Sequence[int]) -> list[Span]:
        """Return where the contents of the turns stand in the text; [] where the template does more than write them.

        Without their outer white space where the template cuts that off.
        """
        whole, cut = ([chat[turn]["content"] for turn in turns], [chat[turn]["content"].strip() for turn in turns])
        return self._found(text, chat, tools, turns, whole) or self._found(text, chat, tools, turns, cut)

    def _found(self, text: str, chat: _Chat, tools: Any, turns: Sequence[int], parts: Sequence[str]) -> list[Span]:
        """Return where parts of the contents of the turns stand in the text; [] where marks around them change it."""
        marked = list(chat)
        for number, (turn, part) in enumerate(zip(turns, parts, strict=True)):
            marked[turn] = {**chat[turn], "content": _between_marks(chat[turn]["content"], part, number)}
        found = self._rendered(marked, tools)
        pieces = _MARK.split(found) if found is not None else []
        if pieces[1::2] != [str(i) for i in range(2 * len(turns))] or "".join(pieces[::2]) != text:
            return []
        ends = [0]
        for piece in pieces[::2]:
            ends.append(ends[-1] + len(piece))
        return [(ends[2 * number + 1], ends[2 * number + 2]) for number in range(len(turns))]

    def _end_marker(self) -> str:
        """Return the special token that the template puts behind an answer; "" where it puts none."""
        found = self._rendered([{"role": "user", "content": "q"}, {"role": "assistant", "content": "\ue000"}], None)
        behind = self._special.search((found or "").rpartition("\ue000")[2])
        return behind[0] if behind else ""

    def _rendered(self, chat: _Chat, tools: Any, generation_prompt: bool = False) -> str | None:
        """Return messages in the template; None where it raises, as many do for roles in an unusual order."""
        from jinja2 import TemplateError

        try:
            return rendered(self._tokenizer, chat, tools, generation_prompt)
        except TemplateError:
            return None


def _as_template_takes_it(message: Message) -> dict[str, Any]:
    return {name: embedded_json(value) if name == "tool_calls" else value for name, value in message.as_dict().items()}


def _are_tools(tools: Any) -> bool:
    return tools is None or (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools))


def _between_marks(content: str, part: str, number: int) -> str:
    """Return a content with marks around a part of it: all of it, or what is inside its outer white space."""
    before, _, behind = content.partition(part) if part else ("", "", content)
    return f"{before}\ue000{2 * number}\ue001{part}\ue000{2 * number + 1}\ue001{behind}"
