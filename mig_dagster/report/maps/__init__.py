"""Two-dimensional maps of labels and rows: places, names, edges."""
