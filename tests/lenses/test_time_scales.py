"""Exponents of linear maps and random networks, and time scales by region."""

import numpy as np
import pytest

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.lenses.time_scales import lyapunov_exponents, measure_time_scales, shuffle_weights
from hmmrnn.model.network import rollout
from tests.lenses.known_answers import linear_network, random_relu
from tests.networks import random_network


def test_exponents_of_a_linear_map_are_those_of_its_eigenvalues():
    network = linear_network()
    found, error = lyapunov_exponents(network, settled_runs(network, 0, 4, 400), 6)
    expected = np.sort(np.log(np.abs(np.linalg.eigvals(network.W_hh))))[::-1]
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert (error < 0.01).all()


def test_a_random_network_is_near_the_mean_field():
    gain = 0.9
    network = random_relu(200, gain)
    found, _ = lyapunov_exponents(network, settled_runs(network, 0, 4, 300), 1)
    assert found[0] == pytest.approx(np.log(gain / np.sqrt(2)), abs=0.06)


def test_the_largest_exponent_is_how_fast_two_runs_meet():
    network = random_relu(60, 1.1)
    rng = np.random.default_rng(0)
    drive = network.drive(rng.standard_normal((1, 260, 60)))
    start = rollout(network, drive[:, :60], np.zeros((1, 60))).h[:, -1]
    push = 1e-7 * rng.standard_normal((1, 60))
    one, two = (rollout(network, drive[:, 60:], at).h for at in (start, np.maximum(start + push, 0)))
    gap = np.log(np.linalg.norm(one - two, axis=-1)[0])
    slope = np.polyfit(np.arange(50), gap[:50], 1)[0]
    found, _ = lyapunov_exponents(network, settled_runs(network, 0, 8, 300), 1)
    assert slope == pytest.approx(found[0], abs=0.12)


def test_time_scales_follow_the_exponents_and_regions_are_counted():
    found = measure_time_scales(random_network(n=12), 20)
    assert len(found.lyapunov) == 12
    assert (np.diff(found.lyapunov[np.isfinite(found.lyapunov)]) <= 0).all()
    np.testing.assert_allclose(found.time_scale[0], -1 / found.lyapunov[0])
    assert found.regions == REGIONS
    for place, name in enumerate(REGIONS):
        there = found.magnitude[found.magnitude_region == name]
        if len(there) > 1:
            log = np.log(there[:, 0]).mean()
            assert found.leading[place] == pytest.approx(-1 / log if log < 0 else np.inf)
            assert found.near_one[place] == (np.abs(there - 1) < 0.1).sum(axis=1).mean()


def test_the_null_has_the_same_weights_in_other_places():
    network = random_network(n=12)
    shuffled = shuffle_weights(network, 0)
    np.testing.assert_array_equal(np.sort(shuffled.W_hh, axis=None), np.sort(network.W_hh, axis=None))
    assert (shuffled.W_hh != network.W_hh).mean() > 0.9


def test_a_random_network_is_like_its_null():
    found = measure_time_scales(random_relu(80, 1.0), 1)
    assert found.lyapunov[0] == pytest.approx(found.lyapunov_null[0], abs=0.05)


def test_no_exponents_are_refused():
    with pytest.raises(ValueError, match="exponents must be >= 1; got 0"):
        measure_time_scales(random_network(), 0)
