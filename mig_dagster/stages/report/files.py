"""A report as files: the page, and the data of every figure as Parquet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mig_dagster.report.figures import FIGURES
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.report.page import report_page
from mig_dagster.report.page_head import head_of
from mig_dagster.storage.local_files import move_into_place

PAGE = "report.html"

OnFigure = Callable[[int, int], None]
"""Called with how many figures of how many are made."""


@dataclass(frozen=True)
class ReportFiles:
    """What a report's folder holds.

    Attributes:
        folder: where.
        bytes: size of each file by its name, the page last: what it links to is there before it.
        missing: why a figure has nothing to show, by its title.
    """

    folder: Path
    bytes: Mapping[str, int]
    missing: Mapping[str, str]


def build_report(
    folder: Path, given: ReportInputs, made_from: Mapping[str, str], on_figure: OnFigure | None = None
) -> ReportFiles:
    """Write the page and the tables of its figures into an empty folder; a figure that fails fails the report.

    Args:
        folder: an empty one that nobody else looks at.
        given: what the figures are made from.
        made_from: data versions, by asset or asset/source.
        on_figure: told of every figure.

    Raises:
        ValueError: two figures have a table of one name.
    """
    figures = []
    for number, draw in enumerate(FIGURES, 1):
        figures.append(draw(given))
        if on_figure is not None:
            on_figure(number, len(FIGURES))
    for figure in figures:
        for name, table in figure.tables.items():
            if (folder / f"{name}.parquet").exists():
                raise ValueError(f"figure {figure.name} has a table {name!r}, and so has another: rename one of them")
            table.write_parquet(folder / f"{name}.parquet")
    (folder / PAGE).write_text(report_page(head_of(given, made_from), figures), encoding="utf-8")
    names = [*(f"{name}.parquet" for figure in figures for name in figure.tables), PAGE]
    sizes = {name: (folder / name).stat().st_size for name in names}
    return ReportFiles(folder, sizes, {figure.title: figure.missing for figure in figures if figure.missing})


def write_report(
    folder: Path, given: ReportInputs, made_from: Mapping[str, str], on_figure: OnFigure | None = None
) -> ReportFiles:
    """Build a report beside a folder and move its files into it, each whole or not at all, the page last.

    Args:
        folder: made when missing; files of an earlier report in it are replaced, other files stay.
        given: as `build_report` takes it.
        made_from: as `build_report` takes it.
        on_figure: as `build_report` takes it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
        built = build_report(Path(aside), given, made_from, on_figure)
        for name in built.bytes:
            move_into_place(built.folder / name, folder / name)
    return ReportFiles(folder, built.bytes, built.missing)
