"""The lexical rule: a stand-in for a quality scorer, from the surface of a text alone.

It knows no meaning: a fluent wrong answer scores as a right one. It is there so that everything runs without a model,
it lies in the range of DEITA's scorers (1..6), and wherever it shows it is named "lexical". Scripts without spaces are
counted by characters. Refusals are known in English and Chinese.

On the open data it was tried with, 99 % of answers score above their first half, and of two answers to one instruction
GPT-4's scores above text-davinci-003's for 77 % (192 Alpaca instructions). It cannot judge correctness: on 1,000
competition problems it follows the judge's complexity (rank correlation 0.4) and runs against its correctness (-0.4),
since hard problems have long answers.

    score = 1 + 5 * clip(sum of weight * term - sum of penalties, 0, 1)

Term          Weight  In [0, 1]
length        0.35    log(1 + words) / log(1 + 256): more is better, and ever less so
diversity     0.20    distinct words / sqrt(2 * words), over 6 (Carroll's corrected type-token ratio)
relevance     0.15    share of the instruction's content words that the response takes up; 0.3 is enough
structure     0.10    paragraphs, list, code, heading or emphasis, formula or table: two kinds are enough
completeness  0.10    the last character ends a sentence, a bracket or a number; half for an answer of 8 words or less
demand        0.10    log(1 + words of the instruction) / log(1 + 64): precise requests teach more

Penalty       Up to   For
refusal       0.30    an opening that declines or speaks of being an AI
repetition    0.50    the share of sentences and lines that stood there before
copy          0.50    a response that is the instruction again
placeholder   0.10    a template that was never filled in
"""

import math
import re
from collections.abc import Sequence

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import annotate
from mig_dagster.annotations.quality.turns import AGGREGATIONS, turns
from mig_dagster.annotations.scoring import OnTokens

RULE_VERSION = "1"

WEIGHTS = {
    "length": 0.35,
    "diversity": 0.20,
    "relevance": 0.15,
    "structure": 0.10,
    "completeness": 0.10,
    "demand": 0.10,
}
PENALTIES = {"refusal": 0.30, "repetition": 0.50, "copy": 0.50, "placeholder": 0.10}

