"""Other people's text in Markdown that we write."""

_INERT = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]!|~"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def inert(text: str) -> str:
    """Return text as one line that neither ends a table cell nor becomes a link, a picture, emphasis or HTML."""
    return " ".join(text.split()).translate(_INERT)
