"""Checkpoints with objects beside their weights become safetensors, and nothing of them is run."""

import pytest

from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models import ModelSpec
from mig_dagster.annotations.quality import IqsModel
from mig_dagster.annotations.quality.convert_iqs import main
from mig_dagster.annotations.scoring import score_items
from tests.annotations.quality.iqs_files import Hyperparameters, save_checkpoint, save_encoder, state

TURNS = [("What is 17 + 25?", "42"), ("Write a poem about the sea.", "The sea is wide and blue.")]


class Writes:
    """Unpickled, it writes a file."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return open, (str(self._path), "w")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("xlmr"))


def scores(model):
    return score_items(TURNS, ["0", "1"], model).columns["score"].tolist()


def test_what_weights_only_refuses_is_converted_without_running_it(encoder, tmp_path):
    weights, trap = state(encoder), tmp_path / "trap"
    plain = save_checkpoint(tmp_path / "plain.ckpt", weights)
    objects = {"hyper_parameters": Hyperparameters(lr=1e-6), "callbacks": [Writes(trap)]}
    refused = save_checkpoint(tmp_path / "refused.ckpt", weights, **objects)
    with pytest.raises(ModelError, match=r"cannot be read as plain weights .*convert_iqs .*refused.ckpt FOLDER"):
        scores(IqsModel(ModelSpec(str(refused)), str(encoder)))

    folder = tmp_path / "converted"
    main([str(refused), str(folder), "--encoder", str(encoder)])
    assert not trap.exists()
    assert scores(IqsModel(ModelSpec(str(folder)))) == scores(IqsModel(ModelSpec(str(plain)), str(encoder)))


def test_other_weights_and_folders_in_use_are_refused(encoder, tmp_path):
    weights = state(encoder)
    del weights["layerwise_attention.gamma"]
    wrong = save_checkpoint(tmp_path / "wrong.ckpt", weights)
    with pytest.raises(SystemExit, match=r"missing: layerwise_attention\.gamma"):
        main([str(wrong), str(tmp_path / "a"), "--encoder", str(encoder)])
    assert not (tmp_path / "a").exists()
    good = save_checkpoint(tmp_path / "good.ckpt", state(encoder))
    main([str(good), str(tmp_path / "b"), "--encoder", str(encoder)])
    with pytest.raises(SystemExit, match=r"model.safetensors is there already: name a new folder"):
        main([str(good), str(tmp_path / "b"), "--encoder", str(encoder)])
    (tmp_path / "b" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match=r"model.safetensors cannot be read .*convert the checkpoint again"):
        scores(IqsModel(ModelSpec(str(tmp_path / "b"))))
