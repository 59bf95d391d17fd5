import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_methods_pages_are_those_of_their_docstrings():
    """When one differs, run docs/write_method_pages.py."""
    spec = importlib.util.spec_from_file_location("write_method_pages", DOCS / "write_method_pages.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "methods").iterdir()} == script.pages()
