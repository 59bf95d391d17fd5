"""Runs for sources that were held: their annotation once a person let it go on, and then their way into the pool."""

from collections.abc import Collection, Iterator

import dagster as dg

from assets.jobs import MAY_BE_HELD, ingest_and_annotate, rebuild_label_space_and_subsets
from assets.jobs import score_by_language_model as by_language_model
from assets.run_tags import APPROVED, TRIGGER
from mig_dagster.sources.discovery import Discovered, Hold
from mig_dagster.stages.held import is_in_pool, waiting
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL
from mig_dagster.storage import Lake


def runs_to_go_on(discovered: Discovered, lake: Lake, sources: Collection[str]) -> Iterator[dg.RunRequest]:
    """Yield what sources that were held need and no condition asks for; each has a key: asking twice starts one.

    One that a person let go on is annotated. When its rows are, whoever had them annotated, the pool takes them in.

    Args:
        discovered: the log.
        lake: of the home.
        sources: those that have a partition.
    """
    held = [name for name in discovered.holds if name in sources]
    still = set(waiting(discovered, lake, held))
    for name in held:
        hold = discovered.holds[name]
        if name in still and hold.state == "released":
            yield from _annotation(lake, name, hold)
        elif name not in still and not is_in_pool(lake, name):
            key = f"annotated-{name}-{hold.number}"
            yield _run(key, rebuild_label_space_and_subsets.name, ["pool"])


def _annotation(lake: Lake, name: str, hold: Hold) -> Iterator[dg.RunRequest]:
    key = f"released-{name}-{hold.number}"
    yield _run(key, ingest_and_annotate.name, MAY_BE_HELD, name)
    if lake.current("pool_language_model") is not None:  # else IFD and indicators are made when it is trained
        yield _run(f"{key}-by-language-model", by_language_model.name, BY_LANGUAGE_MODEL, name)


def _run(key: str, job: str, assets: Collection[str], source: str | None = None) -> dg.RunRequest:
    chosen = [dg.AssetKey(asset) for asset in assets]
    return dg.RunRequest(
        run_key=key, job_name=job, asset_selection=chosen, partition_key=source, tags={TRIGGER: APPROVED}
    )
