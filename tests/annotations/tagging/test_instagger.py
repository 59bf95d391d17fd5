"""InsTagger's prompts, answers and cache, with a tiny Llama that was taught what to answer."""

import json
import shutil

import pytest

from mig_dagster.annotations import scoring
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.imports import INSTAG_IMPORT
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.tagging import InsTagger, tag_rows
from mig_dagster.annotations.tagging.prompts import CHAT_PROMPT, INSTAGGER_PROMPTS
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row
from tests.annotations.tagging.taught_model import SAYS

TAGS = {"What is 17 + 25?": ["sum", "maths"], "Write a poem": ["poem"], "Go on": ["go on"]}


def language_model(folder, **spec):
    return CausalLanguageModel(ModelSpec(str(folder), **{"max_tokens": 400, **spec}))


@pytest.fixture
def tagger(taught_llama):
    return InsTagger(language_model(taught_llama), max_new_tokens=64)


def test_the_prompts_are_those_of_the_paper_and_of_its_users_byte_for_byte():
    assert INSTAGGER_PROMPTS["A"].around("{q}") == (
        "You are a helpful assistant. Please identify tags of user intentions in the following user query and provide "
        'an explanation for each tag. Please respond in the JSON format {"tag": str, "explanation": str}. Query: {q} '
        "Assistant: "
    )
    assert INSTAGGER_PROMPTS["B"].around("{q}") == (
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
        "detailed, and polite answers to the human's questions. USER: Please identify tags of user intentions in the "
        "following user query and provide an explanation for each tag. Please respond in the JSON format "
        '{"tag": str, "explanation": str}.\nUser query: {q} ASSISTANT:'
    )
    assert CHAT_PROMPT.around("{instruction}") == (
        "You are a tagging system that provides useful tags for instruction intentions to distinguish instructions for "
        "a helpful AI assistant. Below is an instruction:\n[begin]\n{instruction}\n[end]\nPlease provide "
        'coarse-grained tags, such as "Spelling and Grammar Check" and "Cosplay", to identify main intentions of above '
        "instruction. Your answer should be a list including titles of tags and a brief explanation of each tag. Your "
        'response have to strictly follow this JSON format: [{"tag": str, "explanation": str}]. Please response in '
        "English."
    )


def test_rows_get_the_tags_that_the_model_answers(tagger):
    made = tag_rows([row((query, "ok")) for query in SAYS], tagger)
    assert made.values["tags"] == [*TAGS.values(), None, None]
    assert made.flags == [None, None, None, "parse_failure", "empty_output"]
    assert made.counts == {"turns": 5, "turns_empty_output": 1, "turns_parse_failure": 1}


def test_a_session_gets_the_union_of_its_turns_in_first_seen_order(tagger):
    turns = [("Write a poem", "1"), (" ", "2"), ("What is 17 + 25?", "3"), ("Write a poem", "4"), ("Hello", "5")]
    made = tag_rows([row(*turns)], tagger)
    assert made.values["tags"] == [["poem", "sum", "maths"]]
    assert made.flags == [None]
    assert made.counts == {"turns": 4, "turns_parse_failure": 1}


def test_rows_without_a_question_are_flagged_and_load_no_model(taught_llama):
    model = language_model(taught_llama)
    made = tag_rows([row((" \n", "ok"), ("", "ok"))], InsTagger(model))
    assert made.flags == ["empty_text"]
    assert "model" not in vars(model)


def test_imported_tags_count_before_the_model(tagger):
    made = tag_rows([row(("Hello", "ok"), annotation={"instag": {"content": ["x"]}})], tagger)
    assert (made.values["tags"], made.annotators) == ([["x"]], [INSTAG_IMPORT.fingerprint])


def test_the_company_of_a_query_changes_nothing_of_its_answer(taught_llama):
    rows = [row((query, "ok")) for query in (*SAYS, *(f"What is {i} + 25? Go on" for i in range(6)))]
    alone = InsTagger(language_model(taught_llama, batch_tokens=1), max_new_tokens=48).tag(rows)
    assert InsTagger(language_model(taught_llama, batch_tokens=100_000), max_new_tokens=48).tag(rows) == alone
    assert InsTagger(language_model(taught_llama, batch_tokens=900), max_new_tokens=48).tag(rows[::-1]).columns == {
        "tags": alone.columns["tags"][::-1]
    }


def test_an_answer_ends_when_its_list_is_closed(tagger, monkeypatch):
    """The model says its end token next; asked for it, one more pass would be made."""
    passes = []
    forward = tagger._model.model.forward

    def counted(*args, **kwargs):
        passes.append(1)
        return forward(*args, **kwargs)

    monkeypatch.setattr(tagger._model.model, "forward", counted)
    tagger.tag([row(("Write a poem", "ok"))])
    assert len(passes) == len(tagger._model.tokenizer(SAYS["Write a poem"])["input_ids"])


def test_what_the_models_generation_config_asks_for_is_not_done(tagger):
    rows = [row((query, "ok")) for query in SAYS]
    expected = tagger.tag(rows)
    asked = {"do_sample": True, "temperature": 3.0, "repetition_penalty": 5.0, "max_length": 3, "num_beams": 4}
    for name, value in asked.items():
        setattr(tagger._model.model.generation_config, name, value)
    assert tagger.tag(rows) == expected


