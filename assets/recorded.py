"""What every asset has in common: published only when its blocking checks passed, and its run is in the ledger."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

import mig_dagster
from assets.metadata import column_schema
from assets.orphans import sign
from assets.partitions import source_partitions
from assets.sources import source_revisions
from mig_dagster.conversation import canonical_json, hash_text
from mig_dagster.storage import Manifest
from resources.failures import told
from resources.home import MigHome
from resources.lake_io import LakeIOManager
from resources.models import released

Checked = dg.MaterializeResult[Any] | dg.AssetCheckResult
ATTEMPTS = 3
"""How often an asset runs again because an input changed while it ran; after that it is published as it is."""


@dataclass(frozen=True)
class Outcome:
    """What an asset body made, before anybody may see it.

    Attributes:
        data_version: hash of the values.
        rows: the number a person would look at first.
        inputs: data version of everything that was read.
        manifest: the version written to the lake; None for assets that keep their result elsewhere.
        checks: results of the asset's checks.
        metadata: what the UI shows.
        seconds: wall time of the work itself, without reading and writing, where the asset measures it.
        frozen: whether it stays as it is when its inputs change: then it is not made again because they did meanwhile.
    """

    data_version: str
    rows: int
    inputs: Mapping[str, str]
    manifest: Manifest | None = None
    checks: Sequence[dg.AssetCheckResult] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    frozen: bool = False

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        checks: Sequence[dg.AssetCheckResult],
        metadata: Mapping[str, Any],
        seconds: float | None = None,
    ) -> "Outcome":
        """Return the outcome of an asset that wrote a version to the lake."""
        return cls(manifest.data_version, manifest.rows, manifest.inputs, manifest, checks, metadata, seconds)


@dataclass(frozen=True)
class NotMade:
    """What a body returns that made nothing, and for which the run need not fail.

    The step succeeds without an output: what reads the asset is skipped in this run, all else goes on. Every check of
    the asset is reported as not passed, and none of them blocks.

    Attributes:
        check: the check that failed; one that does not block.
        because: why, and what to do.
    """

    check: str
    because: str


def inputs_of(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Return the data version of everything that the IO manager handed to this step."""
    manager: LakeIOManager = context.resources.io_manager
    return manager.versions_read(context)


def partition_of(context: dg.AssetExecutionContext) -> str | None:
    """Return the source that a step is about, None where its asset is not partitioned.

    Backfills name it as a range of one, for which `context.has_partition_key` is false.
    """
    return None if context.assets_def.partitions_def is None else context.partition_key


def recorded(body: Callable[..., Outcome | NotMade]) -> Callable[..., Iterator[Checked]]:
    """Turn a body that returns an `Outcome`, or says why there is none, into one that Dagster runs.

    The body takes `context` first and the resource `home`. Check results are reported in any case. When one that blocks
    failed, the asset fails without a materialisation: the version before it stays current in the lake and in Dagster.
    An asset whose body may return `NotMade` is declared with `output_required=False`.
    """

    @functools.wraps(body)
    def run(context: dg.AssetExecutionContext, **arguments: Any) -> Iterator[Checked]:
        started = datetime.now(UTC)
        home: MigHome = arguments["home"]
        sign(context.instance, context.run)
        with told(home.root, context.retry_number), released(arguments):
            outcome = body(context, **arguments)
        if isinstance(outcome, NotMade):
            context.log.warning(f"not made: {outcome.because}")
            yield from _not_made(context, outcome)
            return
        if refused := _refused(context, outcome.checks):
            yield from outcome.checks
            raise dg.Failure(f"not published: {refused}; an earlier version, if there is one, stays current")
        if (overtaken := _overtaken(context, outcome, home)) and context.retry_number < ATTEMPTS:
            # Automation takes a change for handled when the asset is materialised after it, whichever version was read.
            context.log.info(f"{', '.join(overtaken)} changed meanwhile: running again on what is current now")
            raise dg.RetryRequested(max_retries=ATTEMPTS, seconds_to_wait=0)
        with told(home.root, context.retry_number):
            _record(context, outcome, started, arguments)
            result = _materialised(outcome, home)
        yield result

    # Dagster reads annotations: inputs and config from the body, but not its return type.
    signature = inspect.signature(body)
    run.__signature__ = signature.replace(return_annotation=inspect.Signature.empty)  # type: ignore[attr-defined]
    run.__annotations__ = {name: kind for name, kind in body.__annotations__.items() if name != "return"}
    return run


