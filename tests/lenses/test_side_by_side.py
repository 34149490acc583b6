"""Networks side by side: the same network is the same, one with its neurons moved too, an unrelated one is not."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.lenses.side_by_side import canonical_correlation, compare_networks, orbit_distance, participation_ratio
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Network
from tests.lenses.known_answers import knowing, random_relu
from tests.networks import random_network

N = 14


@pytest.fixture(scope="module")
def found():
    one = knowing(random_network(n=N, m=4, o=3, seed=1), HMM.preset("fully-connected"))
    place = np.random.default_rng(0).permutation(N)
    moved = replace(one, W_hh=one.W_hh[np.ix_(place, place)], W_ih=one.W_ih[place], W_out=one.W_out[:, place])
    other = random_network(n=N, m=4, o=2, seed=2)
    more_inputs = random_network(n=N, m=6, o=3, seed=3)
    return compare_networks({"one": one, "moved": moved, "other": other, "inputs": more_inputs})


def test_a_network_is_its_own_equal_and_so_is_one_with_its_neurons_moved(found):
    for a, b in ((0, 0), (0, 1), (1, 0)):
        assert found.r2[a, b] == pytest.approx(1, abs=1e-4)
        assert found.correlation[a, b] == pytest.approx(1, abs=1e-6)
        assert found.orbit_distance[a, b] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.place[0], found.place[1], atol=1e-3)
    for column in found.columns.values():
        assert column[0] == pytest.approx(column[1], abs=2e-3, nan_ok=True)


def test_another_network_is_farther_and_chance_is_nothing(found):
    assert found.r2[0, 2] < 0.9
    assert np.nanmax(np.abs(found.r2_null)) < 0.02
    assert (found.correlation_null[:3, :3] < 0.2).all()
    assert np.linalg.norm(found.place[0] - found.place[2]) > 0.1
    assert (found.r2_se[0, 2:3] > 0).all()


def test_networks_with_other_noise_are_not_compared_by_it(found):
    assert np.isnan(found.r2[0, 3])
    assert np.isnan(found.correlation[3, 0])
    assert np.isfinite(found.place).all()


def test_what_is_missing_is_said(found):
    assert any(note.startswith("other: no fidelity: ") for note in found.notes)
    assert any("one: no kick effect" in note for note in found.notes)
    assert np.isfinite(found.transition_error[0])
    assert np.isnan(found.transition_error[2])
    assert np.isnan(found.leave_rate[2, 2])
    assert np.isnan(found.kick_effect).all()
    np.testing.assert_allclose(found.region_shares.sum(axis=1), 1)
    assert {f"share_{name}" for name in REGIONS} < set(found.columns)


def test_the_participation_ratio_counts_directions():
    h = np.random.default_rng(0).standard_normal((20, 200, 5)) @ np.diag([1.0, 1.0, 1.0, 0.0, 0.0])
    ratio, error = participation_ratio(h)
    assert ratio == pytest.approx(3, abs=0.05)
    variance = h.reshape(-1, 5).var(axis=0)
    covariance = np.cov(h.reshape(-1, 5).T, ddof=0)
    assert ratio == pytest.approx(variance.sum() ** 2 / (covariance**2).sum())
    assert 0 < error < 0.05


def test_canonical_correlation_is_one_for_maps_and_the_known_one_between():
    rng = np.random.default_rng(1)
    x, noise = rng.standard_normal((2, 10, 400, 3))
    assert canonical_correlation(x, x @ rng.standard_normal((3, 3))) == pytest.approx(1)
    assert canonical_correlation(x, 0.6 * x + 0.8 * noise) == pytest.approx(0.6, abs=0.03)


def test_orbits_are_compared_by_their_shape():
    t = 2 * np.pi * np.arange(24) / 24
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert orbit_distance(circle, np.roll(3 * circle @ turn, 5, axis=0) + 7) == pytest.approx(0, abs=1e-12)
    assert orbit_distance(circle, circle[::-1]) == pytest.approx(0, abs=1e-12)
    flat = circle * [1.0, 0.2]
    expected = 1 - (1 + 0.2) ** 2 / (2 * (1 + 0.2**2))
    assert orbit_distance(circle, flat) == pytest.approx(expected)


def test_what_cannot_be_compared_is_refused_in_a_sentence():
    network = random_network()
    with pytest.raises(ValueError, match="2 to 60 networks can be compared; got 1"):
        compare_networks({"one": network})
    grows = Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4))
    with pytest.raises(ValueError, match=r"two cannot be compared: .*grows without bound"):
        compare_networks({"one": random_relu(4, 0.5), "two": grows})
