"""`mig-dagster verify SUBSET`: choose a stored subset again from what it was chosen from, and compare."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from mig_dagster.cli.console import DEFAULT_HOME, AsJson, Home, explain_errors, out, print_json, progress_bar

if TYPE_CHECKING:
    from mig_dagster.stages.verify.verification import Verdict

_SHOWN = 10
"""Near-ties that are listed; `--json` has all."""


@explain_errors
def verify(
    subset: Annotated[
        str, typer.Argument(help="A subset's folder, or a subset of the home: mig, mig~1, mig@<version>.")
    ],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Check that a subset is what its lock says: hashes of files and inputs, and the choice made once more.

    Where nothing changed since it must come out bit for bit; elsewhere the same rows in the same order away from
    recorded near-ties, gains within 1e-9. Exit code 1 where it differs or cannot be verified.
    """
    from mig_dagster.stages.verify.verification import verify as verified  # loads the methods' libraries

    with progress_bar("looking for the subset") as report:
        verdict = verified(subset, home, report)
    if as_json:
        print_json(asdict(verdict) | {"passed": verdict.passed})
    else:
        _print(verdict)
    if not verdict.passed:
        raise typer.Exit(1)


def _print(verdict: "Verdict") -> None:
    how = " bit for bit" if verdict.state == "verified" else ""
    colour = "green" if verdict.passed else "red"
    of = f" of {verdict.method}, {verdict.rows:,} rows" if verdict.method else ""
    out.print(f"[{colour}]{verdict.state}{how}[/]: {escape(verdict.subset)}{of}", highlight=False)
    for reason in verdict.because:
        _say(f"  {reason}")
    for name, (then, now) in verdict.environment.items():
        _say(f"  {name} was {then}, here it is {now}")
    if verdict.device not in (None, "cpu"):
        _say(f"  chosen again on {verdict.device}")
    for flip in verdict.flips[:_SHOWN]:
        pick, until = flip.pick, flip.until
        after = f"the same rows again from rank {until}" if until else f"{flip.apart} rows differ from there on"
        _say(f"  near-tie at rank {pick.rank}: {pick.row} is stored, {pick.row_now} is chosen here; {after}")
    if len(verdict.flips) > _SHOWN:
        _say(f"  and {len(verdict.flips) - _SHOWN} near-ties more that were decided otherwise (--json lists all)")
    if verdict.passed and verdict.near_ties:
        _say(f"  ranks with a recorded near-tie: {len(verdict.near_ties):,}")


def _say(text: str) -> None:
    out.print(escape(text), highlight=False)
