"""The guides: their commands run, their links lead somewhere, and what is written from code is that of the code."""

import importlib.util

import pytest

from .documented import ROOT, blocks, copy_of_checkout, links, run

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
RUN = [page for page in PAGES if blocks(page, "bash") and not page.startswith("docs/methods/")]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUN)
def test_every_command_of_a_guide_runs_in_order(page, tmp_path):
    checkout = copy_of_checkout(tmp_path)
    for block in blocks(page, "bash"):
        run(block, checkout)


def test_the_tutorial_is_among_the_guides_that_run():
    assert "docs/first_hour.md" in RUN


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_of_a_guide_lead_to_files(page):
    folder = (ROOT / page).parent
    assert [target for target in links(page) if not (folder / target).exists()] == []


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("write_reference", ROOT / "docs" / "write_reference.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.pages()


def test_the_reference_is_that_of_the_code(reference):
    """When one differs, run `make pages`."""
    found = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").iterdir()}
    assert found == reference


def test_every_name_of_the_options_file_is_explained(reference):
    named = [line for line in reference["options_file.md"].splitlines() if line.startswith("| `")]
    assert len(named) > 50
    assert [line for line in named if line.endswith("|  |")] == []
