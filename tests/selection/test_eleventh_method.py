"""One more method is one file and one line: the laws, the asset and its options follow by themselves."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
METHOD = '''"""SHORTEST: the rows with least text.

Paper       none, an example
Reference   none
Departures  none
"""

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_k, check_scores
from mig_dagster.selection.base import Selection, method
from mig_dagster.selection.top_k import top_k


@method
def shortest(k: int, *, lengths: ArrayLike, at_least: int = 0) -> Selection:
    """Choose the shortest rows.

    Args:
        k: how many.
        lengths: of each row.
        at_least: what counts as this long at least.
    """
    values = np.maximum(check_scores(lengths, name="lengths"), at_least)
    rows = top_k(check_k(k, len(values)), -values)
    return Selection(rows, -values[rows])
'''
LINE = "from mig_dagster.selection.shortest import shortest as shortest\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code with the file and the line added."""
    folder = tmp_path_factory.mktemp("eleventh")
    for package in ("mig_dagster", "assets", "resources", "tests"):
        shutil.copytree(CHECKOUT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    (folder / "mig_dagster/selection/shortest.py").write_text(METHOD)
    with (folder / "mig_dagster/selection/__init__.py").open("a") as listed:
        listed.write(LINE)
    return folder


def run(checkout: Path, *command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_every_law_is_tried_on_it(checkout):
    report = run(
        checkout, "-m", "pytest", "tests/selection/test_laws.py", "-k", "shortest", "-q", "-p", "no:cacheprovider"
    )
    assert int(report.rsplit(" passed", 1)[0].split()[-1]) > 40


def test_it_has_an_asset_that_reads_what_it_reads_and_takes_its_options(checkout):
    code = """
import json
from assets.subsets import subsets
(asset,) = [each for each in subsets if each.key.path == ["shortest_subset"]]
print(json.dumps([
    sorted(key.to_user_string() for key in asset.dependency_keys),
    sorted(asset.op.config_schema.config_type.fields),
    asset.descriptions_by_key[asset.key].split(chr(10))[0],
]))
"""
    depends, fields, description = json.loads(run(checkout, "-c", code).splitlines()[-1])
    assert depends == ["pool"]
    assert fields == ["accept_mixed_annotators", "at_least", "budget", "max_null_share"]
    assert description == "SHORTEST: the rows with least text."


def test_it_is_in_the_job_that_makes_all_subsets(checkout):
    code = """
from mig_dagster.definitions import defs
job = defs().resolve_job_def("compare_methods")
print(sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys))
"""
    assert "'shortest_subset'" in run(checkout, "-c", code)
