import json

from mig_dagster.sources import Source, resolve
from mig_dagster.sources.refresh import refresh_plan
from tests.sources.writing import ROW, lines, write


def test_the_plan_says_what_changed_in_each_source_before_anything_is_read(tmp_path, hub):
    old, new = lines(ROW), lines(ROW, ROW)
    for name in ("kept", "gone", "edited"):
        write(tmp_path / f"files/{name}.jsonl", old)
    hub.commit("org/rows", {"train.jsonl": old.decode()})
    files = Source("files", str(tmp_path / "files"))
    rows = Source("rows", "hf://datasets/org/rows")
    lost = Source("lost", str(tmp_path / "lost"))
    known = {source.name: resolve(source) for source in (files, rows)}
    write(tmp_path / "files/edited.jsonl", new)
    write(tmp_path / "files/more.jsonl", old)
    (tmp_path / "files/gone.jsonl").unlink()
    commit = hub.commit("org/rows", {"README.md": "# Rows"})

    plan = refresh_plan([files, rows, lost, Source("fresh", str(tmp_path / "files/kept.jsonl"))], known)

    assert json.loads(json.dumps(plan)) == plan
    assert [line["state"] for line in plan] == ["changed", "changed", "unreadable", "new"]
    assert plan[0]["files"] == [
        {"path": "edited.jsonl", "change": "changed", "old_size": len(old), "new_size": len(new)},
        {"path": "gone.jsonl", "change": "removed", "old_size": len(old), "new_size": None},
        {"path": "more.jsonl", "change": "added", "old_size": None, "new_size": len(old)},
    ]
    assert (plan[1]["kind"], plan[1]["new"], plan[1]["files"]) == ("commit", commit, [])
    assert "is no file, and no folder" in plan[2]["problem"]
    assert (plan[3]["old"], plan[3]["bytes"]) == (None, len(old))


def test_a_source_that_did_not_change_has_nothing_to_do(tmp_path):
    write(tmp_path / "a.jsonl", lines(ROW))
    source = Source("s", str(tmp_path))
    (line,) = refresh_plan([source], {"s": resolve(source)})
    assert (line["state"], line["files"], line["problem"]) == ("unchanged", [], None)
