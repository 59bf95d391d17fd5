"""Dagster assets, checks, partitions and automation: thin wrappers around mig_dagster."""
