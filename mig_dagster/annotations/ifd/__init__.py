"""IFD and perplexity: losses of answers under a causal language model, with and without what came before them."""

from mig_dagster.annotations.ifd.ifd_rows import Perplexity, ifd_rows
from mig_dagster.annotations.ifd.items import TEMPLATES, ItemReader
from mig_dagster.annotations.ifd.reading import SPANS
from mig_dagster.annotations.ifd.templates import training_text

__all__ = ["SPANS", "TEMPLATES", "ItemReader", "Perplexity", "ifd_rows", "training_text"]
