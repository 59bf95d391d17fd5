"""CaR's quality scorer against a plain implementation over a tiny XLM-R."""

import itertools

import numpy as np
import pytest
import torch
import transformers as hf

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models import ModelSpec
from mig_dagster.annotations.quality import ImportedScorer, IqsModel, IqsScorer, score_rows
from mig_dagster.annotations.quality.iqs import iqs_text, sparsemax
from mig_dagster.annotations.scoring import score_items
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.quality.iqs_files import LAYER_LOGITS, parts, save_checkpoint, save_encoder, state
from tests.annotations.rows import row, xsample_rows
from tests.shared_data import shared

TURNS = [
    ("What is 17 + 25?", "42"),
    ("Write a poem about the sea.", "The sea is wide and blue."),
    ("Why is the sky blue?", "Because of Rayleigh scattering. " * 3),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("xlmr"))


@pytest.fixture(scope="module")
def checkpoint(encoder, tmp_path_factory):
    return save_checkpoint(tmp_path_factory.mktemp("iqs") / "epoch=3.ckpt", state(encoder))


def iqs(checkpoint, encoder, **options):
    return IqsModel(ModelSpec(str(checkpoint), **options), str(encoder))


def naive(encoder, turn):
    """One text, no padding: the mixture of layers first, as the reference computes it."""
    model, head = parts(encoder)
    ids = torch.tensor([hf.AutoTokenizer.from_pretrained(encoder)(iqs_text(turn))["input_ids"]])
    with torch.inference_mode():
        layers = model(ids, output_hidden_states=True).hidden_states
        shares = projected(np.array(LAYER_LOGITS))
        mixed = 1.25 * sum(share * layer for share, layer in zip(shares, layers, strict=True))
        return head(mixed[0].mean(dim=0).float()).item()


def projected(z):
    """The nearest point of the simplex: of all supports, the one whose projection is non-negative and nearest."""
    best = None
    for size in range(1, len(z) + 1):
        for support in map(list, itertools.combinations(range(len(z)), size)):
            point = np.zeros(len(z))
            point[support] = z[support] + (1 - z[support].sum()) / size
            if (point >= 0).all() and (best is None or np.linalg.norm(point - z) < np.linalg.norm(best - z)):
                best = point
    return best


def test_sparsemax_projects_onto_the_simplex():
    rng = np.random.default_rng(0)
    for _ in range(100):
        z = rng.normal(size=rng.integers(1, 7)) * rng.uniform(0.1, 3)
        np.testing.assert_allclose(sparsemax(z), projected(z), atol=1e-12)
    np.testing.assert_allclose(sparsemax(np.zeros(4)), 0.25)
    assert sparsemax(np.array(LAYER_LOGITS))[1] == 0


def test_the_text_is_that_of_the_reference():
    assert iqs_text(("Add.", "2\n")).encode() == b"Instruction: Add. Input:  Response: 2\n"


def test_scores_in_a_batch_are_those_of_one_text_at_a_time(checkpoint, encoder):
    made = score_items(TURNS, [turn[0] for turn in TURNS], iqs(checkpoint, encoder))
    expected = [naive(encoder, turn) for turn in TURNS]
    assert made.columns["score"] == pytest.approx(expected, abs=1e-5)
    assert np.ptp(expected) > 100 * 1e-5  # else any score would do
    assert made.flags == [None] * 3


def test_long_texts_lose_their_end_and_those_without_a_response_left_are_flagged(checkpoint, encoder):
    model = iqs(checkpoint, encoder, max_tokens=60)
    whole, cut, gone = model.encode([TURNS[0], ("Sum?", "1 2 3 " * 60), ("Sum? " * 60, "1")])
    assert not whole.truncated
    tokens = hf.AutoTokenizer.from_pretrained(encoder)
    assert cut.truncated
    assert cut.ids == tokens(iqs_text(("Sum?", "1 2 3 " * 60)), truncation=True, max_length=60)["input_ids"]
    assert gone == Defect("truncated")
    assert iqs(checkpoint, encoder).limit == 129  # positions after that of padding


def test_rows_are_scored_turn_by_turn_and_the_cache_knows_turns(checkpoint, encoder):
    scorer, cache = IqsScorer(iqs(checkpoint, encoder)), FragmentCache(MemoryFiles())
    rows = [row(*TURNS[:2]), row(TURNS[2]), row(("hi", " "))]
    made = score_rows(rows, scorer, "turn_mean", cache)
    each = [naive(encoder, turn) for turn in TURNS]
    assert made.values["score"][:2] == pytest.approx([(each[0] + each[1]) / 2, each[2]], abs=1e-5)
    assert made.flags == [None, None, "empty_text"]
    scorer.model.release()
    scorer.model.run = None  # whatever is read now is in the cache
    assert score_rows(rows, scorer, "turn_sum", cache).values["score"][0] == pytest.approx(each[0] + each[1], abs=1e-5)


def test_the_checkpoint_and_the_encoder_are_in_the_fingerprint(checkpoint, encoder, tmp_path):
    who = iqs(checkpoint, encoder).annotator
    assert who.model == "epoch=3.ckpt"
    assert who.revision.startswith("sha256:")
    changed = state(encoder)
    changed["layerwise_attention.gamma"] += 1
    other = save_checkpoint(tmp_path / "epoch=3.ckpt", changed)
    assert iqs(other, encoder).annotator.fingerprint != who.fingerprint


def test_weights_that_are_missing_left_over_or_of_another_shape_are_named(encoder, tmp_path):
    weights = state(encoder)
    del weights["estimator.ff.3.weight"]
    weights["extra"] = torch.zeros(1)
    weights["estimator.ff.6.bias"] = torch.zeros(2)
    broken = save_checkpoint(tmp_path / "broken.ckpt", weights)
    expected = (
        r"broken.ckpt does not hold CaR's scorer over an encoder of 3 layers and width 32: missing: "
        r"estimator.ff.3.weight; unexpected: extra; of another shape: estimator.ff.6.bias \(2,\) for \(1,\)"
    )
    with pytest.raises(ModelError, match=expected):
        iqs(broken, encoder).run([])


def test_what_is_no_checkpoint_is_refused(encoder, tmp_path):
    torch.save({"weights": 1}, tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("no weights")
    with pytest.raises(ModelError, match="no Lightning checkpoint: expected weights under the key 'state_dict'"):
        iqs(tmp_path / "other.ckpt", encoder).run([])
    with pytest.raises(ModelError, match=r"text.ckpt cannot be read as plain weights \(.*convert_iqs"):
        iqs(tmp_path / "text.ckpt", encoder).run([])
    with pytest.raises(ModelError, match="is neither a file nor a folder: download the checkpoint"):
        _ = iqs(tmp_path / "nothing.ckpt", encoder).annotator


def test_quantised_weights_are_refused(encoder):
    with pytest.raises(ValueError, match="quantisation must be None for the scorer iqs, got 'int8'"):
        iqs("a.ckpt", encoder, quantisation="int8", device="cuda")


def test_scores_of_car_that_came_with_rows_are_imported():
    rows = xsample_rows(shared("data/annotated/xsample_example.jsonl"))
    made = score_rows(rows, ImportedScorer("iqs"))
    golden = [1.0000001, 1.2125810, 0.7306678, 0.1429669, 0.6720781, 0.4404882, 0.7527549, 0.7667585, 0.4220570]
    assert made.values["score"] == pytest.approx(golden, abs=1e-6)
    assert set(made.provenance) == {"imported"}
