"""Why a row has no value for a signal: a closed list of codes.

A failure is a null and a flag, never a stand-in number (a 3.0 for "could not score" looks like a score).
"""

from dataclasses import dataclass

FLAGS: dict[str, str] = {
    "empty_text": "the text that the annotator reads is empty or white space",
    "empty_output": "the answer is empty: the model's own, or where answers of rows are scored, the row's",
    "parse_failure": "the model's answer could not be read as a value",
    "refused": "the server's content filter kept the answer back",
    "truncated": "the text is longer than the model reads, and what was cut off decides the value",
    "template_refused": "the model's chat template takes no such conversation, or rewrites an answer of it",
    "not_predicted": "the model predicts no token of the answer (its first is never), or all of them without any loss",
    "not_finite": "the annotator gave NaN or an infinity",
    "not_scored": "the configured scorer imports its values, and this row carries none",
    "invalid_import": "the row carries a value of this annotator, but of the wrong type or length, or not finite",
}


@dataclass(frozen=True, slots=True)
class Defect:
    """Takes the place of a value that does not exist.

    Attributes:
        flag: one of `FLAGS`.
    """

    flag: str

    def __post_init__(self) -> None:
        """Refuse an unknown code."""
        check_flag(self.flag)


def check_flag(flag: str) -> None:
    """Raise ValueError for a code that is not in `FLAGS`."""
    if flag not in FLAGS:
        raise ValueError(f"unknown flag {flag!r}: expected one of {', '.join(FLAGS)}; add new codes to FLAGS")
