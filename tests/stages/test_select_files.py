"""Files in, a subset out: what is said before any model is loaded, and the folder's own name."""

import json

import pytest

from mig_dagster.annotations import FragmentCache
from mig_dagster.sources import Source
from mig_dagster.stages.file_pool import file_lake
from mig_dagster.stages.label_space import VocabularyOptions
from mig_dagster.stages.pool_options import EncoderOptions, GraphOptions, ModelOptions, PoolOptions
from mig_dagster.stages.select_files import select_files
from mig_dagster.storage import Store


def select(path, output, model, cache, method="mig", changes=None, budget="100%", **settings):
    options = PoolOptions(
        encoder=EncoderOptions(model=str(model)),
        label_vocabulary=VocabularyOptions(min_count=1, merge_distance=None),
        **(changes or {}),
    )
    return select_files(
        [Source("mine", str(path))],
        output,
        method=method,
        budget=budget,
        settings=settings,
        options=options,
        cache=FragmentCache(Store(cache)),
        lake=file_lake(str(cache)),
        models=cache,
        on_progress=lambda what, done, total: None,
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"instruction": "sing", "output": "la la"}) + "\n")
    return path


def test_a_folder_named_by_a_dot_still_has_a_name(path, tmp_path, tiny_model, monkeypatch):
    folder = tmp_path / "chosen"
    folder.mkdir()
    monkeypatch.chdir(folder)
    select(path, type(path)("."), tiny_model, tmp_path / "cache", gain="exact")
    assert json.loads((folder / "selection.lock.json").read_text())["name"] == "chosen"
    assert "# chosen\n" in (folder / "README.md").read_text()


def test_files_without_an_acceptable_row_say_why_before_a_model_is_loaded(path, tmp_path):
    path.write_text('{"instruction": "a", "output": ""}\n{"instruction": "b", "output": ""}\n{broken\n')
    with pytest.raises(ValueError, match=r"no row was accepted \(empty_answer 2, invalid_json 1\): try"):
        select(path, tmp_path / "out", tmp_path / "no model", tmp_path / "cache")
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_refused_before_anything_is_read(path, tmp_path):
    with pytest.raises(ValueError, match="is a file; name a folder: the subset is a folder of several files"):
        select(path, path, tmp_path / "no model", tmp_path / "cache")


def test_a_method_that_reads_no_signal_needs_no_model(path, tmp_path):
    chosen = select(path, tmp_path / "out", tmp_path / "no model", tmp_path / "cache", method="random")
    assert chosen.files.rows == 1
    lock = json.loads((tmp_path / "out" / "selection.lock.json").read_text())
    assert (lock["scorer"], lock["annotators"]) == ("not used", {})
    assert set(lock["inputs"]) == {"raw_pool/mine", "source_revisions/mine", "pool"}


def test_rows_too_few_for_a_language_model_of_their_own_are_told_what_to_do(path, tmp_path, tiny_model, tiny_llama):
    with pytest.raises(ValueError, match=r"^ifd_scores cannot be made: .* `language_model` in --config"):
        select(path, tmp_path / "out", tiny_model, tmp_path / "cache", method="ifd")
    named = {"language_model": ModelOptions(str(tiny_llama))}
    made = select(path, tmp_path / "out", tiny_model, tmp_path / "cache", method="ifd", changes=named, upper=1e9)
    assert made.files.rows == 1


def test_a_rule_over_indicators_that_nothing_measures_is_refused_before_anything_is_read(path, tmp_path, tiny_model):
    with pytest.raises(ValueError, match=r"the rule reads coh, nat, und, which nothing measures here: set indicators"):
        select(path, tmp_path / "out", tmp_path / "no model", tmp_path / "c", method="instruct_mining", rule="v2")


def test_a_share_that_is_none_is_refused_before_anything_is_read(path, tmp_path):
    with pytest.raises(ValueError, match=r"max_null_share must be a number in 0\.\.1, got 5"):
        select(path, tmp_path / "out", tmp_path / "no model", tmp_path / "cache", changes={"max_null_share": 5})


def test_the_lock_pins_the_label_graph_and_everything_set_before_the_method(path, tmp_path, tiny_model):
    asked = ("write a python function", "translate this poem", "solve the equation x + 1 = 2")
    path.write_text("".join(json.dumps({"instruction": ask, "output": "done"}) + "\n" for ask in asked))
    locks = []
    for threshold in (0.001, 0.999):
        changes = {"label_graph": GraphOptions(threshold=threshold)}
        select(path, tmp_path / "out", tiny_model, tmp_path / "cache", changes=changes, gain="exact")
        locks.append(json.loads((tmp_path / "out" / "selection.lock.json").read_text()))
    first, second = (lock["inputs"] for lock in locks)
    assert {name for name in first if first[name] != second[name]} == {"label_graph"}
    assert {"pool", "label_vocabulary", "raw_pool/mine", "tags/mine"} <= set(first)
    assert [lock["pool_options"]["label_graph"]["threshold"] for lock in locks] == [0.001, 0.999]
    assert locks[0]["pool_options"]["label_vocabulary"]["min_count"] == 1
    assert "subset_export" not in locks[0]["pool_options"]  # it has no say in what is chosen
    assert locks[0]["nested"] is True


def test_a_budget_in_tokens_counts_them_and_says_so_in_lock_and_card(tmp_path, tiny_model):
    path = tmp_path / "mine.jsonl"
    rows = [{"instruction": f"sing {i}", "output": "la " * (i + 1)} for i in range(8)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    chosen = select(path, tmp_path / "out", tiny_model, tmp_path / "cache", method="random", budget="40tok")
    lock = json.loads((tmp_path / "out" / "selection.lock.json").read_text())
    used = lock["tokens"]["used"]["tokens"]
    assert 0 < used <= lock["tokens"]["asked"] == 40
    assert chosen.info["tokens"] == lock["tokens"]
    assert "token_counts/mine" in lock["inputs"]
    assert f"Tokens: {used}, of which" in (tmp_path / "out" / "README.md").read_text()
