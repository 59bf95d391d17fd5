"""Dialogues in one text: transcripts, and those with the markers of a chat template."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mig_dagster.sources import Accepted, Rejected
from mig_dagster.sources.detection import detect
from mig_dagster.sources.formats import FORMATS
from mig_dagster.sources.markers import STYLES, TRANSCRIPT, style_of
from mig_dagster.sources.reasons import Defect
from tests.sources.writing import lines, read, write

PLAIN = [("user", "2 + 3?"), ("assistant", "5")]
BRIEF = [("system", "Be brief."), *PLAIN]
TWICE = [*PLAIN, ("user", "4 + 4?"), ("assistant", "8")]

TEXTS: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "HH": ("transcript", "\n\nHuman: 2 + 3?\n\nAssistant: 5", PLAIN),
    "HH, two turns": (
        "transcript",
        "\n\nHuman: 2 + 3?\n\nAssistant: 5\n\nHuman: 4 + 4?\n\nAssistant: 8",
        TWICE,
    ),
    "HH without blank lines before": ("transcript", "Human: 2 + 3?\n\nAssistant: 5", PLAIN),
    "HH, CRLF": ("transcript", "\r\n\r\nHuman: 2 + 3?\r\n\r\nAssistant: 5\r\n", PLAIN),
    "HH with a preamble": ("transcript", "Be brief.\n\nHuman: 2 + 3?\n\nAssistant: 5", BRIEF),
    "HH with a system turn": ("transcript", "\n\nSystem: Be brief.\n\nHuman: 2 + 3?\n\nAssistant: 5", BRIEF),
    "HH with names inside of a line": (
        "transcript",
        "\n\nHuman: Human: or Assistant:?\n\nAssistant: a\nHuman: b",
        [("user", "Human: or Assistant:?"), ("assistant", "a\nHuman: b")],
    ),
    "guanaco": ("marked_text", "### Human: 2 + 3?### Assistant: 5### Human: 4 + 4?### Assistant: 8", TWICE),
    "guanaco with a preamble": ("marked_text", "Be brief.\n### Human: 2 + 3?\n### Assistant: 5", BRIEF),
    "vicuna": ("marked_text", "Be brief. USER: 2 + 3? ASSISTANT: 5</s>", BRIEF),
    "vicuna, two turns": ("marked_text", "USER: 2 + 3? ASSISTANT: 5</s>USER: 4 + 4? ASSISTANT: 8</s>", TWICE),
    "zephyr": ("marked_text", "<|system|>\nBe brief.</s>\n<|user|>\n2 + 3?</s>\n<|assistant|>\n5</s>\n", BRIEF),
    "tulu": ("marked_text", "<|user|>\n2 + 3?\n<|assistant|>\n5<|endoftext|>", PLAIN),
    "phi": ("marked_text", "<|user|>2 + 3?<|end|><|assistant|>5<|end|><|endoftext|>", PLAIN),
    "ChatML": (
        "marked_text",
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n2 + 3?<|im_end|>\n"
        "<|im_start|>assistant\n5<|im_end|>\n",
        BRIEF,
    ),
    "ChatML, open at the end": ("marked_text", "<|im_start|>user\n2 + 3?<|im_end|>\n<|im_start|>assistant\n5", PLAIN),
    "ChatML with a tool": (
        "marked_text",
        "<|im_start|>user\na<|im_end|><|im_start|>tool\nb<|im_end|><|im_start|>assistant\nc<|im_end|>",
        [("user", "a"), ("tool", "b"), ("assistant", "c")],
    ),
    "Llama 2": ("marked_text", "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n2 + 3? [/INST] 5 </s>", BRIEF),
    "Llama 2, two turns": (
        "marked_text",
        "<s>[INST] 2 + 3? [/INST] 5 </s><s>[INST] 4 + 4? [/INST] 8 </s>",
        TWICE,
    ),
    "Mistral": ("marked_text", "[INST] 2 + 3? [/INST]5</s>", PLAIN),
    "markers of another style in the answer": (
        "marked_text",
        "<|im_start|>user\nWhat is vicuna?<|im_end|><|im_start|>assistant\nIt is USER: a ASSISTANT: b<|im_end|>",
        [("user", "What is vicuna?"), ("assistant", "It is USER: a ASSISTANT: b")],
    ),
}


@pytest.mark.parametrize(("form", "text", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_marked_text_is_found_and_read_whole(
    tmp_path: Path, form: str, text: str, expected: list[tuple[str, str]]
) -> None:
    assert detect([{"text": text}], "a.json").name == form
    for name in ("text", "transcript", "conversation", "dialog"):
        (found,) = read(write(tmp_path / "a.jsonl", lines({name: text, "id": 7})))
        assert isinstance(found, Accepted), found
        assert [(message.role, message.content) for message in found.conversation.messages] == expected
        assert found.meta == {"id": 7}


NO_DIALOGUES = {
    "plain text": "2 + 3 is 5.",
    "a user alone": "\n\nHuman: 2 + 3?",
    "an answer before the question": "\n\nAssistant: 5\n\nHuman: 2 + 3?",
    "names without a blank line before": "He said\nHuman: a\nAssistant: b",
    "an alpaca prompt": "Below is an instruction.\n\n### Instruction:\na\n\n### Response:\nb",
    "small letters": "user: a assistant: b",
    "letters before the name": "SUPERUSER: a SUBASSISTANT: b",
    "two styles, of which neither begins the text": "See: ### Human: a ### Assistant: b USER: c ASSISTANT: d",
}


@pytest.mark.parametrize("text", NO_DIALOGUES.values(), ids=NO_DIALOGUES)
def test_other_texts_are_none(text: str) -> None:
    assert not FORMATS["transcript"].matches({"text": text})
    assert not FORMATS["marked_text"].matches({"text": text})
    for form in ("transcript", "marked_text"):
        with pytest.raises(Defect, match=r"no_turn_markers: .* has no turns of exactly one style of: "):
            FORMATS[form].parse({"text": text})


OUTSIDE = {
    "before the first turn": "Hello <|user|>a<|assistant|>b",
    "before the first turn of ChatML": "Hello <|im_start|>user\na<|im_end|><|im_start|>assistant\nb",
    "before the first instruction": "Hello [INST] a [/INST] b",
    "between two turns": "<|im_start|>user\na<|im_end|> lost <|im_start|>assistant\nb<|im_end|>",
    "after the last turn": "<|im_start|>user\na<|im_end|><|im_start|>assistant\nb<|im_end|> lost",
    "a marker in a question": "<|im_start|>user\na <|im_start|>assistant?<|im_end|><|im_start|>assistant\nb<|im_end|>",
    "a marker in an answer": "<|im_start|>user\na<|im_end|><|im_start|>assistant\n```\n<|im_start|>user\n```<|im_end|>",
}


@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE)
def test_text_outside_of_turns_is_never_dropped(tmp_path: Path, text: str) -> None:
    (found,) = read(write(tmp_path / "a.jsonl", lines({"text": text})))
    assert isinstance(found, Rejected)
    assert found.reason == "text_outside_turns"


def test_system_and_tools_beside_the_text_count() -> None:
    record = {"text": TEXTS["HH"][1], "system_prompt": "Be brief.", "tools": '[{"name": "add"}]'}
    parsed = FORMATS["transcript"].parse(record)
    assert [(message.role, message.content) for message in parsed.messages] == BRIEF
    assert (parsed.tools, parsed.meta) == ('[{"name": "add"}]', {})


def test_messages_beside_a_text_that_renders_them_come_first() -> None:
    record = {"messages": [{"role": "user", "content": "a"}], "text": TEXTS["zephyr"][1]}
    assert detect([record], "a.json").name == "messages"


def test_white_space_in_long_runs_takes_no_time() -> None:
    text = "\n\nHuman: a" + " \n" * 200_000 + "\n\nAssistant: b" + " " * 400_000
    started = time.process_time()
    for style in (TRANSCRIPT, *STYLES):
        style_of(text, [style])
    assert FORMATS["transcript"].parse({"text": text}).messages[1].content == "b"
    assert time.process_time() - started < 2


TRANSCRIPTS: dict[str, dict[str, Any]] = {
    "HH": {"chosen": "\n\nHuman: 2 + 3?\n\nAssistant: 5", "rejected": "\n\nHuman: 2 + 3?\n\nAssistant: 6"},
    "HH with the prompt apart": {
        "prompt": "\n\nHuman: 2 + 3?\n\nAssistant:",
        "chosen": "5",
        "rejected": " 6",
    },
    "HH with the prompt twice": {
        "prompt": "\n\nHuman: 2 + 3?\n\nAssistant:",
        "chosen": "\n\nHuman: 2 + 3?\n\nAssistant: 5",
        "rejected": " 6",
    },
}


@pytest.mark.parametrize("record", TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_a_pair_of_transcripts_is_preference_data(tmp_path: Path, record: dict[str, Any]) -> None:
    assert detect([record], "a.json").name == "preference"
    (found,) = read(write(tmp_path / "a.jsonl", lines(record)))
    assert isinstance(found, Accepted)
    assert [(message.role, message.content) for message in found.conversation.messages] == PLAIN
    assert json.dumps(found.meta) == json.dumps({"rejected": record["rejected"]})
