import pytest

from mig_dagster.stages.fingerprints import check_annotators, signals_behind
from mig_dagster.storage import Manifest, Shard

SMALL = {"name": "deita", "model": "small"}
LARGE = {"name": "deita", "model": "large"}
THEIRS = {"name": "deita", "model": "annotation.deita"}
WHO = {
    "s": SMALL,
    "l": LARGE,
    "t": THEIRS,
    "o": {"name": "deita", "model": "other"},
    "g": {"name": "ifd", "model": "small"},
}


def made(source, at="1", asset="quality_scores", rows=3, **speakers):
    """A version: computed and imported name the fingerprints of `WHO` that spoke."""
    info = {
        "annotators": WHO,
        "speakers": {how: dict.fromkeys(who, 2) for how, who in speakers.items() if how != "dimension"},
    }
    if "dimension" in speakers:
        info["dimension"] = speakers["dimension"]
    return Manifest(asset, source, "v", {"rows": (Shard("p", "h", rows, 1),)}, {}, info, at, "m")


def check(*manifests, accept=False):
    return check_annotators(manifests, accept=accept)


def test_one_annotator_over_all_sources_is_as_it_should_be():
    assert check(made("a", computed="s"), made("b", computed="s")) == []
    assert check() == []


def test_two_annotators_are_refused_with_the_sources_and_what_to_run():
    """The newest version was made as the project is configured now: the others are those to make again."""
    versions = made("a", computed="s"), made("b", at="3", computed="l"), made("c", at="2", computed="s")
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        check(*versions)
    assert str(refused.value) == (
        "quality_scores of one pool come from several annotators (computed deita (small), s: a, c; computed "
        "deita (large), l: b), whose values are not comparable: run `mig-dagster backfill --sources a,c --assets "
        "quality_scores`, which annotates them as quality_scores of b, or set accept_mixed_annotators to choose from "
        "them as they are"
    )


def test_sources_whose_values_were_all_imported_need_no_backfill():
    versions = made("a", computed="s"), made("b", at="2", computed="l"), made("c", at="3", imported="t")
    with pytest.raises(ValueError, match=r"--sources a --assets quality_scores`, which annotates them as .* of b,"):
        check(*versions)


def test_a_mix_that_is_accepted_is_said_in_words():
    assert check(made("a", computed="s"), made("b", computed="l"), accept=True) == [
        "quality_scores come from several annotators, as accept_mixed_annotators allows: "
        "computed deita (small), s: a; computed deita (large), l: b"
    ]


def test_imported_values_of_a_scorer_stand_beside_those_it_computes():
    assert check(made("a", computed="s", imported="t"), made("b", computed="s"), made("c", imported="t")) == []


def test_two_importers_are_two_annotators():
    with pytest.raises(ValueError, match=r"imported from deita \(annotation.deita\), t: a; .*leave sources out whose"):
        check(made("a", imported="t"), made("b", imported="o"))


def test_ratios_that_came_with_rows_go_with_those_of_their_own_model_only():
    computed = made("a", asset="ifd_scores", computed="g")
    assert check(computed, made("b", asset="ifd_scores", imported="s")) == []
    with pytest.raises(ValueError, match=r"ifd_scores of one pool come from several annotators .*imported from deita"):
        check(computed, made("b", asset="ifd_scores", imported="t"))


def test_every_signal_has_an_annotator_of_its_own():
    others = made("a", asset="tags", computed="l"), made("b", asset="tags", computed="l")
    assert check(made("a", computed="s"), made("b", computed="s"), *others) == []


def test_labels_and_their_graph_come_from_tags():
    assert signals_behind(["tags", "quality_scores", "label_graph"]) == {"tags", "quality_scores"}


def test_a_source_without_rows_has_no_annotator():
    assert check(made("a", computed="s"), made("b", rows=0, computed="l", dimension=3)) == []


@pytest.mark.parametrize("accept", [False, True])
def test_vectors_of_two_dimensions_are_never_accepted(accept):
    asset = "row_embeddings"
    versions = made("a", asset=asset, computed="s", dimension=384), made("b", "2", asset, computed="s", dimension=768)
    with pytest.raises(
        ValueError, match=r"several dimensions \(384: a; 768: b\).*--sources a --assets row_embeddings`"
    ):
        check(*versions, accept=accept)


def test_a_version_that_does_not_say_who_spoke_is_to_be_made_again():
    old = made("a")
    old.info.pop("speakers")
    with pytest.raises(
        ValueError, match=r"quality_scores of a was written before .*--sources a --assets quality_scores"
    ):
        check(old, made("b", computed="s"))
