"""`mig-dagster report` and `serve-reports` as users call them."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.cli.running import run
from tests.e2e.conftest import free_port

TOPICS = ["algebra", "poetry", "travel", "biology", "chess"]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """Folders of three choices from one pool and one from another, with their home and options."""
    from tests.dag.tiny import save_encoder

    folder = tmp_path_factory.mktemp("chosen")
    document = {
        "encoder": {"model": str(save_encoder(tmp_path_factory.mktemp("encoder")))},
        "label_vocabulary": {"min_count": 1, "merge_distance": None},
        "label_graph": {"target_mean_degree": 2.0},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(document))
    for name, count in (("pool", 40), ("other", 20)):
        rows = [
            {"instruction": f"Explain {TOPICS[i % 5]} exercise {i}", "output": f"{TOPICS[i % 3]} {i}. " * (i % 6 + 1)}
            for i in range(count)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for pool, method in (("pool", "mig"), ("pool", "deita"), ("pool", "car"), ("other", "random")):
        select = ["select", folder / f"{pool}.jsonl", "--method", method, "--budget", "10"]
        code, _, stderr = run(*select, "--output", folder / method, "--home", folder / "home", *config(folder))
        assert code == 0, stderr
    return folder


def config(folder: Path) -> list:
    return ["--config", folder / "config.yaml"]


def test_a_page_of_stored_subsets_is_written_with_its_tables(chosen, tmp_path):
    names = [chosen / name for name in ("mig", "deita", "car")]
    code, stdout, stderr = run(
        "report", *names, "--output", tmp_path / "out", "--home", chosen / "home", *config(chosen), "--json"
    )
    assert code == 0, stderr
    made = json.loads(stdout)
    assert {each.name for each in (tmp_path / "out").iterdir()} == set(made["bytes"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<h1>mig</h1>" in page
    assert "10 of 40 rows, chosen by mig. It stands beside 2 other choices." in page
    pairs = pl.read_parquet(tmp_path / "out" / "overlap_pairs.parquet")
    assert pairs.select("subset", "other").rows() == [("mig", "deita"), ("mig", "car"), ("deita", "car")]


def test_people_are_told_where_the_page_is_and_what_it_lacks(chosen, tmp_path):
    code, stdout, stderr = run(
        "report", chosen / "random", "--output", tmp_path, "--home", chosen / "home", *config(chosen)
    )
    assert code == 0
    assert f"{tmp_path}/report.html" in stdout
    assert "warning: Information against budget: the pool has no tags" in stderr


def test_choices_from_several_pools_are_refused(chosen, tmp_path):
    names = [chosen / "mig", chosen / "random"]
    code, _, stderr = run("report", *names, "--output", tmp_path / "out", "--home", chosen / "home", *config(chosen))
    assert code == 2
    assert "was chosen from another pool" in stderr
    assert not (tmp_path / "out").exists()


def test_a_subset_that_is_not_there_is_a_usage_error(tmp_path):
    code, _, stderr = run("report", "mig", "--output", tmp_path / "out", "--home", tmp_path)
    assert code == 2
    assert "no subset 'mig'" in stderr


def test_the_server_ends_with_the_process_that_started_it(tmp_path):
    page = tmp_path / "reports" / "selection_report" / "report.html"
    page.parent.mkdir(parents=True)
    page.write_text("page")
    port = free_port()
    program = Path(sys.executable).with_name("mig-dagster")
    serve = f"{program} serve-reports --port {port} --home {tmp_path} --end-with-parent & exec sleep 120"
    parent = subprocess.Popen(["bash", "-c", serve], stdout=subprocess.DEVNULL)
    try:
        until(lambda: answers(port), "no answer")
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not answers(port), "the server is still there")


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/selection_report/report.html", timeout=5) as found:
            return found.read() == b"page"
    except OSError:
        return False


def until(condition, complaint: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.3)
