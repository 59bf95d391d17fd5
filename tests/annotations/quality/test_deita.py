"""DEITA's scorers: prompts byte for byte, levels from one forward pass, each turn alone."""

import math

import numpy as np
import pytest
import torch
import transformers as hf

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.quality import DeitaScorer, score_rows
from mig_dagster.annotations.quality.deita import COMPLEXITY, QUALITY, LevelModel, expected_level, level_tokens
from mig_dagster.annotations.scoring import score_items
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row, xsample_rows
from tests.shared_data import shared
from tests.tiny_models import CAUSAL, save_causal

TURNS = [
    ("What is 17 + 25?", "42"),
    ("Write a poem about the sea.", "The sea is wide and blue, and it is never, never still."),
    ("Why is the sky blue?", "Because of Rayleigh scattering."),
]
NEGATIVE = -math.inf


@pytest.fixture(scope="module")
def two_models(tmp_path_factory):
    """Folders of a complexity scorer and a quality scorer with other weights."""
    return [save_causal(tmp_path_factory.mktemp(name), seed=seed) for seed, name in enumerate(("c", "q"))]


def causal(folder, **options):
    return CausalLanguageModel(ModelSpec(str(folder), **options))


def scorer_of(folders, **options):
    return DeitaScorer(*(causal(folder, **options) for folder in folders))


def level(folder, prompt):
    """One prompt, no padding, the whole logits, and the softmax written out."""
    tokenizer, model = hf.AutoTokenizer.from_pretrained(folder), hf.AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = tokenizer(prompt)["input_ids"]
    answers = [tokenizer(prompt + digit)["input_ids"] for digit in "123456"]
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, -1].tolist()
    weights = [math.exp(logits[answer[len(ids)]]) for answer in answers]
    return sum(k * weight for k, weight in enumerate(weights, 1)) / sum(weights)


def test_the_prompts_are_those_of_the_reference_byte_for_byte():
    assert COMPLEXITY.around(("{x}", "unused")).encode() == (
        b"You are a helpful assistant. Please identify the complexity score of the following user query. \n"
        b"##Query: {x}  \n##Complexity: "
    )
    assert QUALITY.around(("{x}", "{output}\n")).encode() == (
        b"You are a helpful assistant. Please identify the quality score of the Response corresponding to the "
        b"Question. \n #Question#:\n{x}\n#Response#:\n{output}\n \n##Quality: "
    )


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([0, 0, 0, 0, 0, 0], 3.5),
        ([0, math.log(2), 0, NEGATIVE, NEGATIVE, NEGATIVE], 2.0),
        ([7, 7 + math.log(2), 7, NEGATIVE, NEGATIVE, NEGATIVE], 2.0),
        ([NEGATIVE] * 5 + [0], 6.0),
        ([1000, 0, 0, 0, 0, 0], 1.0),
    ],
)
def test_a_level_is_the_expectation_of_1_to_6_whatever_is_added_to_all_logits(logits, expected):
    assert expected_level(np.array([logits], np.float32))[0] == pytest.approx(expected, abs=1e-6)


def test_levels_lie_between_1_and_6_and_broken_logits_give_none():
    found = expected_level(np.random.default_rng(0).normal(0, 30, (1000, 6)).astype(np.float32))
    assert found.min() >= 1
    assert found.max() <= 6
    assert np.ptp(found) > 4
    broken = np.array([[math.nan, 0, 0, 0, 0, 0], [math.inf, 0, 0, 0, 0, 0], [NEGATIVE] * 6], np.float32)
    assert np.isnan(expected_level(broken)).all()


@pytest.mark.parametrize("architecture", CAUSAL)
def test_levels_in_a_batch_are_those_of_one_prompt_at_a_time(architecture, tmp_path):
    folder = save_causal(tmp_path, architecture)
    for prompt in (COMPLEXITY, QUALITY):
        model = LevelModel(causal(folder), prompt)
        made = score_items(TURNS, [model.key(turn) for turn in TURNS], model)
        expected = [level(folder, prompt.around(turn)) for turn in TURNS]
        assert made.columns["score"] == pytest.approx(expected, abs=1e-5)
        assert np.ptp(expected) > 100 * 1e-5


