"""Networks side by side: the same network is the same, one with its neurons moved too, an unrelated one is not."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.comparison.one_side import participation_ratio
from hmmrnn.comparison.side_by_side import align_orbit, canonical_correlation, compare_networks, orthonormal
from hmmrnn.comparison.table import flat_columns
from hmmrnn.explorer.shipped_question import shipped_kick_neurons
from hmmrnn.model.checkpoint import load
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Network
from hmmrnn.shipped import MODELS
from tests.lenses.known_answers import knowing, random_relu
from tests.networks import network_of_cell, random_network

N = 14


@pytest.fixture(scope="module")
def networks():
    one = knowing(random_network(n=N, m=4, o=3, seed=1), HMM.preset("fully-connected"))
    place = np.random.default_rng(0).permutation(N)
    moved = replace(one, W_hh=one.W_hh[np.ix_(place, place)], W_ih=one.W_ih[place], W_out=one.W_out[:, place])
    other = random_network(n=N, m=4, o=2, seed=2)
    more_inputs = random_network(n=N, m=6, o=3, seed=3)
    return {"one": one, "moved": moved, "other": other, "inputs": more_inputs}


@pytest.fixture(scope="module")
def found(networks):
    return compare_networks(networks)


def test_a_network_is_its_own_equal_and_so_is_one_with_its_neurons_moved(found):
    for a, b in ((0, 0), (0, 1), (1, 0)):
        assert found.pairs["r2"][a, b] == pytest.approx(1, abs=1e-4)
        assert found.pairs["correlation"][a, b] == pytest.approx(1, abs=1e-6)
        assert found.pairs["orbit_distance"][a, b] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.place[0], found.place[1], atol=1e-3)
    np.testing.assert_allclose(found.orbits[0], found.orbits[1], atol=1e-6)
    for column in flat_columns(found).values():
        assert column[0] == pytest.approx(column[1], abs=2e-3, nan_ok=True)


def test_another_network_is_farther_and_chance_is_nothing(found):
    assert found.pairs["r2"][0, 2] < 0.9
    assert np.nanmax(np.abs(found.pairs["r2_null"])) < 0.02
    assert (found.pairs["correlation_null"][:3, :3] < 0.2).all()
    assert (found.pairs["orbit_distance_null"] > 0.5).all()
    assert np.linalg.norm(found.place[0] - found.place[2]) > 0.1
    assert (found.pairs["r2_se"][0, 2:3] > 0).all()


def test_networks_with_other_noise_are_not_compared_by_it(found):
    assert np.isnan(found.pairs["r2"][0, 3])
    assert np.isnan(found.pairs["correlation"][3, 0])
    assert np.isfinite(found.place).all()


def test_what_is_missing_is_said(found):
    assert any(note.startswith("other: no fidelity: ") for note in found.notes)
    assert any("one: no kick effect" in note for note in found.notes)
    assert np.isfinite(found.transition_error[0])
    assert np.isnan(found.transition_error[2])
    assert np.isnan(found.leave_rate[2, 2])
    assert np.isnan(found.kick_effect).all()
    assert np.isnan(found.pairs["kick_alike"]).all()
    np.testing.assert_allclose(found.region_shares.sum(axis=1), 1)
    assert {f"share_{name}" for name in REGIONS} < set(flat_columns(found))


def test_weights_differ_by_their_relative_norm_and_an_order_of_neurons_is_the_null(networks, found):
    one, other = networks["one"], networks["other"]
    distance = np.linalg.norm(one.W_hh - other.W_hh)
    expected = 2 * distance / (np.linalg.norm(one.W_hh) + np.linalg.norm(other.W_hh))
    assert found.pairs["W_hh"][0, 2] == pytest.approx(expected)
    np.testing.assert_array_equal(np.diag(found.pairs["W_hh"]), 0)
    assert found.pairs["W_hh"][0, 1] > 0.5
    # A difference of the whole matrix does not depend on the order; one of a network and itself does.
    assert found.pairs["W_hh_null"][0, 0] > 0.5
    assert np.isnan(found.pairs["W_ih"][0, 3])
    assert np.isnan(found.pairs["W_out"][0, 2])
    scaled = replace(one, W_hh=1.02 * one.W_hh)
    step = compare_networks({"one": one, "scaled": scaled})
    assert step.pairs["W_hh"][0, 1] == pytest.approx(2 * 0.02 / 2.02)
    assert step.pairs["W_ih"][0, 1] == 0


def test_kick_groups_of_a_network_and_of_its_copy_correspond():
    path = MODELS / "linear-2.safetensors"
    one, kick = load(path), shipped_kick_neurons(path)
    place = np.random.default_rng(0).permutation(one.n_neurons)
    moved = replace(one, W_hh=one.W_hh[np.ix_(place, place)], W_ih=one.W_ih[place], W_out=one.W_out[:, place])
    now = np.argsort(place)
    groups = tuple(replace(group, neurons=tuple(int(now[i]) for i in group.neurons)) for group in kick.groups)
    crossed = tuple(replace(group, neurons=other.neurons) for group, other in zip(groups, groups[::-1], strict=True))
    found = compare_networks(
        {"one": one, "moved": moved, "crossed": moved},
        kick={"one": kick, "moved": replace(kick, groups=groups), "crossed": replace(kick, groups=crossed)},
    )
    ratios = [group.leave_rate_ratio for group in kick.groups if group.neurons]
    assert len(ratios) > 1
    assert found.kick_effect[0] == min(ratios)
    assert found.kick_effect_null[0] > 0.5
    assert found.pairs["kick_alike"][0, 1] == pytest.approx(1, abs=1e-6)
    assert found.pairs["kick_matched"][0, 1] == 1
    assert abs(found.pairs["kick_alike_null"][0, 1]) < 0.5
    # Neurons of one exit that are named after another are found out by what they do.
    assert found.pairs["kick_alike"][0, 2] < 0.5
    assert found.pairs["kick_matched"][0, 2] == 0
    # By their numbers, moved neurons are others.
    assert found.pairs["kick_shared"][0, 0] == 1
    assert found.pairs["kick_shared"][0, 1] < 0.3
    assert found.pairs["kick_shared_null"][0, 1] < 0.1
    assert sum(name.startswith("silenced_") for name in flat_columns(found)) == 2 * len(ratios)


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
    assert canonical_correlation(orthonormal(x), orthonormal(x @ rng.standard_normal((3, 3)))) == pytest.approx(1)
    assert canonical_correlation(orthonormal(x), orthonormal(0.6 * x + 0.8 * noise)) == pytest.approx(0.6, abs=0.03)


def test_orbits_are_compared_by_their_shape_and_laid_on_each_other():
    t = 2 * np.pi * np.arange(24) / 24
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert align_orbit(circle, np.roll(3 * circle @ turn, 5, axis=0) + 7)[0] == pytest.approx(0, abs=1e-12)
    assert align_orbit(circle, circle[::-1])[0] == pytest.approx(0, abs=1e-12)
    flat = circle * [1.0, 0.2]
    expected = 1 - (1 + 0.2) ** 2 / (2 * (1 + 0.2**2))
    assert align_orbit(circle, flat)[0] == pytest.approx(expected)
    uneven = np.random.default_rng(3).standard_normal((24, 2)) + circle
    for changed in (uneven @ turn, uneven * [1, -1], uneven[::-1], np.roll(2 * uneven @ turn * [-1, 1], 7, axis=0) - 4):
        distance, laid = align_orbit(uneven, changed)
        assert distance == pytest.approx(0, abs=1e-12)
        np.testing.assert_allclose(laid, uneven, atol=1e-9)


def test_what_cannot_be_compared_is_refused_in_a_sentence():
    network = random_network()
    with pytest.raises(ValueError, match="2 to 60 different networks can be compared; got 1"):
        compare_networks({"one": network})
    grows = Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4))
    with pytest.raises(ValueError, match=r"two networks are needed .*two: .*grows without bound"):
        compare_networks({"one": random_relu(4, 0.5), "two": grows})
    rest = compare_networks({"one": random_relu(4, 0.5), "two": grows, "three": random_relu(4, 0.5)})
    assert rest.names == ("one", "three")
    assert any(note.startswith("two is left out: ") for note in rest.notes)


@pytest.mark.parametrize("cell", ["tanh", "lstm"])
def test_networks_of_other_cells_stand_side_by_side(cell):
    found = compare_networks({"relu": network_of_cell("relu", n=8), "other": network_of_cell(cell, n=8)})
    assert np.isfinite(found.lyapunov).all()
    assert found.pairs["r2"][0, 1] < 1