LONG_RESPONSE, LONG_INSTRUCTION = 256, 64  # words at which more length adds nothing
RICH_VOCABULARY = 6.0
TAKEN_UP = 0.3
WORDS_A_CHARACTER = 0.6  # of Chinese, Japanese, Thai, ...: a word there is one to two characters

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1780-\u17ff"
_CHARACTER = re.compile(rf"[{_UNSPACED}]")
_WORD = re.compile(rf"[^\W_{_UNSPACED}]+")
_TOKEN = re.compile(f"{_CHARACTER.pattern}|{_WORD.pattern}")
_CONTENT = re.compile(rf"(?=([{_UNSPACED}]{{2}}))|([^\W\d_{_UNSPACED}]{{4,}})")
_BULLET = r"(?:[-*•·]|\d++[.)、])"
_STRUCTURE = (
    re.compile(r"\n\s*\n"),  # paragraphs
    # List: two items with at most one line of text between. Possessive: 100 KB of blank lines would take a minute.
    re.compile(rf"^[^\S\n]*+{_BULLET}\s++\S.*+\n\s*+(?:(?!{_BULLET}\s).*+\n\s*+)?{_BULLET}\s", re.MULTILINE),
    re.compile(r"```|^(?: {4}|\t)\S", re.MULTILINE),  # code
    re.compile(r"^#{1,6} |\*\*\S", re.MULTILINE),  # heading or emphasis
    re.compile(r"\\\(|\\\[|\$[^$\n]+\$|^\|.+\||\d\s*=\s*-?\d", re.MULTILINE),  # formula or table
)
_END = re.compile(r"""[.!?。\uff01\uff1f…؟।)\]}>`"'”\u2019」』】\uff09|*\d]\s*\Z""")
_UNIT = re.compile(r"[^.!?。\uff01\uff1f\n]{12,}")  # sentences and lines long enough that twice is no accident
_REFUSAL = re.compile(
    r"\A\W*(?:as an? (?:ai|artificial intelligence|(?:large )?language model)\b|i(?:['\u2019]m| am) an ai\b"
    r"|(?:i(?:['\u2019]m| am) |we(?:['\u2019]re| are) |i )?(?:sorry|apologi[sz]e|unfortunately)\b[^.]{0,120}"
    r"\b(?:cannot|can['\u2019]?t|unable|not able|not possible|don['\u2019]?t have|do not have)\b"
    r"|i (?:cannot|can['\u2019]t|am unable|am not able)\b"
    r"|作为一?[个名]?.{0,4}(?:ai|人工智能|语言模型)|(?:很?抱歉|对不起|非常抱歉).{0,20}(?:无法|不能|没有)|我(?:无法|不能))",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\{\{\s*\w+\s*\}\}|<\s*no\s?(?:in|out)put\s*>|\[(?:insert|your)\b|lorem ipsum|\bTODO\b", re.IGNORECASE
)


def lexical_score(instruction: str, response: str) -> float:
    """Return the rule's score of one turn, in [1, 6]; an empty response scores 1.

    Args:
        instruction: what the user asked; may be empty.
        response: what the assistant answered.
    """
    if not response.strip():
        return 1.0
    terms, faults = lexical_terms(instruction, response)
    total = sum(WEIGHTS[name] * value for name, value in terms.items())
    total -= sum(PENALTIES[name] * value for name, value in faults.items())
    return 1 + 5 * min(1.0, max(0.0, total))


def lexical_terms(instruction: str, response: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return the terms and the faults of a turn, each in [0, 1], by the names in `WEIGHTS` and `PENALTIES`.

    Args:
        instruction: what the user asked.
        response: what the assistant answered; not blank.
    """
    tokens = _TOKEN.findall(response.lower())
    words = count_words(response)
    kinds = sum(pattern.search(response) is not None for pattern in _STRUCTURE)
    terms = {
        "length": min(1.0, math.log1p(words) / math.log1p(LONG_RESPONSE)),
        "diversity": min(1.0, len(set(tokens)) / math.sqrt(2 * max(1, len(tokens))) / RICH_VOCABULARY),
        "relevance": relevance(instruction, response),
        "structure": min(1.0, kinds / 2),
        "completeness": 1.0 if _END.search(response) else 0.5 if words <= 8 else 0.0,
        "demand": min(1.0, math.log1p(count_words(instruction)) / math.log1p(LONG_INSTRUCTION)),
    }
    faults = {
        "refusal": float(_REFUSAL.match(response) is not None),
        "repetition": repetition(response),
        "copy": float(bool(tokens) and tokens == _TOKEN.findall(instruction.lower())),
        "placeholder": float(_PLACEHOLDER.search(response) is not None),
    }
    return terms, faults


def count_words(text: str) -> float:
    """Return the number of words; a character of a script without spaces counts `WORDS_A_CHARACTER`."""
    return WORDS_A_CHARACTER * len(_CHARACTER.findall(text)) + len(_WORD.findall(text))


def relevance(instruction: str, response: str) -> float:
    """Return how much of the instruction's content words the response takes up, in [0, 1].

    Content words are words of four letters or more and, in scripts without spaces, pairs of characters; an instruction
    without any says nothing about relevance and counts half.
    """
    asked = _content_words(instruction)
    if not asked:
        return 0.5
    return min(1.0, len(asked & _content_words(response)) / len(asked) / TAKEN_UP)


def repetition(response: str) -> float:
    """Return the share of sentences and lines that repeat an earlier one, in [0, 1)."""
    units = [unit.strip().lower() for unit in _UNIT.findall(response)]
    return 1 - len(set(units)) / len(units) if units else 0.0


def _content_words(text: str) -> set[str]:
    return {pair or word for pair, word in _CONTENT.findall(text.lower())}


class LexicalScorer:
    """The rule as a scorer of rows: kept in the cache by row, since nothing of it depends on a model."""

    name = "lexical"

    def annotator(self, aggregation: str) -> Annotator:
        """Return who the rule is; weights are part of it, so that no change to them goes unseen."""
        parameters = {"aggregation": aggregation, "weights": WEIGHTS, "penalties": PENALTIES}
        return Annotator("lexical", "lexical", RULE_VERSION, parameters=parameters)

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Score distinct rows; one without any answer is flagged `empty_text`, an answer missing beside others is 1."""

        def compute(chunk: Sequence[Row]) -> Batch:
            scores = np.full(len(chunk), np.nan)
            for i, row in enumerate(chunk):
                answered = turns(row.conversation)
                if any(response for _, response in answered):
                    scores[i] = AGGREGATIONS[aggregation]([lexical_score(*turn) for turn in answered])
            return Batch({"score": scores}, ["empty_text" if np.isnan(score) else None for score in scores])

        return annotate(rows, self.annotator(aggregation), compute, cache, columns={"score": np.empty(0)})