def test_a_model_may_have_several_end_tokens(tagger):
    end = tagger._model.tokenizer("poem")["input_ids"][-1]
    tagger._model.model.generation_config.eos_token_id = [2, end]
    made = tagger.tag([row(("Write a poem", "ok"))])
    assert made.flags == ["parse_failure"]  # it ends within the tag


def test_an_answer_cut_off_keeps_the_tags_that_were_complete(taught_llama):
    said = SAYS["What is 17 + 25?"]
    tagger = InsTagger(language_model(taught_llama), max_new_tokens=64)
    short = len(tagger._model.tokenizer(said[: said.index("maths")])["input_ids"])
    made = InsTagger(tagger._model, max_new_tokens=short).tag([row(("What is 17 + 25?", "ok"))])
    assert made.columns["tags"] == [["sum"]]
    assert made.counts == {"turns": 1, "turns_salvaged": 1}


@pytest.mark.parametrize("prompt", ["A", "B"])
@pytest.mark.parametrize("query", ["a long query " * 200, "天空是蓝色的" * 200, "x" * 5000])
def test_a_long_query_is_cut_at_its_end_and_the_cue_survives(taught_llama, prompt, query):
    model = language_model(taught_llama)
    queries = InsTagger(model, prompt, max_new_tokens=64)._queries
    [question] = queries.encode([query])
    assert question.cut
    assert 320 < question.tokens <= 400
    around = INSTAGGER_PROMPTS[prompt]
    read = model.tokenizer.decode(question.ids)
    assert read.startswith(around.before)
    assert read.endswith(around.after)
    kept = read[len(around.before) : len(read) - len(around.after)]
    assert query.startswith(kept)
    assert len(model.tokenizer(around.around(query[: len(kept) + 12]))["input_ids"]) > 400 - 64


def test_a_cut_query_is_counted(tagger):
    made = tagger.tag([row(("Write a poem " * 100, "ok"))])
    assert made.counts["turns_query_cut"] == 1


def test_a_query_of_which_only_white_space_is_left_is_flagged(tagger):
    made = tagger.tag([row((" \n\t" * 2000 + "Go on", "ok"))])
    assert made.flags == ["truncated"]
    assert made.counts == {"turns": 1, "turns_truncated": 1}


def test_a_second_run_asks_only_what_is_new_and_loads_no_model_for_what_is_not(taught_llama):
    files, rows = MemoryFiles(), [row((query, "ok")) for query in SAYS]
    first = tag_rows(rows, InsTagger(language_model(taught_llama), max_new_tokens=64), FragmentCache(files))
    again = InsTagger(language_model(taught_llama), max_new_tokens=64)
    assert tag_rows(rows, again, FragmentCache(files)) == first
    assert "model" not in vars(again._model)
    seen = []
    more = [row(("Go on", "another answer"), ("Hello", "b")), row(("Hello world", "c"))]
    tag_rows(more, again, FragmentCache(files), seen.append)
    assert [(now.items, now.of_items) for now in seen] == [(1, 1)]
    assert isinstance(seen[0], scoring.TokenProgress)


def test_whatever_changes_the_tags_changes_the_fingerprint(taught_llama):
    taggers = [
        InsTagger(language_model(taught_llama)),
        InsTagger(language_model(taught_llama), "A"),
        InsTagger(language_model(taught_llama), max_new_tokens=64),
        InsTagger(language_model(taught_llama, max_tokens=300)),
        InsTagger(language_model(taught_llama, dtype="bfloat16")),
    ]
    assert len({tagger.annotator.fingerprint for tagger in taggers}) == 5
    same = InsTagger(language_model(taught_llama, batch_tokens=1, attention="eager"))
    assert same.annotator == taggers[0].annotator
    assert "A" in json.dumps(taggers[1].annotator.as_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "C"}, "prompt must be one of A, B, got 'C'"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
    ],
)
def test_options_out_of_range_are_refused(taught_llama, options, message):
    with pytest.raises(ValueError, match=message):
        InsTagger(language_model(taught_llama), **options)


def test_a_model_that_reads_too_little_for_the_prompt_is_refused(taught_llama):
    tagger = InsTagger(language_model(taught_llama, max_tokens=128))
    with pytest.raises(
        ValueError, match=r"max_tokens must exceed the \d+ tokens of the prompt and 512 new ones, got 128"
    ):
        tagger.tag([row(("Hello", "ok"))])


def test_a_tokenizer_that_ends_a_prompt_is_refused(taught_llama, tmp_path):
    folder = shutil.copytree(taught_llama, tmp_path / "ending")
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    pieces = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}]
    tokens = {"</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}
    ending = {"type": "TemplateProcessing", "single": pieces, "pair": pieces, "special_tokens": tokens}
    path.write_text(json.dumps(content | {"post_processor": ending}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"ending puts its end token behind a prompt.* set add_eos_token to false"):
        InsTagger(language_model(folder), max_new_tokens=64).tag([row(("Hello", "ok"))])
