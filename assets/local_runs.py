"""The whole graph as real Dagster runs: one for each source, what is made from all of them, the methods side by side.

Nothing but this process is needed; the runs are in the instance afterwards, so the UI shows them.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import polars as pl

from assets.partitions import source_partitions
from assets.report_page import page_path
from assets.reported import all_reported, event_of
from assets.source_changes import find_changes
from mig_dagster.selection import METHODS
from mig_dagster.sources import Source
from mig_dagster.storage import Manifest
from resources.home import MigHome
from resources.registry import SourceRegistry

T = TypeVar("T")

CHECKOUT = Path(__file__).parents[1]
QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
DEMO_OPTIONS = {"ops": {"mig_subset": {"config": {"gain": "exact"}}}}
"""The demo's budget is far below twice its number of labels, where the gradient rule of the default falls behind."""
DEMO_TRAINING = {"ops": {"pool_language_model": {"config": {"steps": 150}}}}
"""The demo's texts are made by rule: what a model can learn of them it learns in a sixth of the default's steps."""


@dataclass(frozen=True)
class LocalRun:
    """One run: `start` executes it, raises when it fails, and returns what came out in a few words."""

    name: str
    start: Callable[[], str]


@contextmanager
def local_instance() -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME (default: `.dagster_home` here), with our dagster.yaml or its own."""
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(CHECKOUT / ".dagster_home"))).absolute()
    home.mkdir(parents=True, exist_ok=True)
    settings, there = CHECKOUT / "dagster.yaml", home / "dagster.yaml"
    if not there.exists() or _first_line(there) == _first_line(settings):
        shutil.copyfile(settings, there)
    with dg.DagsterInstance.get() as instance:
        yield instance


def _first_line(settings: Path) -> str:
    """Return what tells this project's settings from those a person put in their place."""
    return settings.read_text(encoding="utf-8").partition("\n")[0]


def demo_runs(definitions: dg.Definitions, instance: dg.DagsterInstance) -> list[LocalRun]:
    """Return the runs that take the registered demo sources through the whole graph.

    Their partitions and revisions are reported to the instance first, as the sensor would.

    Raises:
        LookupError: sources.yaml has no `demo://` source.
    """
    registry = _resource(definitions, "registry", SourceRegistry)
    sources = {name: source for name, source in registry.load().items() if source.uri.startswith("demo://")}
    if not sources:
        raise LookupError(f"{registry.path} names no demo:// source: add one, as `- name: sql` with `uri: demo://sql`")
    _report_sources(instance, sources)
    home = _resource(definitions, "home", MigHome)
    execute = partial(_execute, definitions, instance)
    return [
        *(LocalRun(name, partial(_source_run, execute, home, name)) for name in sources),
        LocalRun("the pool's language model", partial(_training_run, execute, home)),
        *(LocalRun(f"{name}: IFD, indicators", partial(_scoring_run, execute, name)) for name in sources),
        LocalRun("pool, label graph, MIG subset", partial(_pool_run, execute, home)),
        LocalRun("all methods side by side", partial(_comparison_run, execute, home)),
        LocalRun("lineage catalog", partial(_catalog_run, execute, home)),
    ]


def demo_result(definitions: dg.Definitions) -> dict[str, Any]:
    """Return where the results are, JSON-ready."""
    home = _resource(definitions, "home", MigHome)
    subset = home.lake.current("mig_subset")
    assert subset is not None, "the runs before this one succeeded"
    return {
        "rows": subset.rows,
        "pool_rows": subset.info["pool_rows"],
        "objective": subset.info["objective"],
        "export": home.export_folder("mig_subset"),
        "comparison": home.store.uri(_report(home).tables["rows"][0].path),
        "report": home.store.uri(page_path("selection_report")),
        "catalog": home.catalog,
        "first_row_id": home.lake.scan("mig_subset").select("row_id").first().collect().item(),
    }


def _resource(definitions: dg.Definitions, name: str, kind: type[T]) -> T:
    resource = (definitions.resources or {})[name]
    assert isinstance(resource, kind), f"definitions.py says what {name} is"
    return resource


def _report_sources(instance: dg.DagsterInstance, sources: Mapping[str, Source]) -> None:
    """Add partitions and report revisions; one that was reported before is not reported again."""
    instance.add_dynamic_partitions(str(source_partitions.name), list(sources))
    for name, found in find_changes(sources, {}, all_reported(instance)).changed.items():
        instance.report_runless_asset_event(event_of(name, found))


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    partition: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=partition,
        run_config={**QUIET, **(options or {})},
    )


def _source_run(execute: Callable[..., Any], home: MigHome, name: str) -> str:
    execute("ingest_and_annotate", name)
    manifest = home.lake.current("raw_pool", name)
    assert manifest is not None, "the run succeeded"
    rejected = sum(manifest.info["rejected"].values())
    return f"{manifest.info['accepted']:,} rows accepted, {rejected:,} rejected, tagged, scored, embedded"


def _training_run(execute: Callable[..., Any], home: MigHome) -> str:
    execute("train_language_model", options=DEMO_TRAINING)
    model = home.lake.current("pool_language_model")
    assert model is not None, "the run succeeded"
    report = model.info["report"]
    return f"perplexity {report['perplexity']:.0f}, of counting tokens {report['unigram_perplexity']:.0f}"


def _scoring_run(execute: Callable[..., Any], name: str) -> str:
    execute("score_by_language_model", name)
    return "scored by the language model"


def _pool_run(execute: Callable[..., Any], home: MigHome) -> str:
    execute("rebuild_label_space_and_subsets", options=DEMO_OPTIONS)
    subset = home.lake.current("mig_subset")
    assert subset is not None, "the run succeeded"
    labels = subset.info["labels"]
    return f"{subset.rows:,} of {subset.info['pool_rows']:,} rows, {labels['covered']} of {labels['in_graph']} labels"


def _comparison_run(execute: Callable[..., Any], home: MigHome) -> str:
    execute("compare_methods")
    rows = home.lake.scan_versions([_report(home)]).filter(pl.col("information").is_not_null()).collect()
    most = rows.sort("information", descending=True).row(0, named=True)
    return f"{rows.height} of {len(METHODS)} subsets compared, most information in {most['name']}"


def _report(home: MigHome) -> Manifest:
    report = home.lake.current("selection_report")
    assert report is not None, "the run succeeded"
    return report


def _catalog_run(execute: Callable[..., Any], home: MigHome) -> str:
    execute("publish_catalog")
    return os.path.relpath(home.catalog) if home.store.local else home.catalog
