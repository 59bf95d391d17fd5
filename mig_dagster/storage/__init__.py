"""Where data lives: a store of named objects, and on it the lake of versioned tables."""

from mig_dagster.storage.digest import values_digest
from mig_dagster.storage.lake import Lake, Vacuumed
from mig_dagster.storage.manifest import Manifest, Shard
from mig_dagster.storage.store import Store
from mig_dagster.storage.writer import LakeWriter

__all__ = ["Lake", "LakeWriter", "Manifest", "Shard", "Store", "Vacuumed", "values_digest"]
