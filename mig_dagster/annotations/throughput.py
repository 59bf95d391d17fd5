"""How fast models read: tokens and seconds of every annotator that computed something, for the plans of later runs."""

from dataclasses import dataclass
from typing import Any

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.scoring import OnTokens, TokenProgress


@dataclass(slots=True)
class _Read:
    """What one annotator read so far: calls that are over, and the one that goes on."""

    annotator: Annotator
    items: int = 0
    tokens: int = 0
    seconds: float = 0.0
    last: TokenProgress | None = None

    def add(self, progress: TokenProgress) -> None:
        last = self.last
        if last is not None and not _goes_on(last, progress):
            self.items, self.tokens = self.items + last.items, self.tokens + last.tokens
            self.seconds += last.seconds
        self.last = progress


class Throughput:
    """Adds up what models computed on one device; give `on_tokens` to whatever takes a progress.

    Args:
        device: the hardware's name, as `device_name` gives it.
        then: told of the progress too.
    """

    def __init__(self, device: str, then: OnTokens | None = None) -> None:
        self.device = device
        self._then = then
        self._read: dict[str, _Read] = {}

    def on_tokens(self, progress: TokenProgress) -> None:
        """Take in how far a call of `score_items` has come."""
        annotator = progress.annotator
        self._read.setdefault(annotator.fingerprint, _Read(annotator)).add(progress)
        if self._then is not None:
            self._then(progress)

    def forget(self) -> None:
        """Begin anew: a first call also loads a model, and says nothing of how fast it reads."""
        self._read.clear()

    def lines(self) -> list[dict[str, Any]]:
        """Return a line for each annotator that read anything, in the columns of the ledger's table `throughput`."""
        lines = []
        for fingerprint, read in sorted(self._read.items()):
            assert read.last is not None
            line = {
                "annotator": fingerprint,
                "name": read.annotator.name,
                "model": read.annotator.model,
                "device": self.device,
                "items": read.items + read.last.items,
                "tokens": read.tokens + read.last.tokens,
                "seconds": read.seconds + read.last.seconds,
            }
            lines.append(line)
        return lines


def device_name(device: str) -> str:
    """Return what is measured: the name of a CUDA device's hardware, such as "NVIDIA A100-SXM4-80GB", else the device.

    Args:
        device: torch device, such as "cpu" or "cuda:0".
    """
    import torch

    found = torch.device(device)
    return torch.cuda.get_device_name(found) if found.type == "cuda" and torch.cuda.is_available() else found.type


def _goes_on(last: TokenProgress, now: TokenProgress) -> bool:
    """Say whether two reports are of one call: it counts up to the same end, and was not there yet."""
    same_end = (last.of_items, last.of_tokens) == (now.of_items, now.of_tokens)
    return same_end and last.items < last.of_items and now.items > last.items
