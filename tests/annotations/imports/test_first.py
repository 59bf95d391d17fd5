import numpy as np
import pytest

from mig_dagster.annotations.annotator import Annotations, Annotator
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports import imported_first, not_scored
from mig_dagster.annotations.imports.importer import Imported
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row

THEIRS, OTHERS, OURS = (Annotator("scorer", name) for name in ("theirs", "others", "ours"))
COLUMNS = {"score": np.empty(0)}


def carried(who, name):
    """Values in the meta's field `name`; "broken" is a defect."""

    def read(each):
        value = each.meta.get(name)
        if value is None:
            return None
        return Defect("invalid_import") if value == "broken" else {"score": value}

    return Imported(who, read)


def ours(rows):
    n = len(rows)
    score = np.array([10.0 + len(each.conversation.response) for each in rows])
    used = {OURS.fingerprint: OURS} if n else {}
    return Annotations(
        [r.row_id for r in rows], {"score": score}, [OURS.fingerprint] * n, ["computed"] * n, [None] * n, used
    )


def test_what_came_with_a_row_stands_where_its_row_stood_and_the_rest_is_computed():
    rows = [
        row(("a", "1")),
        row(("b", "2"), x=3.0),
        row(("c", "333")),
        row(("b", "2"), x=9.0),
        row(("d", "4"), x="broken"),
    ]
    made = imported_first(rows, [carried(THEIRS, "x")], ours)
    assert made.row_ids == [rows[i].row_id for i in (0, 1, 2, 4)]
    assert made.values["score"][:3].tolist() == [11.0, 3.0, 13.0]
    assert np.isnan(made.values["score"][3])
    assert made.provenance == ["computed", "imported", "computed", "imported"]
    assert made.flags == [None, None, None, "invalid_import"]
    assert [made.used[who] for who in made.annotators] == [OURS, THEIRS, OURS, THEIRS]


def test_of_two_values_in_one_row_the_first_importers_counts():
    made = imported_first([row(("a", "1"), x=1.0, y=2.0)], [carried(OTHERS, "y"), carried(THEIRS, "x")], ours)
    assert made.values["score"].tolist() == [2.0]
    assert made.annotators == [OTHERS.fingerprint]


def test_a_value_that_came_with_one_copy_serves_the_copies_in_sources_read_later():
    files, imports = MemoryFiles(), [carried(THEIRS, "x")]
    first = imported_first([row(("a", "1"), x=5.0), row(("b", "2"))], imports, ours, FragmentCache(files))
    assert first.provenance == ["imported", "computed"]
    second = imported_first([row(("b", "2")), row(("a", "1"))], imports, ours, FragmentCache(files))
    assert second.values["score"].tolist() == [11.0, 5.0]
    assert second.provenance == ["computed", "imported"]
    assert second.annotators == [OURS.fingerprint, THEIRS.fingerprint]


def test_a_rows_own_value_counts_before_that_of_a_copy_and_is_kept_once():
    files, imports = MemoryFiles(), [carried(THEIRS, "x")]
    imported_first([row(("a", "1"), x=5.0)], imports, ours, FragmentCache(files))
    again = imported_first([row(("a", "1"), x=6.0)], imports, ours, FragmentCache(files))
    assert again.values["score"].tolist() == [6.0]
    assert len(files.contents) == 1
    third = imported_first([row(("a", "1"))], imports, ours, FragmentCache(files))
    assert third.values["score"].tolist() == [5.0]


def test_what_is_wrong_with_one_copys_value_is_no_matter_of_another():
    files, imports = MemoryFiles(), [carried(THEIRS, "x")]
    broken = imported_first([row(("a", "1"), x="broken")], imports, ours, FragmentCache(files))
    assert broken.flags == ["invalid_import"]
    assert not files.contents
    assert imported_first([row(("a", "1"))], imports, ours, FragmentCache(files)).provenance == ["computed"]


def test_copies_get_tags_too():
    files = MemoryFiles()

    def read(each):
        return {"tags": each.meta["tags"]} if "tags" in each.meta else None

    rest = not_scored(OURS, {"tags": []})
    imported_first([row(("a", "1"), tags=["maths", "größe"])], [Imported(THEIRS, read)], rest, FragmentCache(files))
    made = imported_first([row(("a", "1")), row(("b", "2"))], [Imported(THEIRS, read)], rest, FragmentCache(files))
    assert made.values["tags"] == [["maths", "größe"], None]
    assert made.flags == [None, "not_scored"]
    assert made.annotators == [THEIRS.fingerprint, OURS.fingerprint]


def test_a_column_that_an_import_says_nothing_of_stays_empty():
    def rest(rows):
        return not_scored(OURS, {"a": np.empty(0), "b": np.empty(0), "n": np.empty(0, np.int64)})(rows)

    made = imported_first(
        [row(("a", "1"))], [Imported(THEIRS, lambda _: {"a": 1.5})], rest, FragmentCache(MemoryFiles())
    )
    assert made.values["a"].tolist() == [1.5]
    assert np.isnan(made.values["b"]).all()
    assert made.values["n"].tolist() == [0]
    assert made.flags == [None]


@pytest.mark.parametrize("cache", [None, FragmentCache(MemoryFiles())])
def test_no_rows_give_no_annotations_with_the_columns_there(cache):
    made = imported_first([], [carried(THEIRS, "x")], not_scored(OURS, COLUMNS), cache)
    assert (made.row_ids, made.annotators, made.used) == ([], [], {})
    assert made.values["score"].dtype == np.float64
