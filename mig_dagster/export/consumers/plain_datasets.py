"""What `datasets.load_dataset("json", ...)` makes of a file, by the rules of datasets 5.2.0: it keeps or refuses it."""

from collections.abc import Iterator

from mig_dagster.conversation import Conversation
from mig_dagster.export.consumers.chat_tokens import ChatTokens
from mig_dagster.export.consumers.consumer import Consumer, Fit, Record, Registration
from mig_dagster.export.consumers.findings import Finding
from mig_dagster.export.consumers.turns import as_conversation


def _faults(record: Record, _: Registration) -> Iterator[Finding]:
    yield from ()


def _conversation(record: Record, _: Registration) -> Conversation:
    return as_conversation(record["messages"], record.get("tools"))


def _fit(tokens: ChatTokens, limit: int, record: Record, told: Registration) -> Fit:
    return Fit(tokens.total, tokens.trained())


plain_datasets = Consumer("datasets", "datasets 5.2.0", _faults, _conversation, _fit)
