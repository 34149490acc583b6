"""Lenses look at networks of every cell: what they measure of it is finite, and nulls stay nulls."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.lenses.catalog import headline, lens_named
from hmmrnn.model.cells import CELLS
from hmmrnn.model.hmm import HMM
from tests.lenses.known_answers import knowing
from tests.networks import network_of_cell


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", ["memory", "belief", "timescales", "effects"])
def test_a_lens_looks_at_every_cell(name, cell) -> None:
    network = knowing(network_of_cell(cell, n=8), HMM.preset("fully-connected"))
    numbers = headline(lens_named(name), lens_named(name).look(network))
    if name == "memory":
        assert 0 < numbers["accuracy"]["1"] <= 1
        # Far back, nothing helps: all guess the commonest output.
        assert numbers["accuracy_null"]["40"] == pytest.approx(numbers["naive"]["40"], abs=0.05)
    if name == "belief":
        assert abs(numbers["r2_belief_from_h_null"]) < 0.05
    if name == "timescales":
        assert np.isfinite(numbers["lyapunov"][0])
    if name == "effects":
        assert all(np.isfinite(effect) for _, _, effect in numbers["strongest"])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_students_learn_from_gated_teachers(cell) -> None:
    pytest.importorskip("torch")
    from hmmrnn.lenses.sparse_recordings import train_and_compare
    from hmmrnn.training.students import StudentConfig

    config = StudentConfig(steps=20, batch=8, length=14, lead=5)
    found = train_and_compare(network_of_cell(cell, n=8), (0.25,), config, {"some": (0, 1)})
    assert np.isfinite(found.r2_unseen["0.25"])
    assert found.group_ratio["some"]["teacher"] >= 0


@pytest.mark.parametrize("cell", ["tanh", "lstm"])
def test_paths_of_switches_are_found_in_other_cells(cell) -> None:
    from hmmrnn.lenses.switch_paths import find_paths

    assert find_paths(network_of_cell(cell, n=8)).paths
