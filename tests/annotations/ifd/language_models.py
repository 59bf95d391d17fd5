"""Tiny language models whose tokenizers differ in what matters for spans: begin marks, merges, chat templates."""

from pathlib import Path

from tests.tiny_models import VOCABULARY, save_causal

SAMPLE = [
    "Below is an instruction.\n\n### Instruction:\nName a colour.\n\n### Response:Blue, of course.\n\n\n",
    "What is it?\nIt is a tree.\nIs it?\nYes, it is.\n  It has leaves.\n\tAnd roots.\n\n::::\n",
    "def add(a, b):\n    return a + b\n\n\nadd(1, 2)\n",
    "为什么天空是蓝色的? Größe, naïve café.",
]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TRIMMING = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m.role }}<|end|>\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
)
TEMPLATES = {"gpt2": CHATML, "llama": TRIMMING, "qwen3": CHATML}


def save_language_model(folder: Path, architecture: str) -> Path:
    """Save a model of `TEMPLATES`; only llama's tokenizer begins texts with a mark; tokens may span lines and words."""
    save_causal(folder, architecture)
    save_tokenizer(folder, begin_mark=architecture == "llama", chat_template=TEMPLATES[architecture])
    return folder


def save_tokenizer(folder, begin_mark=False, end_mark=False, chat_template=None, trim_offsets=None):
    """Save a byte-level BPE that merges whatever stands together, so that borders of texts lie within tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=4,
        show_progress=False,
    )
    tokenizer.train_from_iterator(SAMPLE, trainer)
    marked = f"{'<s> ' if begin_mark else ''}$A{' </s>' if end_mark else ''}"
    marks = processors.TemplateProcessing(single=marked, special_tokens=[("<s>", 1), ("</s>", 2)])
    trimming = [] if trim_offsets is None else [processors.ByteLevel(trim_offsets=trim_offsets)]
    tokenizer.post_processor = processors.Sequence([*trimming, marks])
    saved = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", chat_template=chat_template
    )
    saved.save_pretrained(folder)
