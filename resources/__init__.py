"""Dagster resources: handles to the lake, the ledger, the GPU and the sources."""
