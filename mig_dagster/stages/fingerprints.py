"""One signal, one annotator: values of two models are not comparable, and selection compares all rows of a pool.

The rule, for each signal that a method reads, over all sources of the pool:

- values that were computed come from one annotator (one fingerprint: model, revision, prompt, parameters);
- values that came with rows come from one importer;
- both may stand side by side where they are on one scale by declaration: tags are words; a quality scorer takes only
  imports declared to be its own (`annotations.imports`); ratios of IFD are on one scale where their model is the same.

A mix may be accepted, which is recorded with the subset; vectors of several dimensions never are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mig_dagster.storage import Manifest

ACCEPT = "accept_mixed_annotators"

_BY_MODEL = frozenset({"ifd_scores"})
"""Signals of which imported values go with computed ones of the same model only."""


@dataclass(frozen=True)
class _Speaker:
    """An annotator of a signal and the sources it speaks of."""

    fingerprint: str
    provenance: str
    annotator: Mapping[str, Any]
    sources: Sequence[str]

    @property
    def title(self) -> str:
        """Its name, model and fingerprint, and the sources, in words."""
        given = " from" if self.provenance == "imported" else ""
        name, model = self.annotator["name"], self.annotator["model"]
        what = name if model == name else f"{name} ({model})"
        return f"{self.provenance}{given} {what}, {self.fingerprint}: {', '.join(self.sources)}"


def check_annotators(manifests: Iterable[Manifest], *, accept: bool = False) -> list[str]:
    """Refuse a pool in which several annotators speak of one signal.

    Args:
        manifests: the versions of signals that are read together, one for each signal and source.
        accept: take a mix of annotators as it is.

    Returns:
        What was accepted, one sentence for each mixed signal; [] where all is one.

    Raises:
        ValueError: a signal has several annotators and that is not accepted, or vectors of several dimensions; the
            message says which sources have which, and what to run.
    """
    accepted = []
    signals: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        if manifest.rows:
            signals.setdefault(manifest.asset, []).append(manifest)
    for signal, made in signals.items():
        _check_dimension(signal, made)
        speakers = _speakers(made)
        if not (mixed := _mixed(signal, speakers)):
            continue
        who = "; ".join(speaker.title for speaker in mixed)
        if not accept:
            raise ValueError(
                f"{signal} of one pool come from several annotators ({who}), whose values are not comparable: "
                f"{_remedy(signal, made, mixed)}, or set {ACCEPT} to choose from them as they are"
            )
        accepted.append(f"{signal} come from several annotators, as {ACCEPT} allows: {who}")
    return accepted


def signals_behind(reads: Collection[str]) -> set[str]:
    """Return the assets whose values are behind a method's inputs: labels, and so their graph, come from tags."""
    return {"tags" if name == "label_graph" else name for name in reads}


def _speakers(manifests: Iterable[Manifest]) -> list[_Speaker]:
    """Return who gave values to which sources: computed before imported, then by sources."""
    sources: dict[tuple[str, str], list[str]] = {}
    known: dict[str, Mapping[str, Any]] = {}
    for manifest in manifests:
        if "speakers" not in manifest.info:
            raise ValueError(
                f"{_name(manifest)} was written before it was kept who gave which value: run "
                f"{_backfill(manifest.asset, [manifest])}"
            )
        known |= manifest.info["annotators"]
        for provenance, rows in manifest.info["speakers"].items():
            for fingerprint in rows:
                sources.setdefault((provenance, fingerprint), []).append(str(manifest.partition))
    found = [
        _Speaker(fingerprint, provenance, known[fingerprint], sorted(names))
        for (provenance, fingerprint), names in sources.items()
    ]
    return sorted(found, key=lambda speaker: (speaker.provenance, speaker.sources, speaker.fingerprint))


def _mixed(signal: str, speakers: Sequence[_Speaker]) -> list[_Speaker]:
    """Return those who may not speak together; [] where all may."""
    computed = [speaker for speaker in speakers if speaker.provenance == "computed"]
    imported = [speaker for speaker in speakers if speaker.provenance == "imported"]
    if signal in _BY_MODEL and len({speaker.annotator["model"] for speaker in speakers}) > 1:
        return list(speakers)
    return [*(computed if len(computed) > 1 else []), *(imported if len(imported) > 1 else [])]


def _remedy(signal: str, manifests: Sequence[Manifest], mixed: Sequence[_Speaker]) -> str:
    """Say what to run: the newest version was made as things are configured now, and the others are to follow it."""
    computed = {speaker.fingerprint for speaker in mixed if speaker.provenance == "computed"}
    made = [manifest for manifest in manifests if computed & _fingerprints(manifest)]
    if len(computed) < 2:
        return "leave sources out whose values came from elsewhere, or configure an annotator that computes all of them"
    newest = max(made, key=lambda manifest: manifest.created_at)
    others = [each for each in made if computed & _fingerprints(each) - _fingerprints(newest)]
    return f"run {_backfill(signal, others)}, which annotates them as {_name(newest)}"


def _fingerprints(manifest: Manifest) -> set[str]:
    return {fingerprint for rows in manifest.info["speakers"].values() for fingerprint in rows}


def _check_dimension(signal: str, manifests: Iterable[Manifest]) -> None:
    by_dimension: dict[int, list[Manifest]] = {}
    for manifest in manifests:
        if "dimension" in manifest.info:
            by_dimension.setdefault(manifest.info["dimension"], []).append(manifest)
    if len(by_dimension) < 2:
        return
    found = "; ".join(
        f"{d}: {', '.join(sorted(str(m.partition) for m in by_dimension[d]))}" for d in sorted(by_dimension)
    )
    newest = max((m for made in by_dimension.values() for m in made), key=lambda manifest: manifest.created_at)
    others = [m for d, made in by_dimension.items() if d != newest.info["dimension"] for m in made]
    raise ValueError(
        f"{signal} of one pool have several dimensions ({found}), which nothing can compare: run "
        f"{_backfill(signal, others)}, which makes them as {_name(newest)}"
    )


def _backfill(signal: str, manifests: Iterable[Manifest]) -> str:
    names = ",".join(sorted(str(manifest.partition) for manifest in manifests))
    return f"`mig-dagster backfill --sources {names} --assets {signal}`"


def _name(manifest: Manifest) -> str:
    return f"{manifest.asset} of {manifest.partition}"
