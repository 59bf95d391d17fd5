"""Take the guide's pictures of the report: a subset of the demo's sources, its page from disk, a headless Chromium.

Usage: python docs/take_report_screenshots.py, or `make screenshots`, which takes these as well. Needs the program
chromium; takes a minute or two. Nothing of your own is read or written.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from mig_dagster.demo import SOURCES

IMAGES = Path(__file__).parent / "images"
DESK, PHONE = (1180, 760), (390, 844)
CHARTS = {
    "report_label_map": "label_map",
    "report_information": "information_curve",
    "report_sources": "source_mix",
    "report_scores": "score_histograms",
    "report_embeddings": "embedding_map",
}
"""Each picture's section: its heading, words and first chart."""
COLOURS = 256
"""Of a picture's palette: flat colours, text and the legends' gradients look the same in a third of the bytes."""


def take_report(browser: Browser, folder: Path) -> None:
    """Choose, write the report, and save its charts at desktop width, and its map on a phone."""
    file = _report(folder)
    page = _opened(browser, file, DESK)
    for name, section in CHARTS.items():
        heading, chart = (page.locator(f"#{section} {part}").first for part in ("h2", "[data-chart]"))
        _save(_between(page, heading.bounding_box(), chart.bounding_box()), name)
    phone = _opened(browser, file, PHONE)
    phone.evaluate("document.querySelector('#label_map [data-chart]').scrollIntoView({block: 'center'})")
    phone.wait_for_timeout(500)
    _save(phone.screenshot(), "report_phone")


def _report(folder: Path) -> Path:
    """Choose with three methods from all demo sources; return MIG's page, the others beside it."""
    pool = [f"demo://{name}" for name in SOURCES]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MIG_", "DAGSTER_"))}

    def run(*arguments: str) -> None:
        program = str(Path(sys.executable).with_name("mig-dagster"))
        subprocess.run([program, *arguments, "--home", str(folder / "home")], cwd=folder, env=kept, check=True)

    options = {"mig": ["--option", "gain=exact"], "deita": [], "random": []}
    for method, more in options.items():
        run("select", *pool, "--budget", "10%", "--method", method, *more, "--output", str(folder / method))
    run("report", *(str(folder / method) for method in options), "--output", str(folder / "report"))
    return folder / "report" / "report.html"


def _opened(browser: Browser, file: Path, size: tuple[int, int]) -> Page:
    """Return the page from disk, in light, once every chart is drawn."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
    page.goto(file.as_uri())
    for chart in page.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()
        page.wait_for_timeout(50)
    page.wait_for_function("!document.querySelector('[data-chart]:not([data-drawn])')")
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    page.wait_for_timeout(500)
    return page


def _between(page: Page, first: dict[str, float], last: dict[str, float]) -> bytes:
    """Return the picture of what stands from one box of the page to another below it, with some air around them."""
    air, left = 12, min(first["x"], last["x"])
    height = last["y"] + last["height"] - first["y"] + 2 * air
    clip = {"x": left - air, "y": first["y"] - air, "width": last["width"] + 2 * air, "height": height}
    return page.screenshot(clip=clip, full_page=True)


def _save(picture: bytes, name: str) -> None:
    path = IMAGES / f"{name}.png"
    path.write_bytes(picture)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, 3, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory(prefix="mig-dagster-report-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        take_report(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
