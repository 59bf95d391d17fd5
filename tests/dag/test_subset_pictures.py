"""Pictures in a subset's metadata: from what its method read, and small."""

import base64

import pytest

from assets.subset_pictures import subset_pictures
from mig_dagster.stages.subset import choose_subset
from tests.stages.small_pool import SmallPool

POOL = SmallPool(200)
EVERYTHING = {"information_picture", "label_coverage_picture", "source_mix_picture", "scores_picture"}


def made(method, frames, **settings):
    return choose_subset(method, frames, budget="20", max_null_share=1, settings=settings)


def test_the_main_figures_are_pngs_of_less_than_a_hundred_kilobytes():
    frames = POOL.frames(raw_pool=None)  # MIG reads no conversations
    drawn = subset_pictures(frames, made("mig", frames, gain="exact"), "lexical, turn_mean")
    assert set(drawn) == EVERYTHING
    for picture in drawn.values():
        assert base64.b64decode(picture.value.split("base64,")[1].rstrip(")")).startswith(b"\x89PNG")
    assert sum(len(picture.value) for picture in drawn.values()) < 100_000


@pytest.mark.parametrize("method", ["random", "longest"])
def test_what_a_method_did_not_read_is_not_drawn(method):
    nothing = dict.fromkeys(["tags", "quality_scores", "row_embeddings", "vocabulary", "edges", "labels", "raw_pool"])
    frames = POOL.frames(**nothing)
    assert set(subset_pictures(frames, made(method, frames), None)) == EVERYTHING - {
        "information_picture",
        "label_coverage_picture",
    }


def test_a_subset_of_no_row_has_no_picture():
    frames = POOL.frames()
    empty = choose_subset("random", frames, budget="0")
    assert subset_pictures(frames, empty, None) == {}
