"""Subsets of one pool side by side."""
