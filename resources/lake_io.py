"""The IO manager: assets get LazyFrames of published versions, and what they wrote is published when it may be seen."""

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from mig_dagster.storage import Manifest
from resources.failures import told
from resources.home import MigHome

Table = pl.LazyFrame | dict[str, pl.LazyFrame]
"""One table of an asset, or several by name."""


class LakeIOManager(dg.ConfigurableIOManager):
    """Reads inputs from the lake and publishes outputs in it.

    An asset writes its rows to the lake itself, shard by shard, and hands over the manifest: nothing is copied here. A
    version that is handed over is published; one that failed a blocking check is not handed over, so the version before
    it stays the current one.

    An input of an unpartitioned asset on a partitioned one is the rows of every partition that exists, in the order of
    their names, with the partition in the column `source`. Input metadata `tables` asks for other tables than "rows".
    """

    home: dg.ResourceDependency[MigHome]
    _read: dict[tuple[str, str], dict[str, str]] = PrivateAttr(default_factory=dict)

    def handle_output(self, context: dg.OutputContext, obj: Manifest) -> None:
        """Publish the version that the asset wrote."""
        with told(self.home.root):
            self.home.lake.publish(obj)

    def load_input(self, context: dg.InputContext) -> Table:
        """Return the upstream asset's tables as lazy frames, pinned to the versions that are current now.

        Raises:
            LookupError: no version of the upstream asset exists.
        """
        metadata = context.definition_metadata or {}
        asset = context.asset_key.path[-1]
        partitions = sorted(context.asset_partition_keys) if context.has_asset_partitions else [None]
        found = self.home.lake.current_versions([(asset, name) for name in partitions])
        manifests = [manifest for manifest in found if manifest is not None]
        if not manifests:
            sources = ", ".join(name or "" for name in partitions) or "no source"
            where = f" for {sources}" if context.has_asset_partitions else ""
            raise LookupError(f"{asset} has no published version{where} in {self.home.root}: materialise {asset} first")
        self._note(context, {manifest.name: manifest.data_version for manifest in manifests})
        tables = metadata.get("tables")
        frames = {table: self._scan(manifests, table) for table in tables or ["rows"]}
        return frames if tables else frames["rows"]

    def versions_read(self, context: dg.AssetExecutionContext) -> dict[str, str]:
        """Return the data version of every input that this step was given, by asset or asset/partition, sorted."""
        step = (context.run.run_id, str(context.op_execution_context.op_handle))
        return dict(sorted(self._read.get(step, {}).items()))

    def _scan(self, manifests: list[Manifest], table: str) -> pl.LazyFrame:
        whole = self.home.lake.scan_versions(manifests, table)
        if manifests[0].partition is None or "source" in whole.collect_schema():
            return whole
        parts = [(manifest.partition, self.home.lake.scan_versions([manifest], table)) for manifest in manifests]
        return pl.concat([frame.with_columns(source=pl.lit(name)) for name, frame in parts])

    def _note(self, context: dg.InputContext, versions: dict[str, str]) -> None:
        """Keep what a step reads, for its manifest and the ledger."""
        key = (context.step_context.run_id, str(context.step_context.step.node_handle))
        self._read.setdefault(key, {}).update(versions)
