"""Rows of `raw_pool` made from conversations."""

import polars as pl

from mig_dagster.conversation import Conversation, Message
from mig_dagster.pool.batch import Batch
from mig_dagster.sources.records import Accepted


def raw_pool(*conversations: Conversation, source: str = "a") -> pl.DataFrame:
    """Return the conversations as rows of one source, with the origins f:000000001, f:000000002 ..."""
    batch = Batch(source)
    for position, conversation in enumerate(conversations, start=1):
        batch.accept(Accepted(f"f:{position:09d}", conversation, {}))
    return batch.rows()


def chat(*texts: str, tools: str | None = None, **answer: str) -> Conversation:
    """Return a conversation of user and assistant in turns; `answer` goes to the last message."""
    messages = [Message("user" if i % 2 == 0 else "assistant", text) for i, text in enumerate(texts)]
    last = messages[-1]
    return Conversation((*messages[:-1], Message(last.role, last.content, **answer)), tools)
