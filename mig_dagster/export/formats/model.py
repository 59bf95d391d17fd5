"""What the training files start from until their user says otherwise."""

BASE_MODEL = "Qwen/Qwen2.5-0.5B"
"""A small base model whose chat template knows tools."""

FULL_LENGTH = 4096
"""Tokens of a row that are trained on; longer rows are cut by every trainer."""
