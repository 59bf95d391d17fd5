import json

import pytest

from tests.cli.running import run


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A subset chosen by the command line, in its folder beside its home."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "mine.jsonl").write_text(
        "".join(json.dumps({"instruction": f"say {i}", "output": "x" * i}) + "\n" for i in range(1, 9))
    )
    given = ("--method", "longest", "--budget", 3, "--output", folder / "out", "--home", folder / "home")
    assert run("select", folder / "mine.jsonl", *given)[0] == 0
    return folder / "out"


def test_a_subset_that_comes_out_again_is_verified(out):
    code, stdout, stderr = run("verify", out, "--home", out.parent / "home")
    assert (code, stdout, stderr) == (0, f"verified bit for bit: {out} of longest, 3 rows\n", "")


def test_machines_get_the_whole_verdict(out):
    code, stdout, _ = run("verify", out, "--home", out.parent / "home", "--json")
    told = json.loads(stdout)
    assert (code, told["passed"], told["state"], told["because"]) == (0, True, "verified", [])
    assert (told["method"], told["rows"], told["environment"], told["device"]) == ("longest", 3, {}, "cpu")


def test_a_changed_file_is_named_and_the_exit_code_is_1(out, tmp_path):
    for path in out.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "train.jsonl").write_text("{}\n")
    code, stdout, _ = run("verify", tmp_path, "--home", out.parent / "home")
    assert code == 1
    assert stdout.startswith(f"differs: {tmp_path} of longest, 3 rows\n  train.jsonl is not what was written: ")


def test_another_home_cannot_verify(out, tmp_path):
    code, stdout, _ = run("verify", out, "--home", tmp_path)
    assert code == 1
    assert stdout.startswith(f"cannot verify: {out}\n  ")
    assert "it was made with another --home" in stdout


def test_a_name_that_is_no_subset_is_a_mistake_of_the_user(tmp_path):
    code, _, stderr = run("verify", "nothing", "--home", tmp_path)
    assert code == 2
    assert "no subset 'nothing': expected a folder with selection.lock.json" in stderr
