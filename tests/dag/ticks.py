"""Evaluate automation conditions as the daemon does."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import dagster as dg


@contextmanager
def partitions_read_once(instance: dg.DagsterInstance) -> Iterator[None]:
    """Read the partitions once a tick, as the daemon does: evaluating a condition reads them thousands of times."""
    instance.get_dynamic_partitions = cache(instance.get_dynamic_partitions)
    try:
        yield
    finally:
        del instance.get_dynamic_partitions
