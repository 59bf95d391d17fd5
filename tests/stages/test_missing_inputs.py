"""Which methods cannot run on what the pipeline makes, and what is said of them."""

import pytest

from mig_dagster.selection import METHODS, mig
from mig_dagster.stages.missing_inputs import missing_inputs, why_missing


def test_the_inputs_of_mig_are_all_made():
    assert missing_inputs("mig") == []


def test_inputs_that_nothing_makes_are_named_with_what_they_need(monkeypatch):
    def scored(k, *, responses, ifd_scores, decay=0.1):
        return mig

    monkeypatch.setitem(METHODS, "scored", scored)
    assert missing_inputs("scored") == ["ifd_scores"]
    assert why_missing("ifd_scores").startswith("ifd_scores: no annotator that makes them is configured: they need a")


def test_nothing_is_wrong_with_an_input_that_is_made():
    with pytest.raises(LookupError, match="tags is made by this pipeline; only ifd_scores, indicators are missing"):
        why_missing("tags")
