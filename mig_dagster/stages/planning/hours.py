"""From tokens to hours: by the throughput measured on a device or, where none was, an assumption marked as one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.lineage import Ledger
from mig_dagster.stages.planning.plan import PlanLine, SourcePlan

Basis = Literal["measured", "same model", "assumed", "a server"]
"""Measured for this annotator; for another setting of its model; not at all; or not to be measured here."""

ASSUMED = {"cpu": 1_000.0, "cuda": 5_000.0}
"""Tokens a second where nothing was measured; our own choice, on the careful side.

A 22M-parameter encoder reads 3,700 a second of one CPU core (benchmarks/encoder_batching.json). A model of 7e9
parameters computes 1.4e10 operations a token, so that 5,000 tokens are 70 TFLOPS: half the dense 16-bit rate of a
24 GB card.
"""
ELSEWHERE = ("endpoint",)
"""Annotators that ask a server: what they read costs no hours here."""
_RECENT = 20
"""So many of the last measurements of an annotator count: drivers, batch sizes and machines change."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast an annotator reads.

    Attributes:
        tokens_per_second: above 0; infinite where a server reads, which takes no hours of this device.
        basis: where that is from.
    """

    tokens_per_second: float
    basis: Basis

    def hours(self, tokens: int) -> float:
        """Return how long so many tokens take."""
        return tokens / self.tokens_per_second / 3600


@dataclass(frozen=True)
class Rates:
    """The throughput measured on one device.

    Attributes:
        device: the hardware's name, as `throughput.device_name` gives it; "cpu" for a CPU.
        by_annotator: tokens per second by fingerprint.
        by_model: likewise by model.
    """

    device: str
    by_annotator: Mapping[str, float]
    by_model: Mapping[str, float]

    @property
    def kind(self) -> str:
        """The key of `ASSUMED`."""
        return "cpu" if self.device == "cpu" else "cuda"

    def of(self, annotator: Annotator) -> Rate:
        """Return how fast an annotator reads."""
        if annotator.name in ELSEWHERE:
            return Rate(math.inf, "a server")
        if annotator.fingerprint in self.by_annotator:
            return Rate(self.by_annotator[annotator.fingerprint], "measured")
        if annotator.model in self.by_model:
            return Rate(self.by_model[annotator.model], "same model")
        return Rate(ASSUMED[self.kind], "assumed")

    def hours(self, lines: Sequence[PlanLine]) -> float:
        """Return how long the lines of a plan take one after the other."""
        return sum(self.of(line.annotator).hours(line.tokens) for line in lines)

    def gpu_hours(self, plan: SourcePlan) -> float:
        """Return how long a source takes on a GPU: 0 where the device is a CPU, which nobody pays for by the hour."""
        return 0.0 if self.kind == "cpu" else self.hours(plan.lines)


def measured_rates(ledger: Ledger, device: str) -> Rates:
    """Return what the ledger knows of a device.

    Args:
        ledger: its table `throughput`.
        device: the hardware's name.
    """
    lines = ledger.read("throughput").filter(pl.col("device") == device, pl.col("seconds") > 0, pl.col("tokens") > 0)
    return Rates(device, _by(lines, "annotator"), _by(lines, "model"))


def _by(lines: pl.DataFrame, key: str) -> dict[str, float]:
    recent = lines.group_by(key, maintain_order=True).tail(_RECENT)
    rates = recent.group_by(key, maintain_order=True).agg(rate=pl.col("tokens").sum() / pl.col("seconds").sum())
    return dict(rates.iter_rows())
