"""A stored subset chosen once more, from exactly what it was chosen from, and compared with what is stored.

verified                     the same rows in the same order, every value the same to the last bit
verified up to near-ties     on another machine or with other versions: the same away from recorded near-ties, gains
                             within 1e-9
differs                      a file, the lock, or the choice itself is not what it was
cannot verify                what it was chosen from is gone or damaged, or this machine cannot repeat it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.export.subset_folder import LOCK
from mig_dagster.selection import Selection
from mig_dagster.selection.base import Method
from mig_dagster.selection.cluster_choice import choose_from_clusters
from mig_dagster.stages.environment import environment
from mig_dagster.stages.file_pool import OnStep
from mig_dagster.stages.stored_subset import StoredSubset, find_subset
from mig_dagster.stages.subset import Subset, choose_subset
from mig_dagster.stages.verify.files import input_problems
from mig_dagster.stages.verify.folder import content_problems, lock_problems
from mig_dagster.stages.verify.info import other_facts, other_words
from mig_dagster.stages.verify.rows import Flip, Pick, first_difference, same_bits, up_to_near_ties

VERIFIED, UP_TO_NEAR_TIES = "verified", "verified up to near-ties"
DIFFERS, CANNOT = "differs", "cannot verify"


@dataclass(frozen=True)
class Verdict:
    """What came of verifying a subset.

    Attributes:
        subset: the name it was asked for by.
        state: one of the four above.
        because: why it differs or cannot be verified; empty otherwise.
        method: the method that chose it; None where nothing is known of it.
        rows: how many rows are stored.
        near_ties: ranks at which the stored choice was nearly another.
        environment: what is not as it was when the rows were chosen, as name -> (then, now).
        device: where it was chosen again; None where it was not.
        flips: near-ties that were decided otherwise.
        first: the first rank that differs, where one does.
    """

    subset: str
    state: str
    because: Sequence[str] = ()
    method: str | None = None
    rows: int = 0
    near_ties: Sequence[int] = ()
    environment: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    device: str | None = None
    flips: Sequence[Flip] = ()
    first: Pick | None = None

    @property
    def passed(self) -> bool:
        """Whether it was verified."""
        return self.state in (VERIFIED, UP_TO_NEAR_TIES)


def verify(name: str, home: str, on_progress: OnStep) -> Verdict:
    """Choose a stored subset again and compare.

    Args:
        name: as `find_subset` takes it.
        home: folder or URI of the lake.
        on_progress: told what is being done.

    Raises:
        LookupError: there is no subset of that name.
        ValueError: the folder's lock does not say where the subset is kept.
    """
    try:
        stored = find_subset(name, home)
    except LookupError as problem:
        if not (Path(name) / LOCK).is_file():
            raise
        return Verdict(name, CANNOT, [str(problem.args[0])])
    found = Verdict(name, VERIFIED, method=stored.method, rows=stored.rows.height)
    if problems := lock_problems(stored):
        return replace(found, state=DIFFERS, because=problems)
    if problems := [*_unknown(stored), *input_problems(stored, on_progress)]:
        return replace(found, state=CANNOT, because=problems)
    if problems := content_problems(stored):
        return replace(found, state=DIFFERS, because=problems)
    then = stored.info["environment"]
    device = _device(then.get("device"))
    changed = _changed(then, environment(stored.method, device))
    found = replace(found, environment=changed, near_ties=stored.info["near_ties"])
    if "zlib" in changed:
        return replace(found, state=CANNOT, because=[_other_zlib(*changed["zlib"])])
    again = _again(stored, device, on_progress)
    return _compared(replace(found, device=device or "cpu"), stored, again)


def _again(stored: StoredSubset, device: str | None, on_progress: OnStep) -> Subset:
    what = f"choosing by {stored.method} again"
    on_progress(what, 0, None)
    return choose_subset(
        stored.method,
        stored.frames(),
        budget=stored.info["budget"],
        settings=stored.info["options"],
        device=device,
        max_null_share=1.0,  # what lacked a signal then was few enough then
        on_progress=partial(on_progress, what),
        engine=_from_stored_clusters(stored),
    )


def _compared(found: Verdict, stored: StoredSubset, again: Subset) -> Verdict:
    """Return the verdict on a choice that was made again."""
    if not again.excluded.equals(_excluded(stored)):
        return replace(found, state=DIFFERS, because=["other rows lack a signal than did then"])
    if same_bits(stored.rows, again.rows):
        problems = [] if found.environment else other_words(stored, again)
        return replace(found, state=DIFFERS, because=problems) if problems else found
    if not found.environment:
        first = first_difference(stored.rows, again.rows)
        return replace(found, state=DIFFERS, because=[_told(first)], first=first)
    if problems := other_facts(stored.rows, again.rows):
        return replace(found, state=DIFFERS, because=problems)
    near_ties = {*stored.info["near_ties"], *again.info["near_ties"]}
    flips, left = up_to_near_ties(stored.rows, again.rows, near_ties)
    if left is not None:
        return replace(found, state=DIFFERS, because=[_told(left)], flips=flips, first=left)
    return replace(found, state=UP_TO_NEAR_TIES, flips=flips)


def _excluded(stored: StoredSubset) -> pl.DataFrame:
    found = stored.table("excluded")
    assert found is not None, "every subset says which rows could not take part"
    return found


def _told(pick: Pick) -> str:
    def side(row: str | None, gain: float | None) -> str:
        return "no row" if row is None else f"{row} (gain {gain!r})"

    return f"at rank {pick.rank} {side(pick.row, pick.gain)} is stored, {side(pick.row_now, pick.gain_now)} is chosen"


def _unknown(stored: StoredSubset) -> list[str]:
    if lacking := [key for key in ("environment", "near_ties") if key not in stored.info]:
        return [f"an earlier version of mig-dagster chose it and did not record {lacking[0]}: choose it again"]
    return []


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    names = sorted({*then, *now})
    return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}


def _device(locked: str | None) -> str | None:
    """Return the device a subset was chosen on where this machine has it; None for numpy."""
    if locked is None or not locked.startswith("cuda"):
        return None
    import torch

    return locked if torch.cuda.is_available() else None


def _other_zlib(then: str | None, now: str | None) -> str:
    return (
        f"ZIP compares compressed sizes, and they were those of zlib {then}, here of zlib {now}: run a Python whose "
        f"zlib.ZLIB_RUNTIME_VERSION is {then} (install that zlib, or the same Python build) and verify there"
    )


def _from_stored_clusters(stored: StoredSubset) -> Method | None:
    """Return what chooses as `car` from the clusters that were found then; None for every other method."""
    found = stored.table("clusters")
    if found is None:
        return None
    clusters = found["cluster"].to_numpy()

    def car(k: int, *, quality_scores: Any, n1: int | None = None, n2: int | None = None, **_: Any) -> Selection:
        return choose_from_clusters(k, quality_scores=quality_scores, clusters=clusters, n1=n1, n2=n2)

    return car
