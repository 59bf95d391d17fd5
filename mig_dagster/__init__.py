"""Choose instruction-tuning data: ten published selection methods and the pipeline that feeds them."""

__version__ = "0.1.0"
