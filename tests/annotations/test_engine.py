import numpy as np
import pytest

from mig_dagster.annotations.annotator import Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import annotate
from mig_dagster.conversation import Conversation, Message
from tests.annotations.memory_files import MemoryFiles

ANNOTATOR = Annotator("length", "rule", "1")
OTHER = Annotator("import", "somewhere")
COLUMNS = {"score": np.empty(0), "words": []}


def row(text, **meta):
    conversation = Conversation((Message("user", text), Message("assistant", "ok")))
    return Row(conversation.row_id, conversation, meta)


def rows(n):
    return [row("word " * i) for i in range(1, n + 1)]


class Compute:
    """Counts the rows it was given, and dies at a given row."""

    def __init__(self, dies_at=None):
        self.seen = []
        self.dies_at = dies_at

    def __call__(self, chunk):
        if self.dies_at is not None and len(self.seen) + len(chunk) > self.dies_at:
            raise RuntimeError("killed")
        self.seen += [r.row_id for r in chunk]
        texts = [r.conversation.instruction for r in chunk]
        return Batch(
            {"score": np.array([float(len(t)) for t in texts]), "words": [t.split() for t in texts]},
            [None] * len(chunk),
        )


def run(given, compute, cache=None, **options):
    return annotate(given, ANNOTATOR, compute, cache, columns=COLUMNS, **options)


def test_each_distinct_row_is_computed_once_in_the_order_of_first_appearance():
    a, b, c = rows(3)
    compute = Compute()
    made = run([b, a, b, c, a], compute, chunk_rows=2)
    assert made.row_ids == compute.seen == [b.row_id, a.row_id, c.row_id]
    assert made.values["score"].tolist() == [10, 5, 15]
    assert made.values["words"][2] == ["word"] * 3
    assert made.provenance == ["computed"] * 3
    assert made.annotators == [ANNOTATOR.fingerprint] * 3
    assert made.flags == [None] * 3
    assert made.used == {ANNOTATOR.fingerprint: ANNOTATOR}


def test_a_second_run_computes_nothing_and_gives_the_same():
    files = MemoryFiles()
    first = run(rows(5), Compute(), FragmentCache(files))
    again = Compute()
    second = run(rows(5)[::-1], again, FragmentCache(files))
    assert again.seen == []
    assert second.row_ids == first.row_ids[::-1]
    assert second.values["score"].tolist() == first.values["score"].tolist()[::-1]
    assert second.values["words"] == first.values["words"][::-1]
    assert second.provenance == ["computed"] * 5


@pytest.mark.parametrize("dies_at", [1, 4, 9])
def test_a_run_that_died_resumes_and_computes_nothing_twice(dies_at):
    files = MemoryFiles()
    dying, resumed = Compute(dies_at), Compute()
    with pytest.raises(RuntimeError, match="killed"):
        run(rows(10), dying, FragmentCache(files), chunk_rows=1)
    made = run(rows(10), resumed, FragmentCache(files), chunk_rows=3)
    assert len(dying.seen) == dies_at
    assert sorted(dying.seen + resumed.seen) == sorted(r.row_id for r in rows(10))
    whole = run(rows(10), Compute())
    assert made.values["score"].tolist() == whole.values["score"].tolist()
    assert made.values["words"] == whole.values["words"]


def test_another_annotator_does_not_read_the_cache_of_the_first():
    files, compute = MemoryFiles(), Compute()
    run(rows(2), Compute(), FragmentCache(files))
    annotate(rows(2), OTHER, compute, FragmentCache(files), columns=COLUMNS)
    assert len(compute.seen) == 2


def test_a_failure_is_cached_with_its_flag():
    files = MemoryFiles()

    def failing(chunk):
        return Batch(
            {"score": np.full(len(chunk), np.nan), "words": [None] * len(chunk)}, ["parse_failure"] * len(chunk)
        )

    run(rows(2), failing, FragmentCache(files))
    again = Compute()
    made = run(rows(2), again, FragmentCache(files))
    assert again.seen == []
    assert made.flags == ["parse_failure"] * 2
    assert made.values["words"] == [None, None]


def test_no_rows_give_empty_columns():
    made = annotate([], ANNOTATOR, Compute(), None, columns={"embedding": np.empty((0, 4), np.float32)})
    assert made.row_ids == []
    assert made.values["embedding"].shape == (0, 4)


def test_progress_counts_what_is_computed_and_not_what_was_known():
    files, seen = MemoryFiles(), []
    run(rows(2), Compute(), FragmentCache(files))
    run(
        rows(7),
        Compute(),
        FragmentCache(files),
        chunk_rows=2,
        progress=lambda done, total, s: seen.append((done, total, s >= 0)),
    )
    assert seen == [(2, 5, True), (4, 5, True), (5, 5, True)]


def test_a_chunk_of_no_rows_is_refused():
    with pytest.raises(ValueError, match="chunk_rows must be at least 1, got 0"):
        run(rows(1), Compute(), chunk_rows=0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Batch({"score": np.zeros(1), "words": [[]]}, [None]), "'length' gave columns .* expected 2 flags"),
        (Batch({"score": np.zeros(2)}, [None] * 2), "expected 2 flags and 2 entries in each of score, words"),
        (
            Batch({"score": np.zeros((2, 3)), "words": [[], []]}, [None] * 2),
            r"gave score of shape \(2, 3\), expected \(2,\)",
        ),
        (Batch({"score": np.zeros(2), "words": [[], []]}, [None, "oops"]), "unknown flag 'oops'"),
    ],
)
def test_a_batch_that_breaks_the_contract_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        run(rows(2), lambda chunk: bad)
