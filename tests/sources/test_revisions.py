import os
from pathlib import Path

import fsspec
import pytest

from mig_dagster.sources import Source, SourceFileError, files_of, resolve
from mig_dagster.sources import revisions as revisions_module
from tests.sources.writing import ROW, lines, write


@pytest.fixture
def source(tmp_path: Path) -> Source:
    write(tmp_path / "a/a.jsonl", lines(ROW))
    write(tmp_path / "a/b.jsonl", lines(ROW, ROW))
    return Source("s", str(tmp_path / "a"))


def test_a_revision_is_the_content_of_the_files_whatever_their_times(source: Source) -> None:
    before = resolve(source)
    os.utime(Path(source.uri) / "a.jsonl", (1, 1))
    after = resolve(source)
    assert before.id == after.id
    assert [file.sha256 for file in before.files] == [file.sha256 for file in after.files]
    assert before.files[0].stamp != after.files[0].stamp
    assert (len(before.id), before.size) == (32, sum(len(lines(*[ROW] * n)) for n in (1, 2)))


def test_content_names_and_number_of_files_change_the_revision(source: Source) -> None:
    folder, seen = Path(source.uri), [resolve(source).id]
    write(folder / "a.jsonl", lines(ROW | {"output": "6"}))
    seen.append(resolve(source).id)
    (folder / "a.jsonl").rename(folder / "c.jsonl")
    seen.append(resolve(source).id)
    (folder / "c.jsonl").unlink()
    seen.append(resolve(source).id)
    assert len(set(seen)) == 4


def test_a_source_elsewhere_with_the_same_files_has_the_same_revision(source: Source, tmp_path: Path) -> None:
    Path(source.uri).rename(tmp_path / "moved")
    assert resolve(Source("other", str(tmp_path / "moved"))).id == _id_of(tmp_path / "moved")


def _id_of(folder: Path) -> str:
    return resolve(Source("s", f"{folder}/*.jsonl")).id


def test_only_files_that_may_have_changed_are_read_again(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    known = resolve(source)
    write(Path(source.uri) / "b.jsonl", lines(ROW, ROW, ROW))
    hashed = []
    monkeypatch.setattr(revisions_module, "sha256", _counted(hashed))
    again = resolve(source, known)
    assert len(hashed) == 2  # the changed file, and the revision itself
    monkeypatch.undo()
    assert again == resolve(source)


def _counted(hashed: list[bytes]):
    from hashlib import sha256

    def counted(data: bytes = b""):
        hashed.append(data)
        return sha256(data)

    return counted


def test_a_file_system_without_times_is_read_every_time() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/revisions/a.jsonl": lines(ROW)})
    source = Source("s", "memory://revisions")
    known = resolve(source)
    memory.pipe({"/revisions/a.jsonl": lines(ROW | {"output": "6"})})
    assert resolve(source, known).id != known.id
    memory.rm("/revisions", recursive=True)


def test_a_source_without_files_has_no_revision(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="is no file, and no folder"):
        resolve(Source("s", str(tmp_path / "none")))


def test_a_file_that_cannot_be_read_has_no_revision(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.open", refuse)
    with pytest.raises(SourceFileError, match=r"a.jsonl: cannot be read \(not yours\)"):
        resolve(source)


@pytest.mark.parametrize("look", [resolve, files_of])
def test_what_only_hub_sources_have_is_refused_elsewhere(source: Source, look) -> None:
    """It would be taken for a choice of rows that nobody made."""
    with pytest.raises(SourceFileError, match="`config`, `split` can be said of its datasets only"):
        look(Source("s", source.uri, config="en", split="test"))
