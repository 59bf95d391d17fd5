"""Real conversations for the benchmarks of models, from a folder `shared` beside the checkout; and tokens of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SOURCES = ("dolly/dolly_3k.json", "gpteacher/roleplay.json", "llamafactory/alpaca_en_demo.json")
_FIELDS = (("instruction", "context", "input"), ("response", "output"))


def turns(n: int, data: Path = DATA) -> list[tuple[str, str]]:
    """Return n pairs of instruction and answer of three sources, short and long ones mixed.

    Raises:
        SystemExit: the data is not there.
    """
    missing = [source for source in SOURCES if not (data / source).is_file()]
    if missing:
        raise SystemExit(f"needs real conversations, but {', '.join(missing)} is not in {data}")
    records = [record for source in SOURCES for record in json.loads((data / source).read_text("utf-8"))]
    found = [(_joined(record, 0), _joined(record, 1)) for record in records]
    whole = [pair for pair in found if all(pair)]
    return [whole[i] for i in np.random.default_rng(0).permutation(len(whole))[:n].tolist()]


def _joined(record: dict[str, Any], part: int) -> str:
    return "\n".join(record[field] for field in _FIELDS[part] if record.get(field)).strip()


def train_tokenizer(texts: list[str], vocabulary: int, folder: Path, **special: str) -> None:
    """Train a byte-level BPE on texts and save it beside a model; its first token is `<pad>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<pad>", *special.values()],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", **special).save_pretrained(folder)
