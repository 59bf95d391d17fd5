"""How many tokens a sentence encoder reads of texts, without its weights."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mig_dagster.annotations.model_files import ModelFiles
from mig_dagster.annotations.models.loading import explained
from mig_dagster.annotations.models.specification import ModelSpec

_AT_ONCE = 8192  # bounds the memory for token ids, of which only the lengths are kept


class EncoderTokens:
    """Counts tokens as the model's first module reads them: with its special tokens, cut at its limit.

    Args:
        spec: of the encoder; its `max_tokens` cuts where the model's own limit is not lower.
        files: where the model is.

    Raises:
        ModelError: its tokenizer cannot be had.
    """

    def __init__(self, spec: ModelSpec, files: ModelFiles) -> None:
        with explained(spec):
            folder = _folder(files)
            self._static = static_tokenizer(folder)
            if self._static is None:
                self._tokenizer, self._limit = _transformer_tokenizer(spec, folder)

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text."""
        if self._static is not None:
            return [len(encoding.ids) for encoding in self._static.encode_batch_fast(list(texts))]
        lengths: list[int] = []
        for start in range(0, len(texts), _AT_ONCE):
            tokens = self._tokenizer(
                list(texts[start : start + _AT_ONCE]),
                truncation=True,
                max_length=self._limit,
                padding=False,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
            lengths += [len(ids) for ids in tokens["input_ids"]]
        return lengths


def _folder(files: ModelFiles) -> Path:
    """Return the folder of the model's small files, from the Hub where the model is there."""
    if files.commit is None:
        return Path(files.location)
    from huggingface_hub import snapshot_download

    small = ["*.json", "*.txt", "*.model"]  # no weights
    return Path(snapshot_download(files.location, revision=files.commit, allow_patterns=small))


def first_module(folder: Path) -> tuple[Path, str]:
    """Return the folder and the kind of the model's first module; a plain model of transformers is one itself."""
    listed = folder / "modules.json"
    if not listed.is_file():
        return folder, "Transformer"
    first = json.loads(listed.read_text(encoding="utf-8"))[0]
    return folder / first["path"], first["type"].rpartition(".")[2]


def static_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a static embedding model, None for any other."""
    module, kind = first_module(folder)
    if kind != "StaticEmbedding":
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(module / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer


def _transformer_tokenizer(spec: ModelSpec, folder: Path) -> tuple[Any, int]:
    """Return the tokenizer, and where it cuts, as sentence-transformers decides it."""
    from transformers import AutoConfig, AutoTokenizer

    module, _ = first_module(folder)
    tokenizer = AutoTokenizer.from_pretrained(module, trust_remote_code=spec.trust_remote_code)
    config = AutoConfig.from_pretrained(module, trust_remote_code=spec.trust_remote_code)
    said = _settings(module).get("max_seq_length")
    positions = getattr(config, "max_position_embeddings", -1)
    own = said or min(tokenizer.model_max_length, positions if positions != -1 else math.inf)
    return tokenizer, min(int(own), spec.max_tokens)


def _settings(module: Path) -> dict[str, Any]:
    found = sorted(module.glob("sentence_*_config.json"))
    settings: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8")) if found else {}
    return settings
