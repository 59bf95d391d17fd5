"""What open-instruct makes of rows of `messages`, by the rules of its `dataset_transformation.py`.

Rules of `sft_tulu_tokenize_and_truncate_v1` and `sft_tulu_filter_v1`, the defaults of `finetune.py`, as they stand at
commit 00440da3346a5d64c33ce9fd2af00c9ebed358eb. Every row is rendered with the chat template, without its tools, and
cut at the end to `max_seq_length`; the assistant's tokens are trained on, and a row without any is dropped.
"""

from collections.abc import Iterator

from mig_dagster.conversation import Conversation
from mig_dagster.export.consumers.chat_tokens import ChatTokens
from mig_dagster.export.consumers.consumer import Consumer, Fit, Record, Registration
from mig_dagster.export.consumers.findings import Finding
from mig_dagster.export.consumers.turns import as_conversation, messages_of, nothing_left, without_role


def _faults(record: Record, _: Registration) -> Iterator[Finding]:
    messages = messages_of(record)
    if isinstance(messages, Finding):
        yield messages
        return
    yield from without_role(messages)
    if all(message.get("role") != "assistant" for message in messages):
        yield Finding("no_trained_turn", "dropped", "no turn has the role 'assistant'")
    if record.get("tools"):
        yield Finding("tools_ignored", "altered", "the chat template is not given the tools")


def _conversation(record: Record, _: Registration) -> Conversation:
    return as_conversation(record["messages"])


def _fit(tokens: ChatTokens, limit: int, record: Record, told: Registration) -> Fit:
    kept = min(tokens.total, limit)
    return Fit(kept, tokens.trained(kept), nothing_left(tokens, kept))


open_instruct = Consumer("open-instruct", "open-instruct 00440da", _faults, _conversation, _fit, json_fields=False)
