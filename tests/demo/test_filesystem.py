import subprocess
import sys

import fsspec
import pytest
from upath import UPath

import mig_dagster.demo
from mig_dagster.demo.catalogue import demo_files


@pytest.fixture
def demo():
    return fsspec.filesystem("demo")


def test_the_root_lists_the_sources(demo):
    assert [entry["name"] for entry in demo.ls("demo://")] == list(mig_dagster.demo.SOURCES)
    assert {entry["type"] for entry in demo.ls("demo://")} == {"directory"}


@pytest.mark.parametrize("path", ["demo://essays", "demo://essays/", "essays"])
def test_a_source_is_a_folder_of_files(demo, path):
    assert demo.ls(path, detail=False) == ["essays/part-00000.parquet", "essays/part-00001.parquet"]
    assert demo.isdir(path)
    assert not demo.isfile(path)


def test_a_file_tells_its_size_and_keeps_its_time(demo):
    info = demo.info("demo://sql/queries.json")
    assert (info["type"], info["size"]) == ("file", len(demo_files()["sql/queries.json"]))
    assert demo.modified("demo://sql/queries.json") == demo.created("demo://sql/queries.json")
    assert info["mtime"] == demo.modified("sql/queries.json").timestamp()
    assert len(info["ETag"]) == 64
    assert demo.ls("demo://sql/queries.json") == [info]


def test_files_open_as_bytes_and_as_text(demo):
    with fsspec.open("demo://sql/queries.json") as file:
        assert file.read() == demo_files()["sql/queries.json"]
    with fsspec.open("demo://sql/queries.json", "rt", encoding="utf-8") as file:
        assert file.readline() == "[\n"


def test_globs_and_walks_find_files(demo):
    assert demo.glob("demo://*/*.parquet") == ["essays/part-00000.parquet", "essays/part-00001.parquet"]
    assert demo.find("demo://") == sorted(demo_files())


def test_paths_of_universal_pathlib_work():
    folder = UPath("demo://help_desk")
    assert folder.is_dir()
    assert [str(file) for file in folder.iterdir()] == ["demo://help_desk/dialogues.json.gz"]
    assert (folder / "dialogues.json.gz").read_bytes() == demo_files()["help_desk/dialogues.json.gz"]


@pytest.mark.parametrize("call", ["ls", "info", "open"])
def test_what_is_not_there_is_named(demo, call):
    with pytest.raises(FileNotFoundError, match=r"expected one of the sources arithmetic, essays.*poems"):
        getattr(demo, call)("demo://poems")


def test_writing_is_refused(demo):
    with pytest.raises(OSError, match=r"demo:// is read-only, so mode 'wb' is not possible; expected 'rb'"):
        demo.open("demo://sql/new.json", "wb")


def test_another_process_makes_the_same_bytes():
    code = (
        "import hashlib; from mig_dagster.demo.catalogue import demo_files; "
        "print(*(name + hashlib.sha256(data).hexdigest() for name, data in demo_files().items()), end='')"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert made[0] == made[1] != ""


def test_importing_the_package_makes_nothing():
    code = "import sys, mig_dagster.demo; print([m for m in sys.modules if m.startswith(('mig_dagster.', 'pyarrow'))])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['mig_dagster.demo']"
