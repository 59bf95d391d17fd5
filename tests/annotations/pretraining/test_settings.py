import pytest

from mig_dagster.annotations.pretraining import TrainingSettings


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("vocabulary", 200, "vocabulary must be at least 300, got 200"),
        ("sequence_tokens", 4, "sequence_tokens must be at least 8, got 4"),
        ("conversations", 1, "conversations must be at least 2, got 1"),
        ("layers", 0, "layers must be at least 1, got 0"),
        ("seed", -1, "seed must be at least 0, got -1"),
        ("held_out", 1.0, "held_out must be above 0 and below 1, got 1.0"),
        ("warm_up", 0.0, "warm_up must be above 0 and below 1, got 0.0"),
        ("width", 100, r"width must be a multiple of 2 \* heads = 8, got 100"),
        ("learning_rate", 0.0, "learning_rate must be above 0 and weight_decay at least 0, got 0.0 and 0.1"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings(**{name: value})


def test_every_setting_changes_the_digest():
    """The command line finds a model again by it."""
    given = TrainingSettings().as_dict()
    digests = {TrainingSettings().digest}
    for name, value in given.items():
        changed = value / 2 if isinstance(value, float) else value * 2 or 1
        digests.add(TrainingSettings(**{**given, name: changed}).digest)
    assert len(digests) == 1 + len(given)
