"""Choosing from an annotated pool: what is written, and what must not be."""

import json
import tracemalloc

import pytest

from mig_dagster.stages.sample import LabelGraphOptions, read_annotated, sample_pool


def line(name, tags, score, text="", end="\n"):
    deita = {"quality_scores": [score], "complexity_scores": [1.0]}
    return json.dumps({"_id": name, "text": text, "annotation": {"instag": {"content": tags}, "deita": deita}}) + end


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_bytes((line("0", ["a"], 1.0, end="\r\n") + "\n" + line("é", ["b"], 3.0) + line("2", [], 9.0)).encode())
    return path


def sample(pool, out, model, num=3):
    return sample_pool(pool, out, num, valid_tags=None, graph=LabelGraphOptions(model, 0.9))


def test_lines_are_copied_in_the_order_chosen_with_one_line_break_each(pool, tmp_path, tiny_model):
    out = tmp_path / "new" / "folder" / "out.jsonl"
    sample(pool, out, tiny_model)
    lines = [text.rstrip(b"\r\n") for text in pool.read_bytes().splitlines() if text]
    assert out.read_bytes() == b"".join(lines[row] + b"\n" for row in (1, 0, 2))
    assert list(out.parent.iterdir()) == [out]


def test_the_pool_is_never_written_over(pool, tmp_path, tiny_model):
    before = pool.read_bytes()
    link = tmp_path / "link.jsonl"
    link.symlink_to(pool)
    for out in (pool, link):
        with pytest.raises(ValueError, match="would take the place of the pool"):
            sample(pool, out, tiny_model)
    assert pool.read_bytes() == before


def test_an_error_leaves_what_was_there(pool, tmp_path, tiny_model):
    out = tmp_path / "out.jsonl"
    out.write_text("yesterday")
    with pytest.raises(ValueError, match="phi_type"):
        sample_pool(pool, out, 1, valid_tags=None, graph=LabelGraphOptions(tiny_model, 0.9), phi_type="none")
    assert out.read_text() == "yesterday"


def test_a_pool_without_any_label_is_still_sampled(tmp_path, tiny_model):
    """In the reference rows without a valid label stay in the pool, with a gain of 0."""
    path = tmp_path / "pool.jsonl"
    path.write_text(line("0", [], 1.0) + line("1", [], 2.0))
    sample(path, tmp_path / "out.jsonl", tiny_model, num=1)
    assert json.loads((tmp_path / "out.jsonl").read_text())["_id"] == "0"


def test_the_texts_of_the_pool_are_not_held_in_memory(tmp_path):
    path = tmp_path / "pool.jsonl"
    with path.open("w") as file:
        file.writelines(line(str(i), ["a"], 1.0, "x" * 50_000) for i in range(400))
    tracemalloc.start()
    assert len(read_annotated(path).offsets) == 400
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000 < path.stat().st_size
