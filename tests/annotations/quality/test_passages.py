"""Turns cut to what a model reads, under both kinds of tokenizers that matter: byte-level, and LLaMA's."""

import pytest
import transformers as hf

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.quality.deita import QUALITY, level_tokens
from mig_dagster.annotations.quality.passages import Passage, cut_turn
from tests.tiny_models import save_tokenizer

WORDS = "Why is the sky blue? Because of Rayleigh scattering.\n天空 1 2 3 "


def byte_level(folder):
    save_tokenizer(folder)
    return hf.AutoTokenizer.from_pretrained(folder)


def like_llama(folder):
    """SentencePiece's BPE as LLaMA has it: "▁" for spaces and before the text, bytes for unknown characters, and no
    piece of "▁" with a digit. The ids of its digits are not consecutive."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors

    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    digits = ["1", "x", "2", "y", "6", "5", "4", "3"]  # in no order, as LLaMA's
    letters = sorted({c for c in QUALITY.text + WORDS + "Tthe" if c.isascii() and c not in " \n" + "".join(digits)})
    merges = [("▁", "T"), ("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("i", "s"), ("▁", "is")]
    pieces = ["<unk>", "<s>", "</s>", *bytes_, "▁", *digits, *letters, *("".join(pair) for pair in merges)]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    replace = decoders.Replace("▁", " ")
    tokenizer.decoder = decoders.Sequence(
        [replace, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )


@pytest.fixture(params=[byte_level, like_llama])
def tokenizer(request, tmp_path):
    return request.param(tmp_path)


def test_what_is_left_is_a_prompt_around_the_beginnings_of_both_parts(tokenizer):
    def encode(turn):
        return Passage(tokenizer(QUALITY.around(turn))["input_ids"])

    room = 60
    limit = encode(("", "")).tokens + room
    seen = set()
    for turn in ((WORDS * 3, WORDS * 3), ("Why?", WORDS * 5), (WORDS * 5, "Blue."), ("天" * 90, "空" * 90)):
        passage = cut_turn(turn, encode, tokenizer, limit)
        assert passage.truncated
        assert passage.tokens <= limit
        read = tokenizer.decode(passage.ids, skip_special_tokens=True)
        asked, answered = read.split("#Question#:\n")[1].removesuffix(" \n##Quality: ").split("\n#Response#:\n")
        assert turn[0].startswith(asked)
        assert turn[1].startswith(answered)
        seen.add((asked == turn[0], answered == turn[1]))
        parts = [len(tokenizer(part, add_special_tokens=False)["input_ids"]) for part in (asked, answered)]
        assert min(parts) >= room // 2 - 4 or asked == turn[0] or answered == turn[1]
        assert sum(parts) >= room - 8  # what was cut had to be
    assert seen == {(False, False), (True, False), (False, True)}


def test_a_part_of_which_nothing_fits_is_a_defect(tokenizer):
    def encode(turn):
        return Passage(tokenizer(QUALITY.around(turn))["input_ids"])

    around = encode(("", "")).tokens
    assert cut_turn((WORDS, WORDS), encode, tokenizer, around - 1) == Defect("truncated")


def test_levels_are_looked_up_and_need_not_be_consecutive(tmp_path):
    tokenizer = like_llama(tmp_path)
    found = level_tokens(tokenizer, QUALITY.around(("", "")))
    assert tokenizer.convert_ids_to_tokens(found) == list("123456")
    assert found != list(range(found[0], found[0] + 6))
