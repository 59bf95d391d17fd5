"""A tokenizer by folder or Hub id, without the weights of the model beside it."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

from mig_dagster.annotations.encoder_tokens import first_module, static_tokenizer
from mig_dagster.annotations.model_files import ModelError, ModelFiles, find_model, hash_file
from mig_dagster.annotations.models.loading import load_tokenizer
from mig_dagster.annotations.models.specification import ModelSpec

_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "additional_chat_templates/*.jinja")
"""What a tokenizer is made from; configurations of the model are among them, weights are not."""
_SIGNS = ("tokenizer.json", "tokenizer_config.json", "modules.json", "vocab.txt", "tokenizer.model")


class RowTokenizer:
    """A tokenizer; it is loaded at first use.

    Args:
        model: a folder that holds one, or a Hub id; of a sentence encoder that of its first module is taken.
        revision: Hub branch, tag or commit.

    Raises:
        ValueError: a revision was given for a folder; on first use, as are all of these.
        ModelError: there is no tokenizer, or one that does not say which characters a token is made from.
    """

    def __init__(self, model: str, revision: str | None = None) -> None:
        self.model, self._revision = model, revision

    @cached_property
    def files(self) -> ModelFiles:
        """Where it is; a folder's revision is a hash of the files that tokenizers are made from, weights left aside."""
        folder = Path(self.model).expanduser()
        if not folder.is_dir():
            return find_model(self.model, self._revision)
        if self._revision is not None:
            raise ValueError(
                f"revision {self._revision!r} was given for the folder {self.model}: only Hub models have revisions"
            )
        if not any((folder / name).is_file() for name in _SIGNS):
            raise ModelError(f"folder {self.model} holds no tokenizer: expected one of {', '.join(_SIGNS)} in it")
        return ModelFiles(folder.resolve().name, str(folder), f"sha256:{_hash(folder)[:16]}")

    @cached_property
    def chat(self) -> Any:
        """The tokenizer of transformers, with its chat template where it has one.

        Raises:
            ModelError: it is of a static embedding model, which has a bare one.
        """
        if self._static is not None:
            raise ModelError(f"the tokenizer of {self.model} is that of a static embedding model: it has no template")
        module, _ = first_module(self._folder)
        local = ModelFiles(self.files.name, str(module), self.files.revision)
        return load_tokenizer(ModelSpec(self.model, self._revision), local)

    @cached_property
    def pieces(self) -> Any:
        """The tokenizer of the library tokenizers: a copy that neither cuts nor pads."""
        found = self._static
        if found is None:
            if not self.chat.is_fast:
                raise ModelError(
                    f"the tokenizer of {self.model} does not say which characters a token is made from: save it as "
                    "tokenizer.json (a fast tokenizer of transformers)"
                )
            found = self.chat.backend_tokenizer
        copied = type(found).from_str(found.to_str())
        copied.no_truncation()
        copied.no_padding()
        return copied

    @cached_property
    def _static(self) -> Any:
        return static_tokenizer(self._folder)

    @cached_property
    def _folder(self) -> Path:
        if self.files.commit is None:
            return Path(self.files.location)
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(self.files.location, revision=self.files.commit, allow_patterns=list(_FILES)))


def _hash(folder: Path) -> str:
    """Return the sha256, in hex, over name and content of every file that a tokenizer may be made from."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _FILES for path in folder.rglob(pattern)}):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            digest.update(f"{relative.as_posix()}\0{hash_file(path)}\n".encode())
    return digest.hexdigest()