@pytest.mark.parametrize(("aggregation", "combine"), [("turn_mean", np.mean), ("turn_sum", np.sum)])
def test_turns_are_scored_alone_and_aggregated_as_named(two_models, aggregation, combine):
    products = [
        level(two_models[0], COMPLEXITY.around(turn)) * level(two_models[1], QUALITY.around(turn)) for turn in TURNS
    ]
    made = score_rows([row(*TURNS), row(TURNS[1])], scorer_of(two_models), aggregation)
    assert made.values["score"] == pytest.approx([combine(products), products[1]], abs=1e-4)
    assert made.counts == {"turns": 4, "truncated_turns": 0, "blank_turns": 0}
    (annotator,) = made.used.values()
    assert annotator.parameters["aggregation"] == aggregation


def test_equal_instructions_and_equal_turns_are_scored_once_and_another_aggregation_costs_nothing(two_models):
    cache, read = FragmentCache(MemoryFiles()), []
    rows = [row(TURNS[0], TURNS[1]), row(TURNS[1]), row((TURNS[1][0], "Another answer."))]
    first = score_rows(rows, scorer_of(two_models), "turn_mean", cache, read.append)
    of_each = {progress.annotator.name: progress.items for progress in read}
    assert of_each == {"deita_complexity": 2, "deita_quality": 3}
    again = []
    second = score_rows(rows, scorer_of(two_models), "turn_sum", cache, again.append)
    assert again == []
    assert second.values["score"][0] == pytest.approx(2 * first.values["score"][0])
    assert second.values["score"][1] == first.values["score"][1]


def test_scores_that_came_with_rows_are_taken_and_only_the_others_computed(two_models):
    given = row(TURNS[0], annotation={"deita": {"quality_scores": [3.0], "complexity_scores": [4.0]}})
    made = score_rows([given, row(TURNS[1])], scorer_of(two_models))
    assert made.values["score"][0] == 12
    assert made.provenance == ["imported", "computed"]


def test_turns_without_instruction_or_response_are_left_out(two_models):
    rows = [row(TURNS[0], ("Thanks!", " ")), row(("  ", "Hello!")), row(("Hi", ""))]
    made = score_rows(rows, scorer_of(two_models))
    assert made.flags == [None, "empty_text", "empty_text"]
    assert made.values["score"][0] == score_rows([row(TURNS[0])], scorer_of(two_models)).values["score"][0]
    assert made.counts == {"turns": 1, "truncated_turns": 0, "blank_turns": 3}


def test_a_row_with_a_turn_that_failed_has_no_score(two_models):
    """A mean or sum over the other turns would be another quantity under the same name."""
    broken = scorer_of(two_models)
    model = broken.models[1].model
    with torch.no_grad():
        token = model.tokenizer("天", add_special_tokens=False)["input_ids"][0]
        model.model.get_input_embeddings().weight[token] = math.nan
    made = score_rows([row(TURNS[0], ("Why?", "天")), row(TURNS[0])], broken)
    assert made.flags == ["not_finite", None]
    assert math.isnan(made.values["score"][0])


def test_what_is_too_long_is_cut_from_the_right_and_the_cue_survives(two_models):
    long = ("Write a poem about the sea. " * 40, "The sea is wide and blue. " * 40)
    for prompt, turn in ((COMPLEXITY, long), (QUALITY, ("Write a poem.", long[1]))):
        model = LevelModel(causal(two_models[0], max_tokens=160), prompt)
        (passage,) = model.encode([turn])
        assert passage.truncated
        assert 150 < passage.tokens <= 160
        read = model.model.tokenizer.decode(passage.ids, skip_special_tokens=True)
        before, after = prompt.text.split("{output}" if prompt is QUALITY else "{instruction}")
        assert read.startswith(before.format(instruction=turn[0]))
        assert read.endswith(after)
        assert prompt.around(turn).startswith(read.removesuffix(after))


