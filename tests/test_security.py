"""What no file of the project does: hold a secret, or run code that comes with data."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
CODE = ("mig_dagster", "assets", "resources", "deploy", "docs", "benchmarks")

_ASKED = "(trust_remote_code={}spec.trust_remote_code)"
ALLOWED: set[tuple[str, str]] = {
    # Off unless a person switches it on for a model in the options file.
    ("mig_dagster/annotations/encoder.py", f"SentenceTransformer{_ASKED.format('self.')}"),
    ("mig_dagster/annotations/encoder_tokens.py", f"AutoConfig.from_pretrained{_ASKED.format('')}"),
    ("mig_dagster/annotations/encoder_tokens.py", f"AutoTokenizer.from_pretrained{_ASKED.format('')}"),
    # Only the exception that torch raises for a file that it will not read.
    ("mig_dagster/annotations/quality/iqs_checkpoint.py", "import pickle"),
    # An unpickler that puts tensors together and nothing else, run by hand (test_convert_iqs.py).
    ("mig_dagster/annotations/quality/convert_iqs.py", "import pickle"),
    ("mig_dagster/annotations/quality/convert_iqs.py", "torch.load without weights_only=True"),
}
"""Pairs of a file and what it may do although the scan forbids it; a new one needs a reason beside it."""

UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "pd.read_pickle"}
NEEDED = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}

KEYS = re.compile(
    r"AKIA[0-9A-Z]{16}|\bhf_[A-Za-z]{30,}|\bghp_[A-Za-z0-9]{36}|\bsk-[A-Za-z0-9]{32,}|xox[bp]-[0-9A-Za-z-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^\s/:@{}$<>\"']+:[^\s/@{}$<>\"']+@"
)
SECRET_NAME = re.compile(r"password|secret|token|access_key", re.IGNORECASE)


def tracked(*suffixes: str) -> list[Path]:
    """Return the files of the project, new ones included, that end in one of these."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [ROOT / name for name in names if name.endswith(suffixes) and (ROOT / name).is_file()]


def offences(tree: ast.AST) -> list[str]:
    """Return what a module does that could run code out of data."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [f"import {name.name}" for name in node.names if name.name.split(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNSAFE_MODULES:
            found.append(f"import {node.module}")
        elif isinstance(node, ast.Call):
            found += _offences_of(node)
    return found


def _offences_of(call: ast.Call) -> list[str]:
    name = ast.unparse(call.func)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    found = [name] if name in UNSAFE_CALLS else []
    if name in NEEDED:
        option, value = NEEDED[name]
        if not (isinstance(given.get(option), ast.Constant) and given[option].value is value):
            found.append(f"{name} without {option}={value}")
    for option, safe in (("trust_remote_code", False), ("allow_pickle", False), ("shell", False)):
        if option in given and not (isinstance(given[option], ast.Constant) and given[option].value is safe):
            found.append(f"{name}({option}={ast.unparse(given[option])})")
    return found


def test_no_code_of_ours_runs_what_data_says():
    found = {
        (str(path.relative_to(ROOT)), offence)
        for path in tracked(".py")
        if path.relative_to(ROOT).parts[0] in CODE
        for offence in offences(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=asked)",
        "subprocess.run(command, shell=True)",
        "eval(text)",
        "yaml.load(text)",
    ],
)
def test_the_scan_finds_what_it_looks_for(code):
    assert offences(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "torch.load(path, weights_only=True)",
        "np.load(path, allow_pickle=False)",
        "model.eval()",
        "yaml.safe_load(text)",
        "pl.col('a').list.eval(parts)",
    ],
)
def test_the_scan_leaves_alone_what_is_safe(code):
    assert offences(ast.parse(code)) == []


def test_no_file_holds_a_key():
    text = {path: path.read_text(encoding="utf-8", errors="replace") for path in tracked("")}
    assert {str(path): found[0] for path, content in text.items() if (found := KEYS.search(content))} == {}


def yaml_leaves(node: object, name: str = "") -> list[tuple[str, object]]:
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in yaml_leaves(value, f"{name}.{key}")]
    if isinstance(node, list):
        return [leaf for value in node for leaf in yaml_leaves(value, name)]
    return [(name, node)]


def test_no_yaml_file_holds_a_secret():
    """A secret's value comes from the environment: `{env: NAME}`, `${NAME...}`, or nothing beside the name."""
    leaves = [
        (path.name, name, value)
        for path in tracked(".yaml", ".yml")
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        for name, value in yaml_leaves(document)
    ]
    secrets = [leaf for leaf in leaves if SECRET_NAME.search(leaf[1])]
    assert len(secrets) >= 5
    written = [leaf for leaf in secrets if not leaf[1].endswith(".env")]
    assert [leaf for leaf in written if leaf[2] is not None and not str(leaf[2]).startswith("${")] == []


def test_the_example_of_the_environment_has_no_secrets_in_it():
    lines = (ROOT / "deploy" / ".env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.lstrip("#").split("=", 1) for line in lines if "=" in line and not line.startswith("# "))
    assert {value for name, value in values.items() if SECRET_NAME.search(name)} == {""}
