"""The one partition dimension: a source, under its slug in sources.yaml."""

import dagster as dg

source_partitions = dg.DynamicPartitionsDefinition(name="source")
