"""What each asset does, without Dagster: frames and arrays in, frames and counts out."""
