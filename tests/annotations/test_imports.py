import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def loaded_after(*modules):
    code = f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in json.loads(result.stdout)}


def test_annotations_run_where_neither_dagster_nor_polars_is_installed_and_load_no_model_library():
    """The whole package is imported here, so that no module of it is heavy for the others."""
    files = (ROOT / "mig_dagster" / "annotations").rglob("*.py")
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files if path.stem != "__init__"]
    loaded = loaded_after("mig_dagster.annotations", *modules)
    heavy = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "huggingface_hub"}
    assert not loaded & (heavy | {"dagster", "polars", "pyarrow", "duckdb", "fsspec", "upath", "rich"})
