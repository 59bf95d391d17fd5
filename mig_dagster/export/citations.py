"""Whom to cite for a subset: the paper of its method, and the data sets that its rows are from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_HUB = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)")
_PATH = re.compile(r"[\w./%~+-]+")


@dataclass(frozen=True)
class Paper:
    """One entry of a bibliography; `authors` as BibTeX writes them."""

    key: str
    title: str
    authors: str
    year: int
    arxiv: str


MIG = Paper(
    "chen2025mig",
    "MIG: Automatic Data Selection for Instruction Tuning by Maximizing Information Gain in Semantic Space",
    "Chen, Yicheng and others",
    2025,
    "2504.13835",
)
PAPERS: Mapping[str, tuple[Paper, ...]] = {
    "mig": (MIG,),
    "deita": (
        Paper(
            "liu2024deita",
            "What Makes Good Data for Alignment? A Comprehensive Study of Automatic Data Selection in Instruction "
            "Tuning",
            "Liu, Wei and others",
            2024,
            "2312.15685",
        ),
    ),
    "zip": (
        Paper(
            "yin2024entropy",
            "Entropy Law: The Story Behind Data Compression and LLM Performance",
            "Yin, Mingjia and others",
            2024,
            "2407.06645",
        ),
    ),
    "ifd": (
        Paper(
            "li2024quantity",
            "From Quantity to Quality: Boosting LLM Performance with Self-Guided Data Selection for Instruction Tuning",
            "Li, Ming and others",
            2024,
            "2308.12032",
        ),
        Paper(
            "li2024superfiltering",
            "Superfiltering: Weak-to-Strong Data Filtering for Fast Instruction-Tuning",
            "Li, Ming and others",
            2024,
            "2402.00530",
        ),
    ),
    "instag": (
        Paper(
            "lu2024instag",
            "#InsTag: Instruction Tagging for Analyzing Supervised Fine-tuning of Large Language Models",
            "Lu, Keming and others",
            2024,
            "2308.07074",
        ),
    ),
    "car": (
        Paper(
            "ge2024car",
            "Clustering and Ranking: Diversity-preserved Instruction Selection through Expert-aligned Quality "
            "Estimation",
            "Ge, Yuan and others",
            2024,
            "2402.18191",
        ),
    ),
    "qdit": (
        Paper(
            "bukharin2024qdit",
            "Data Diversity Matters for Robust Instruction Tuning",
            "Bukharin, Alexander and Zhao, Tuo",
            2024,
            "2311.14736",
        ),
    ),
    "iterit": (
        Paper(
            "jia2024iterit",
            "Boosting LLM via Learning from Data Iteratively and Selectively",
            "Jia, Qi and others",
            2024,
            "2412.17365",
        ),
    ),
    "instruct_mining": (
        Paper(
            "cao2023instruction",
            "Instruction Mining: Instruction Data Selection for Tuning Large Language Models",
            "Cao, Yihan and others",
            2023,
            "2307.06290",
        ),
    ),
    "longest": (
        Paper(
            "zhao2024long",
            "Long Is More for Alignment: A Simple but Tough-to-Beat Baseline for Instruction Fine-Tuning",
            "Zhao, Hao and others",
            2024,
            "2402.04833",
        ),
    ),
}
"""By method, as the head of its module names them; the random baselines have none."""


def bibliography(method: str, sources: Sequence[str], places: Mapping[str, str]) -> str:
    """Return BibTeX entries: the method's papers, then the sources that others can reach.

    Args:
        method: a name of `METHODS`.
        sources: names of the sources of some rows.
        places: as `published_at` gives them.
    """
    papers = [_entry(paper) for paper in PAPERS.get(method, ())]
    return "\n\n".join([*papers, *(_dataset(name, places[name]) for name in sources if name in places)])


def published_at(uris: Mapping[str, str]) -> dict[str, str]:
    """Return where others find sources, by name; those on somebody's disk or bucket are left out, and passwords."""
    places = {name: _public(uri) for name, uri in uris.items()}
    return {name: place for name, place in places.items() if place}


def _entry(paper: Paper) -> str:
    fields = {
        "title": "{" + paper.title.replace("#", r"\#") + "}",
        "author": paper.authors,
        "year": str(paper.year),
        "eprint": paper.arxiv,
        "archivePrefix": "arXiv",
    }
    return _misc(paper.key, fields)


def _dataset(name: str, place: str) -> str:
    return _misc(f"dataset:{name}", {"title": "{" + name + "}", "howpublished": place})


def _misc(key: str, fields: Mapping[str, str]) -> str:
    lines = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items())
    return f"@misc{{{key},\n{lines}\n}}"


def _public(uri: str) -> str | None:
    """Return where others find a source; None for one that only its owner can open."""
    hub = _HUB.match(uri)
    if hub:
        return f"Hugging Face dataset {hub[1]}"
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not _PATH.fullmatch(f"{parts.hostname}{parts.path}"):
        return None
    return f"\\url{{{parts.scheme}://{parts.hostname}{parts.path}}}"  # without user, password and query
