from typing import Literal

import numpy as np
import pytest

from mig_dagster.selection import METHODS, Selection, method, mig, options, reads


def test_mig_reads_the_assets_its_arguments_are_named_after():
    assert reads(mig) == ("tags", "quality_scores", "label_graph")


def test_options_carry_types_and_defaults_and_leave_the_device_to_the_caller():
    assert options(mig) == {
        "phi_type": (Literal["pow", "exp"], "pow"),
        "phi_alpha": (float, 1.0),
        "phi_a": (float, 1e-6),
        "phi_b": (float, 0.8),
        "prop_weight": (float, 1.0),
        "norm": (bool, False),
        "gain": (Literal["gradient", "exact"], "gradient"),
    }


def test_a_method_registers_under_its_name_once(monkeypatch):
    monkeypatch.setattr("mig_dagster.selection.base.METHODS", methods := {})

    @method
    def first(k: int, *, row_ids: list[str], seed: int = 42) -> Selection:
        return Selection(np.arange(k), np.zeros(k))

    assert methods == {"first": first}
    assert (reads(first), options(first)) == (("row_ids",), {"seed": (int, 42)})
    with pytest.raises(ValueError, match="two selection methods are named 'first': rename one"):
        method(first)


def test_mig_is_a_method():
    assert METHODS["mig"] is mig
