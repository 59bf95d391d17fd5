"""Who gave values that came with rows, and how they are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mig_dagster.annotations.annotator import Annotator, Row
from mig_dagster.annotations.flags import Defect


@dataclass(frozen=True, slots=True)
class Imported:
    """Values of another annotator that came with the rows.

    Attributes:
        annotator: whose values they are.
        read: returns a row's value per column; None where the row carries none; a `Defect` where it cannot be used.
    """

    annotator: Annotator
    read: Callable[[Row], Mapping[str, Any] | Defect | None]