def test_cut_prompts_are_counted_and_score_as_the_shorter_text(two_models):
    long = ("Write a poem.", "The sea is wide and blue. " * 40)
    scorer = scorer_of(two_models, max_tokens=160)
    made = score_rows([row(long), row(TURNS[0])], scorer)
    assert made.flags == [None, None]
    assert made.counts["truncated_turns"] == 1
    (passage,) = scorer.models[1].encode([long])
    read = scorer.models[1].model.tokenizer.decode(passage.ids, skip_special_tokens=True)
    quality = level(two_models[1], read)
    assert made.values["score"][0] == pytest.approx(quality * level(two_models[0], COMPLEXITY.around(long)), abs=1e-4)


def test_a_long_instruction_leaves_half_of_the_room_to_the_response(two_models):
    model = LevelModel(causal(two_models[0], max_tokens=160), QUALITY)
    for response in ("Blue.", "The sea is wide and blue. " * 40):
        (passage,) = model.encode([("Write a poem about the sea. " * 40, response)])
        read = model.model.tokenizer.decode(passage.ids, skip_special_tokens=True)
        asked, answered = read.split("#Question#:\n")[1].removesuffix(" \n##Quality: ").split("\n#Response#:\n")
        assert passage.tokens <= 160
        assert len(asked) > 30
        assert response.startswith(answered)
        assert len(answered) > 30 or answered == response


def test_a_prompt_that_leaves_no_room_is_flagged(two_models):
    for prompt in (COMPLEXITY, QUALITY):
        model = LevelModel(causal(two_models[0], max_tokens=40), prompt)
        assert model.encode([TURNS[0]]) == [Defect("truncated")]


def test_characters_of_several_tokens_are_cut_whole(two_models):
    model = LevelModel(causal(two_models[0], max_tokens=160), QUALITY)
    for n in range(30, 40):
        (passage,) = model.encode([("天空?", "天" * n * 3)])
        assert "\ufffd" not in model.model.tokenizer.decode(passage.ids)


def test_levels_are_the_tokens_that_follow_the_prompt(tiny_llama):
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_llama)
    found = level_tokens(tokenizer, QUALITY.around(("", "")))
    assert [tokenizer.decode([token]) for token in found] == list("123456")


def test_tokenizers_that_join_a_level_to_what_stands_before_are_refused():
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = {"[UNK]": 0, ":": 1, "Ġ": 2, **{f"Ġ{digit}": 3 + i for i, digit in enumerate("123456")}, "1": 9}
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    joined = hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")
    with pytest.raises(ValueError, match=r"must write each of 1\.\.6 after its prompt as one token of its own"):
        level_tokens(joined, ": ")


def test_both_models_prompts_and_limits_are_in_the_fingerprint(two_models):
    first = scorer_of(two_models).annotator("turn_mean")
    assert first.parameters["complexity"]["prompt_version"] == "deita-complexity-1"
    assert first.parameters["quality"]["revision"].startswith("sha256:")
    swapped = scorer_of(two_models[::-1]).annotator("turn_mean")
    shorter = scorer_of(two_models, max_tokens=100).annotator("turn_mean")
    batched = scorer_of(two_models, batch_tokens=7).annotator("turn_mean")
    assert len({first.fingerprint, swapped.fingerprint, shorter.fingerprint}) == 3
    assert batched.fingerprint == first.fingerprint


def test_one_model_may_answer_both_prompts(two_models):
    model = causal(two_models[0])
    made = score_rows([row(TURNS[0])], DeitaScorer(model, model))
    both = [level(two_models[0], prompt.around(TURNS[0])) for prompt in (COMPLEXITY, QUALITY)]
    assert made.values["score"] == pytest.approx([both[0] * both[1]], abs=1e-4)


def test_the_rows_of_a_real_file_without_their_scores_are_scored_within_the_scale(two_models):
    rows = xsample_rows(shared("data/annotated/xsample_example.jsonl"))
    bare = [type(r)(r.row_id, r.conversation) for r in rows]
    made = score_rows(bare, scorer_of(two_models, max_tokens=300))
    assert made.flags == [None] * 9
    assert ((made.values["score"] >= 1) & (made.values["score"] <= 36)).all()
    assert made.counts["turns"] == 9
    assert made.counts["truncated_turns"] > 0
