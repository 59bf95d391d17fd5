"""A graph of four assets with made-up events, to see what the two automation conditions ask for.

revisions (external) -> raw -> norm -> graph -> subset, which reads norm as well
"""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import dagster as dg

from assets.automation import on_input_change, on_pool_change
from tests.dag.ticks import partitions_read_once

SOURCES = dg.DynamicPartitionsDefinition(name="source")
PARTITIONED, POOLED = ("raw", "norm"), ("graph", "subset")
DEPS = {"raw": ["revisions"], "norm": ["raw"], "graph": ["norm"], "subset": ["graph", "norm"]}


@cache
def definitions(code: tuple[tuple[str, str], ...]) -> dg.Definitions:
    """Return the graph with these code versions."""
    revisions = dg.AssetSpec("revisions", partitions_def=SOURCES)
    return dg.Definitions([revisions, *(declared(name, version) for name, version in code)])


def declared(name: str, code_version: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=name,
        deps=DEPS[name],
        code_version=code_version,
        partitions_def=SOURCES if name in PARTITIONED else None,
        automation_condition=on_input_change() if name in PARTITIONED else on_pool_change(depth=2),
    )
    def body() -> None: ...

    return body


@dataclass
class World:
    """An instance, the conditions' memory of it, and runs that are only pretended.

    Attributes:
        names: the partition that a letter of the table stands for; a new one in every test.
        same: assets whose values a run does not change.
        failing: (asset, partition) whose runs fail.
    """

    instance: dg.DagsterInstance
    code: dict[str, str] = field(default_factory=lambda: dict.fromkeys(DEPS, "1"))
    names: dict[str, str] = field(default_factory=lambda: {"a": "a", "b": "b"})
    same: set[str] = field(default_factory=set)
    failing: set[tuple[str, str | None]] = field(default_factory=set)
    cursor: object = None
    versions: dict[tuple[str, str | None], str] = field(default_factory=dict)
    fresh: "itertools.count[int]" = field(default_factory=itertools.count)

    def add(self, *letters: str) -> None:
        for letter in letters:
            self.names.setdefault(letter, f"{letter}{next(self.fresh)}")
        self.instance.add_dynamic_partitions("source", [self.names[letter] for letter in letters])

    def bump(self, *assets: str) -> None:
        """Change the code version of some assets."""
        self.code |= {asset: str(next(self.fresh)) for asset in assets}

    def remove(self, letter: str) -> None:
        self.instance.delete_dynamic_partition("source", self.names[letter])

    def change(self, *letters: str) -> None:
        for letter in letters:
            self.report("revisions", letter)

    def report(self, asset: str, partition: str | None = None, *, same: bool = False) -> None:
        if not (same and (asset, partition) in self.versions):
            self.versions[asset, partition] = str(next(self.fresh))
        tags = {"dagster/data_version": self.versions[asset, partition]}
        if asset in self.code:
            tags["dagster/code_version"] = self.code[asset]
        name = self.names[partition] if partition else None
        self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=name, tags=tags))

    def definitions(self) -> dg.Definitions:
        return definitions(tuple(self.code.items()))

    def tick(self) -> dict[str, list[str | None]]:
        """Return what is requested now."""
        with partitions_read_once(self.instance):
            result = dg.evaluate_automation_conditions(self.definitions(), self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        letters = {name: letter for letter, name in self.names.items()}
        requested = {name: result.get_requested_partitions(dg.AssetKey(name)) for name in DEPS}
        return {name: sorted((letters.get(p) for p in found), key=str) for name, found in requested.items() if found}

    def settle(self) -> dict[str, object]:
        """Tick and run until nothing is requested.

        Returns:
            For partitioned assets which partitions ran, for the others how often they did.
        """
        ran: Counter[tuple[str, str | None]] = Counter()
        while requested := self.tick():
            assert sum(ran.values()) < 1000, "the conditions keep asking"
            for asset, partitions in requested.items():
                ran.update((asset, partition) for partition in partitions)
                for partition in set(partitions) - {gone for name, gone in self.failing if name == asset}:
                    self.report(asset, partition, same=asset in self.same)
        assert all(times == 1 for (asset, _), times in ran.items() if asset in PARTITIONED)
        each = {name: "".join(sorted(str(p) for asset, p in ran if asset == name)) for name in PARTITIONED}
        pooled = {name: ran[name, None] for name in POOLED}
        return {name: found for name, found in {**each, **pooled}.items() if found}

    def start(self, asset: str, partition: str | None = None) -> dg.DagsterRun:
        """Begin a run of an asset."""
        tags = {"dagster/partition": self.names[partition]} if partition else {}
        job = self.definitions().resolve_implicit_global_asset_job_def()
        run = self.instance.create_run_for_job(job, asset_selection={dg.AssetKey(asset)}, tags=tags)
        begun = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)
        self.instance.report_dagster_event(begun, run.run_id)
        return run
