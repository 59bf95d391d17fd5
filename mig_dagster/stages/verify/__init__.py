"""A stored subset chosen again and compared with what it says."""
