import numpy as np

from mig_dagster.report.maps.name_layer import WIDTHS, name_tables

NAMES = [f"label {at}" for at in range(40)]


def tables(most: int = 40) -> dict:
    rng = np.random.default_rng(0)
    unit = rng.uniform(-0.9, 0.9, (40, 2))
    return name_tables(unit * [100, 50], unit, np.full(40, 8.0), NAMES, 400, dict.fromkeys(WIDTHS, most))


def test_a_narrow_page_has_room_for_fewer_names():
    found = tables()
    assert 0 < found["names_narrow"].height < found["names_wide"].height


def test_names_stand_at_their_points_in_the_units_of_the_axes():
    unit = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2))
    for table in tables().values():
        for name, x, y in table.select("name", "x", "y").iter_rows():
            np.testing.assert_allclose([x, y], unit[NAMES.index(name)] * [100, 50], atol=1e-3)


def test_no_more_names_are_written_than_asked_for():
    assert {table.height for table in tables(3).values()} == {3}


def test_without_points_there_are_tables_without_lines():
    empty = np.empty((0, 2))
    found = name_tables(empty, empty, np.empty(0), [], 400, dict.fromkeys(WIDTHS, 5))
    assert [table.height for table in found.values()] == [0, 0]
    assert {"name", "x", "y", "align", "dx", "dy"} == set(found["names_wide"].columns)
