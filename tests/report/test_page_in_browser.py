"""The page in a real browser, from disk: drawn whole, on a desk and on a phone, and deaf to what rows say."""

import shutil
from pathlib import Path

import pytest

from mig_dagster.report.figure import Listing
from mig_dagster.report.figures import FIGURES
from mig_dagster.report.page import report_page
from tests.e2e.conftest import require
from tests.report.small_report import small_inputs
from tests.report.test_page import HEAD, planted

pytestmark = pytest.mark.e2e
WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
NOT_BLANK = """element => {
  const canvas = element.querySelector("canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size > 8;
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    given = small_inputs()
    file = tmp_path_factory.mktemp("report") / "report.html"
    table = planted()
    sortable = Listing("Sorted", ["number", "name"], [(10, "b"), (9, "a"), (None, "c"), (100.5, "")])
    table.parts.append(sortable)
    file.write_text(report_page(HEAD, [*(figure(given) for figure in FIGURES), table]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "the page is looked at in chromium, which is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def opened(request, browser, report):
    """Return the page after every chart came into view, with what it asked for and complained of."""
    width, height = WIDTHS[request.param]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    for place in page.locator("[data-chart]").all():
        place.scroll_into_view_if_needed()
        page.wait_for_timeout(30)
    page.wait_for_function("!document.querySelector('[data-chart]:not([data-drawn])')")
    yield page, asked, complaints
    page.close()


both = pytest.mark.parametrize("opened", WIDTHS, indirect=True)
desk = pytest.mark.parametrize("opened", ["desk"], indirect=True)


@both
def test_the_page_opens_without_a_complaint_asks_for_nothing_and_fits(opened, report):
    page, asked, complaints = opened
    assert not complaints
    assert asked == [report.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@both
def test_every_chart_is_drawn(opened):
    page, _, _ = opened
    charts = page.locator("[data-chart]").all()
    assert charts
    for chart in charts:
        assert chart.evaluate(NOT_BLANK), chart.get_attribute("aria-label")


@both
def test_what_rows_say_is_shown_and_not_done(opened):
    page, _, _ = opened
    for summary in page.locator("summary").all():
        summary.evaluate("element => element.parentElement.open = true")
    assert page.title() != "taken over"
    assert "<script>document.title" in page.inner_text("#planted")
    assert page.locator("main img, main script").count() == 0


@desk
def test_a_tip_over_a_chart_shows_what_a_row_says_as_text(opened):
    page, _, _ = opened
    page.locator("#planted [data-chart]").scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # the way there is a slide, and the tip goes away on it
    box = page.locator("#planted canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.8)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.85)
    page.wait_for_selector("#tip dl")
    assert "<script>document.title" in page.inner_text("#tip")
    assert page.locator("#tip img, #tip script").count() == 0


@desk
def test_tables_sort_by_click_and_by_key(opened):
    page, _, _ = opened
    table = page.locator("#planted table").last
    first = table.locator("tbody tr td:first-child")
    number, name = table.locator("th button").all()
    number.click()
    assert first.all_inner_texts() == ["100.5", "10", "9", ""]
    assert table.locator("th").first.get_attribute("aria-sort") == "descending"
    number.press("Enter")
    assert first.all_inner_texts() == ["9", "10", "100.5", ""]
    name.press("Space")
    assert table.locator("tbody tr td:last-child").all_inner_texts() == ["a", "b", "c", ""]
    assert [each.get_attribute("aria-sort") for each in table.locator("th").all()] == ["none", "ascending"]


@desk
def test_dark_is_another_page_with_charts_drawn_again(opened):
    page, _, complaints = opened
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.locator("#theme").click()
    page.wait_for_function("!document.querySelector('[data-drawn=light]')")
    assert page.evaluate(background) != light
    assert all(chart.evaluate(NOT_BLANK) for chart in page.locator("[data-chart]").all())
    assert not complaints


def test_who_prefers_dark_gets_dark(browser, report):
    page = browser.new_page(color_scheme="dark")
    page.goto(report.as_uri())
    page.wait_for_selector("[data-drawn=dark]")
    page.close()


def test_on_paper_a_dark_page_is_black_on_white_and_its_charts_stay_on_dark(browser, report):
    page = browser.new_page(color_scheme="dark")
    page.goto(report.as_uri())
    page.wait_for_selector("[data-drawn=dark]")
    page.emulate_media(media="print", color_scheme="dark")
    style = "selector => getComputedStyle(document.querySelector(selector))"
    assert page.evaluate(f"({style})('h1').color") == "rgb(29, 39, 51)"
    assert page.evaluate(f"({style})('body').backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(f"({style})('[data-drawn=dark]').backgroundColor") == "rgb(27, 33, 39)"
    page.close()
