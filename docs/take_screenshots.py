"""Take the README's picture of the asset graph from a running UI: `make screenshots` while `make dev` runs.

Usage: python docs/take_screenshots.py http://127.0.0.1:3000
"""

import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
SHOWN = '+key:"subset_export"'
"""The whole graph is taller than a page: what leads to one subset shows its shape."""
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def take(base: str) -> None:
    """Save the asset graph up to MIG's export, groups open, as `images/asset_graph.png`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1700, "height": 1080})
        page.goto(f"{base}/asset-groups~{quote(SHOWN)}/", wait_until="networkidle")
        page.get_by_text("label_space").first.wait_for()
        page.keyboard.press("Alt+E")  # open every group
        page.get_by_text("mig_subset").first.wait_for()
        page.wait_for_timeout(2000)  # the layout moves into place
        page.screenshot(path=IMAGES / "asset_graph.png")
        browser.close()


take(sys.argv[1].rstrip("/"))