def _not_made(context: dg.AssetExecutionContext, outcome: NotMade) -> Iterator[dg.AssetCheckResult]:
    """Report every check, as Dagster wants of a step that succeeds: one says why, the others point to it."""
    for spec in context.assets_def.check_specs:
        if spec.name == outcome.check:
            yield dg.AssetCheckResult(check_name=spec.name, passed=False, description=outcome.because)
            continue
        found = f"nothing was made: see {outcome.check}"
        severity = dg.AssetCheckSeverity.WARN  # with ERROR, those that block would fail the run
        yield dg.AssetCheckResult(check_name=spec.name, passed=False, description=found, severity=severity)


def _refused(context: dg.AssetExecutionContext, checks: Sequence[dg.AssetCheckResult]) -> str:
    """Return which blocking checks failed and why; "" when none did."""
    blocking = {spec.name for spec in context.assets_def.check_specs if spec.blocking}
    failed = [check for check in checks if not check.passed and check.check_name in blocking]
    return "; ".join(f"{check.check_name}: {check.description}" for check in failed)


def _overtaken(context: dg.AssetExecutionContext, outcome: Outcome, home: MigHome) -> list[str]:
    """Return the inputs that have another version now than the one that was read, or appeared since; sorted."""
    if outcome.frozen:
        return []
    elsewhere = source_revisions.key.to_user_string() + "/"  # what a source's files are like is not in the lake
    read = {name: version for name, version in outcome.inputs.items() if not name.startswith(elsewhere)}
    wanted = set(read)
    if partition_of(context) is None:
        # A source that went needs no look: the sensor rebuilds what was made from it.
        sources = context.instance.get_dynamic_partitions(str(source_partitions.name))
        wanted |= {f"{name.partition('/')[0]}/{source}" for name in read if "/" in name for source in sources}
    names = sorted(wanted)
    parts = [name.partition("/") for name in names]
    now = home.lake.current_versions([(asset, partition or None) for asset, _, partition in parts])
    pairs = zip(names, now, strict=True)
    return [name for name, manifest in pairs if manifest and manifest.data_version != read.get(name)]


def _materialised(outcome: Outcome, home: MigHome) -> dg.MaterializeResult[Any]:
    inputs = dict(sorted(outcome.inputs.items()))
    metadata = {
        "dagster/row_count": outcome.rows,
        **outcome.metadata,
        # Dagster stops tracking inputs at 100 partitions: this list is complete.
        "inputs": inputs,
        "inputs_fingerprint": hash_text(canonical_json(inputs))[:16],
    }
    version = dg.DataVersion(outcome.data_version)
    if outcome.manifest is None:
        return dg.MaterializeResult(metadata=metadata, check_results=outcome.checks, data_version=version)
    metadata["dagster/uri"] = home.store.uri(outcome.manifest.path)
    metadata["dagster/column_schema"] = column_schema(home.lake.scan_versions([outcome.manifest]))
    return dg.MaterializeResult(
        value=outcome.manifest, metadata=metadata, check_results=outcome.checks, data_version=version
    )


def _record(
    context: dg.AssetExecutionContext, outcome: Outcome, started: datetime, arguments: Mapping[str, Any]
) -> None:
    """Add the run to the ledger; the same step tried again overwrites its line."""
    config = arguments.get("config")
    asset = context.asset_key.path[-1]
    partition = partition_of(context)
    line = {
        "run_id": context.run.run_id,
        "asset": asset,
        "partition": partition,
        "started_at": started.isoformat(),
        "ended_at": datetime.now(UTC).isoformat(),
        "data_version": outcome.data_version,
        "rows": outcome.rows,
        "config": canonical_json(config.model_dump() if config is not None else {}),
        "inputs": canonical_json(dict(outcome.inputs)),
        "code_version": context.assets_def.code_versions_by_key.get(context.asset_key),
        "version": mig_dagster.__version__,
        "seconds": outcome.seconds,
    }
    home = arguments["home"]
    home.ledger.record("runs", [line], asset=asset, partition=partition, run_id=context.run.run_id)
