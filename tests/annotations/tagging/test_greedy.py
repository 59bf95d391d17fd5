"""Greedy decoding in batches says what one prompt at a time, without padding and without a cache, says."""

import pytest
import torch
import transformers as hf

from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.tagging.greedy import continue_greedily
from tests.tiny_models import save_causal

PROMPTS = [[5, 17, 30, 8, 99, 120, 41], [300], [7, 7, 8], list(range(40, 90))]
NEW = 24


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def model(request, tmp_path_factory):
    folder = save_causal(tmp_path_factory.mktemp(request.param), request.param)
    return CausalLanguageModel(ModelSpec(str(folder)))


def never(token):
    return False


def one_by_one(model, prompt, new=NEW):
    """The paper's greedy decoding: a whole forward pass for each token."""
    ids = list(prompt)
    with torch.inference_mode():
        for _ in range(new):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


def test_a_batch_says_what_each_prompt_alone_says(model):
    expected = [one_by_one(model.model, prompt) for prompt in PROMPTS]
    assert len({tuple(answer) for answer in expected}) == len(PROMPTS)
    assert continue_greedily(model, PROMPTS, NEW, [never] * 4) == expected
    for order in ([3, 1], [2], [1, 0, 2]):
        assert continue_greedily(model, [PROMPTS[i] for i in order], NEW, [never] * len(order)) == [
            expected[i] for i in order
        ]


def test_it_says_what_generate_of_transformers_says(model):
    plain = hf.GenerationConfig(do_sample=False, max_new_tokens=NEW, pad_token_id=0, eos_token_id=-1)
    for prompt in PROMPTS:
        ids = torch.tensor([prompt])
        generated = model.model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=plain)
        assert continue_greedily(model, [prompt], NEW, [never]) == [generated[0, len(prompt) :].tolist()]


def test_an_answer_ends_with_its_last_token_and_the_batch_with_its_last_answer(model, monkeypatch):
    expected = [one_by_one(model.model, prompt) for prompt in PROMPTS]
    lengths = [3, 1, 9, 5]
    passes = []
    forward = model.model.forward

    def counted(*args, **kwargs):
        passes.append(len(kwargs["input_ids"]))
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", counted)
    left = [iter([*[False] * (length - 1), True]) for length in lengths]
    answers = continue_greedily(model, PROMPTS, NEW, [lambda _, each=each: next(each) for each in left])
    assert answers == [answer[:length] for answer, length in zip(expected, lengths, strict=True)]
    assert passes == [4, 4, 4, 2, 2, 1, 1, 1, 1]


def test_half_the_cache_of_a_batch_is_let_go_when_half_of_its_answers_have_ended(model):
    lengths = [1, 24, 2, 24, 3, 9, 24]
    prompts = [*PROMPTS, [11, 12], [80] * 40, [9]]
    left = [iter([*[False] * (length - 1), True]) for length in lengths]
    answers = continue_greedily(model, prompts, NEW, [lambda _, each=each: next(each) for each in left])
    expected = [one_by_one(model.model, prompt, length) for prompt, length in zip(prompts, lengths, strict=True)]
    assert answers == expected


def test_weights_that_overflow_are_an_error_and_no_answer(tiny_llama):
    broken = CausalLanguageModel(ModelSpec(str(tiny_llama)))
    with torch.no_grad():
        broken.model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="gave a NaN or infinite logit: use float32 or bfloat16"):
        continue_greedily(broken, [[5, 6]], NEW, [never])


@pytest.mark.gpu
def test_a_gpu_says_what_the_cpu_says(model):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    there = CausalLanguageModel(ModelSpec(model.spec.model, device="cuda:0"))
    assert continue_greedily(there, PROMPTS, NEW, [never] * 4) == continue_greedily(model, PROMPTS, NEW, [never] * 4)
