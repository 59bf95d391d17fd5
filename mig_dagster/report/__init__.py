"""The selection report: figures over a pool and its subsets, their data as Parquet, and one page that shows them."""
