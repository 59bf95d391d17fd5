import json
import subprocess
import sys

import pytest

from mig_dagster.cli.settings import method_settings
from mig_dagster.selection import METHODS, options, reads
from tests.cli.running import run


def test_every_method_is_listed_with_what_it_reads_and_its_options():
    code, stdout, _ = run("methods", "--json")
    assert code == 0
    listed = {method["name"]: method for method in json.loads(stdout)["methods"]}
    assert set(listed) == set(METHODS)
    for name, method in METHODS.items():
        assert listed[name]["reads"] == list(reads(method))
        assert set(listed[name]["options"]) == set(options(method))
        assert listed[name]["what"].endswith(".")


def test_people_see_defaults_as_an_option_takes_them():
    code, stdout, _ = run("methods")
    assert code == 0
    assert "phi_a=1e-06" in stdout
    assert "norm=false" in stdout
    assert "coefficients=null" in stdout


def test_no_name_or_default_is_cut_at_the_default_width():
    _, machine, _ = run("methods", "--json")
    _, stdout, _ = run("methods")
    lines = stdout.splitlines()
    for method in json.loads(machine)["methods"]:
        begin = lines.index(f"{method['name']}: {method['what']}")
        assert lines[begin + 1] == f"  reads {', '.join(method['reads'])}"
        shown = lines[begin + 2 : begin + 2 + len(method["options"])]
        assert [line.partition("=")[0] for line in shown] == [f"  --option {name}" for name in method["options"]]
    assert "…" not in stdout


@pytest.mark.parametrize("command", ["select", "compare"])
def test_help_lists_the_methods(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, stdout, _ = run(command, "--help")
    assert code == 0
    for name in METHODS:
        assert f"{name}: " in stdout


@pytest.mark.parametrize(
    ("command", "said"), [("select", "Files, folders"), ("trace", "A row id"), ("sample", "Annotated pool")]
)
def test_help_says_what_arguments_are(command, said, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert said in run(command, "--help")[1]


def test_help_and_the_list_load_no_model_library():
    script = (
        "import sys; from typer.testing import CliRunner; from mig_dagster.cli import app\n"
        "for args in (['select', '--help'], ['compare', '--help'], ['methods']):\n"
        "    assert CliRunner().invoke(app, args).exit_code == 0\n"
        "print([name for name in ('torch', 'sklearn', 'transformers', 'dagster') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_option_of_names_and_numbers_can_be_given():
    given = method_settings("instruct_mining", ["rule=fitted", "coefficients={constant: 1, rew: -0.5}"])
    assert given == {"rule": "fitted", "coefficients": {"constant": 1.0, "rew": -0.5}}
    with pytest.raises(ValueError, match=r"--option coefficients: expected names and values as \{a: 1, b: 2\}, got"):
        method_settings("instruct_mining", ["coefficients={: [}"])
