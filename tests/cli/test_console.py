import io

from rich.console import Console
from rich.table import Table

from mig_dagster.cli import console


def test_each_step_of_the_progress_begins_anew(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen, force_terminal=True, width=120))
    with console.progress_bar("reading") as report:
        report("reading", 5, None)
        report("choosing by zip", 900, 1000)
        report("choosing by qdit", 0, None)
        report("choosing by qdit", 3, 7)
    shown = screen.getvalue()
    assert "3/7" in shown
    assert "3/1000" not in shown


def test_nothing_is_shown_where_nobody_looks(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen))
    with console.progress_bar("reading") as report:
        report("choosing", 1, 2)
    assert screen.getvalue() == ""


def printed(monkeypatch, table, width):
    screen = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=screen, force_terminal=True, width=width, soft_wrap=True))
    console.print_table(table)
    return screen.getvalue()


def test_a_table_is_drawn_where_it_fits_and_never_cut(monkeypatch):
    def table():
        made = Table("method", "value")
        made.add_row("a name of several words", "0.123456789 ± 0.000000001")
        return made

    wide, narrow = (printed(monkeypatch, table(), width) for width in (80, 20))
    assert "│ a name of several words │ 0.123456789 ± 0.000000001 │" in wide
    assert "| a name of several words | 0.123456789 ± 0.000000001 |" in narrow
