"""Runs of the lenses: after the transient, of the length that there is room for."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn import HMM, Network, simulate
from hmmrnn.lenses import runs
from tests.networks import random_network


def test_the_transient_is_left_out() -> None:
    network = random_network()
    seen, whole = runs.settled_runs(network, 2, runs=3, steps=120), simulate(network, 220, 3, seed=2)
    for name in ("h", "pre_activation", "output", "emission"):
        assert np.array_equal(getattr(seen, name), getattr(whole, name)[:, 100:])


def test_a_large_network_is_run_for_fewer_steps(monkeypatch) -> None:
    monkeypatch.setattr(runs, "MAX_VALUES", 16 * 4 * 150)
    assert runs.settled_runs(random_network(), runs=4, steps=1000).h.shape == (4, 150, 16)
    monkeypatch.setattr(runs, "MAX_VALUES", 1)
    assert runs.settled_runs(random_network(), runs=4, steps=1000).h.shape == (4, 100, 16)


def test_the_target() -> None:
    network = random_network(o=3)
    known = Network(network.W_hh, network.W_ih, network.W_out, metadata={"family": "linear-2"})
    assert np.array_equal(runs.target_of(known).A, HMM.preset("linear-2").A)
    with pytest.raises(ValueError, match="compares the network with its HMM, and none is known: the metadata names"):
        runs.target_of(network)
