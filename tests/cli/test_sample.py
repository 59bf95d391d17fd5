import json

import pytest

from tests.cli.running import run
from tests.shared_data import shared


def row(tags, quality, complexity, name) -> str:
    annotation = {
        "instag": {"content": tags, "versions": [100] * len(tags)},
        "deita": {"quality_scores": quality, "complexity_scores": complexity},
    }
    return json.dumps({"dialogs": [], "source": ["s"], "_id": name, "annotation": annotation})


@pytest.fixture
def pool(tmp_path):
    """The golden pool of MIG as an annotated file, and three lines that cannot be chosen."""
    lines = [
        row(["a"], [5.0], [2.0], "0"),
        row(["b"], [3.0], [3.0], "1"),
        row(["c"], [2.5], [2.0], "2"),
        row(["a", "c"], [3.0, 6.0], [2.0, 1.0], "3"),
        row(["zz"], [5.0], [6.0], "4"),
        "{not json",
        json.dumps({"dialogs": [], "annotation": {}}),
        row(["a"], [], [], "7"),
    ]
    path = tmp_path / "pool.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def valid_tags(tmp_path):
    path = tmp_path / "valid.json"
    path.write_text(json.dumps(["a", "b", "c", "never"]))
    return path


def chosen(path) -> list[str]:
    return [json.loads(line)["_id"] for line in path.read_text().splitlines()]


def test_the_golden_pool_without_propagation_gives_the_golden_order(pool, valid_tags, tmp_path, tiny_model):
    out = tmp_path / "out.jsonl"
    code, _, stderr = run(
        *("sample", pool, "--out", out, "--num-sample", 5, "--valid-tag-path", valid_tags),
        *("--embedding-model", tiny_model, "--sampler-type", "mig", "--batch-size", 32768, "--prop-weight", 0.0),
    )
    assert code == 0, stderr
    assert chosen(out) == ["3", "1", "0", "2", "4"]


def test_rows_come_out_byte_for_byte(pool, valid_tags, tmp_path, tiny_model):
    out = tmp_path / "out.jsonl"
    run("sample", pool, "--out", out, "-n", 2, "--valid-tag-path", valid_tags, "--embedding-model", tiny_model)
    assert set(out.read_text().splitlines()) <= set(pool.read_text().splitlines())


def test_what_is_left_out_is_counted_by_reason(pool, valid_tags, tmp_path, tiny_model):
    flags = ("--valid-tag-path", valid_tags, "--embedding-model", tiny_model, "--json", "--gain", "exact")
    code, stdout, _ = run("sample", pool, "--out", tmp_path / "out.jsonl", "--num", 99, *flags)
    report = json.loads(stdout)
    assert code == 0
    assert report["left_out"] == {
        "not valid JSON": 1,
        "no annotation.instag tags": 1,
        "no usable annotation.deita scores": 1,
    }
    assert (report["rows"], report["pool_rows"], report["labels"]) == (5, 5, 3)
    assert report["warnings"] == ["99 rows are asked for, all 5 are taken"]


def test_the_default_name_has_one_suffix(pool, valid_tags, tiny_model):
    run("sample", pool, "--num", 1, "--valid-tag-path", valid_tags, "--embedding-model", tiny_model)
    assert pool.with_name("pool-sampled-1.jsonl").exists()


def test_a_pool_without_annotations_is_refused(tmp_path, tiny_model):
    path = tmp_path / "plain.jsonl"
    path.write_text('{"instruction": "x", "output": "y"}\n')
    code, _, stderr = run("sample", path, "--embedding-model", tiny_model)
    assert code == 2
    assert "no row has tags and scores" in stderr


def test_the_reference_example_is_read_though_its_third_line_is_broken(tmp_path, tiny_model):
    example = shared("data/annotated/xsample_example.jsonl")
    out = tmp_path / "out.jsonl"
    code, stdout, _ = run("sample", example, "--out", out, "-n", 9, "--embedding-model", tiny_model, "--json")
    report = json.loads(stdout)
    assert code == 0
    assert (report["rows"], report["left_out"]) == (9, {"not valid JSON": 1})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--num", -5), "k must be at least 0"),
        (("--gain", "x"), "gain must be one of"),
        (("--valid-tag-path", "."), "Is a directory"),
    ],
)
def test_a_wrong_flag_is_one_line(pool, tiny_model, flags, message):
    code, _, stderr = run("sample", pool, "--embedding-model", tiny_model, *flags)
    assert code == 2
    assert message in stderr
    assert stderr.count("\n") == 1
