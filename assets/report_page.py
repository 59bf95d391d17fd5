"""The report's page in the home, and the links that lead there."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from mig_dagster.report.inputs import ReportInputs
from mig_dagster.stages.report.files import PAGE, build_report
from mig_dagster.stages.report.server import REPORTS
from resources.home import MigHome


def page_path(asset: str) -> str:
    """Return the name of an asset's page in the home."""
    return f"{REPORTS}/{asset}/{PAGE}"


def publish_page(
    home: MigHome, asset: str, given: ReportInputs, made_from: Mapping[str, str], tell: Callable[[int, int], None]
) -> dict[str, Any]:
    """Put the page and its tables into the home, the page last, and return what the UI shows of them.

    A browser opens no file that a page from a server links to: the link is there where reports are served.

    Args:
        home: of the project.
        asset: whose page it is, and the name of its folder.
        given: what the figures are made from.
        made_from: data versions, by asset or asset/source.
        tell: told how many figures of how many are made.
    """
    folder = f"{REPORTS}/{asset}"
    with home.store.workspace() as aside:
        built = build_report(aside, given, made_from, tell)
        for name in built.bytes:
            home.store.publish_file(built.folder / name, f"{folder}/{name}")
    for path in home.store.list(folder):
        if path.removeprefix(f"{folder}/") not in built.bytes:
            home.store.remove(path)
    link = (
        {"report": dg.MetadataValue.url(f"{home.reports_url.rstrip('/')}/{asset}/{PAGE}")} if home.reports_url else {}
    )
    return {
        **link,
        "report_file": dg.MetadataValue.path(home.store.uri(page_path(asset))),
        "report_megabytes": built.bytes[PAGE] / 1e6,
        "report_lacks": [f"{title}: {why}" for title, why in built.missing.items()],
    }
