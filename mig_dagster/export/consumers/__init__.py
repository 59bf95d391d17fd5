"""Dry runs: what each trainer would do with exported rows, said before it is started."""

from collections.abc import Mapping

from mig_dagster.export.consumers.axolotl import axolotl
from mig_dagster.export.consumers.consumer import Consumer
from mig_dagster.export.consumers.findings import REASONS, DryRun, ExportedRow, Finding
from mig_dagster.export.consumers.llama_factory import llama_factory
from mig_dagster.export.consumers.open_instruct import open_instruct
from mig_dagster.export.consumers.plain_datasets import plain_datasets
from mig_dagster.export.consumers.trl import trl

CONSUMERS: Mapping[str, Consumer] = {
    each.name: each for each in (llama_factory, trl, axolotl, open_instruct, plain_datasets)
}
"""Every trainer by its name: `CONSUMERS[name](rows, registration=..., tokenizer=..., max_tokens=...) -> DryRun`."""

__all__ = ["CONSUMERS", "REASONS", "Consumer", "DryRun", "ExportedRow", "Finding"]
