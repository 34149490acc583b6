"""Networks that lenses make: the right weights, and words about where they come from."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.lenses.made_networks import make_mixture, make_truncation
from hmmrnn.lenses.rank_truncation import RUNS, STEPS, second_moments, truncate_weighted
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.lenses.weight_halves import mix_halves
from tests.networks import random_network


def test_they_are_those_that_the_lenses_run() -> None:
    network = random_network(8)
    made = make_mixture(network, 0.2, 1.5, "small")
    assert np.array_equal(made.W_hh, mix_halves(network, 0.2, 1.5).W_hh)
    assert made.metadata["made"] == "0.2 S + 1.5 K of small"
    moments = second_moments(settled_runs(network, 4, RUNS, STEPS).h)
    made = make_truncation(network, "weighted", 2, "small", seed=4)
    assert np.array_equal(made.W_hh, truncate_weighted(network, 2, moments).W_hh)
    assert made.metadata["made"] == "rank 2 (weighted) of small"


def test_what_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="beta must be from 0 to 2; got -1"):
        make_mixture(random_network(4), 1, -1)
    with pytest.raises(ValueError, match="truncation must be one of weighted, svd, random; got 'best'"):
        make_truncation(random_network(4), "best", 2)
