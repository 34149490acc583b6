"""Noise sensitivity: against naive rollouts and what linear networks must do, and what must be refused."""

from dataclasses import fields

import numpy as np
import pytest

from hmmrnn.analysis.noise_sensitivity import STATES_PER_REGION, NoiseSensitivity, measure_noise_sensitivity
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, TRANSITION, UNASSIGNED
from hmmrnn.model.network import Intervention, Network, intervene
from tests.networks import random_network

T, ROLLOUTS, GAMMAS = 12, 7, (0.0, 0.3, 1.0)
LABELS = np.array([CLUSTER, TRANSITION, KICK_ZONE, CLUSTER, UNASSIGNED, CLUSTER, TRANSITION])


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network(n=9, m=4, o=2, seed=1, bias=True)


@pytest.fixture(scope="module")
def states() -> np.ndarray:
    return np.abs(np.random.default_rng(7).standard_normal((len(LABELS), 9)))


@pytest.fixture(scope="module")
def found(network, states) -> NoiseSensitivity:
    return measure_noise_sensitivity(network, states, LABELS, GAMMAS, T, ROLLOUTS, sigma=0.7, seed=5)


class Watched(Network):
    """A network that keeps the noise that it is driven with."""

    def drive(self, noise: np.ndarray) -> np.ndarray:
        seen.append(noise.copy())
        return super().drive(noise)


seen: list[np.ndarray] = []


@pytest.fixture(scope="module")
def noises(network, states, found) -> list[np.ndarray]:
    """(rollouts, T, M) of every state and gamma, in the order in which they were asked for."""
    seen.clear()
    watched = Watched(network.W_hh, network.W_ih, network.W_out, network.b_h, network.b_out)
    again = measure_noise_sensitivity(watched, states, LABELS, GAMMAS, T, ROLLOUTS, sigma=0.7, seed=5)
    np.testing.assert_array_equal(again.trace, found.trace)
    return list(seen)


def naive_spread(network: Network, state: np.ndarray, noise: np.ndarray) -> tuple[list[float], list[float]]:
    """Trace of the covariance and mean distance to the mean, at each step."""
    paths = []
    for run in noise:
        h, path = state, []
        for x in run:
            h = np.maximum(network.W_hh @ h + network.W_ih @ x + network.b_h, 0)
            path.append(h)
        paths.append(path)
    traces, distances = [], []
    for now in np.array(paths).swapaxes(0, 1):
        traces.append(np.trace(np.cov(now.T)))
        distances.append(np.mean([np.linalg.norm(one - now.mean(axis=0)) for one in now]))
    return traces, distances


def test_spread_is_that_of_naive_rollouts(network, states, found, noises):
    # Which state came first is the seed's choice; over all of a region it does not matter for the sums.
    order = {name: [] for name in found.regions}
    for r, name in enumerate(found.regions):
        chosen = np.random.default_rng([5, 5, r]).permutation(np.flatnonzero(name == LABELS))
        order[name] = list(chosen)
    at = iter(noises)
    for r, name in enumerate(found.regions):
        spread = np.array([[naive_spread(network, states[i], next(at)) for _ in GAMMAS] for i in order[name]])
        trace, distance = spread[:, :, 0], spread[:, :, 1]
        np.testing.assert_allclose(found.trace[r], trace.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(found.distance[r], distance.mean(axis=0), atol=1e-12)
        root = np.sqrt(len(trace))
        np.testing.assert_allclose(found.trace_se[r], trace.std(axis=0, ddof=1) / root, atol=1e-12)
        np.testing.assert_allclose(found.distance_se[r], distance.std(axis=0, ddof=1) / root, atol=1e-12)


def test_noise_is_a_mixture_of_shared_and_own(noises):
    shared, mixed, own = noises[:3]
    # At gamma = 0 all rollouts see the same; every other gamma lies on the line from there to their own.
    np.testing.assert_array_equal(shared, np.broadcast_to(shared[0], shared.shape))
    np.testing.assert_allclose(mixed, 0.7 * shared + 0.3 * own)
    assert len(np.unique(own[:, 0, 0])) == ROLLOUTS
    assert own.std() == pytest.approx(0.7, rel=0.15)


def test_the_states_of_both_regions_see_the_same_noise(noises):
    clusters = noises[: 3 * len(GAMMAS)]
    transitions = noises[3 * len(GAMMAS) :]
    assert len(transitions) == 2 * len(GAMMAS)
    for one, other in zip(transitions, clusters, strict=False):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(clusters[2], clusters[5])


def test_shared_noise_keeps_rollouts_together(found):
    np.testing.assert_allclose(found.trace[:, 0], 0, atol=1e-24)
    np.testing.assert_allclose(found.distance[:, 0], 0, atol=1e-12)
    assert (found.trace[:, 1:] > 0).all()


def test_what_was_asked_for_is_said(found):
    assert found.regions == (CLUSTER, TRANSITION)
    np.testing.assert_array_equal(found.counts, [3, 2])
    np.testing.assert_array_equal(found.available, [3, 2])
    np.testing.assert_array_equal(found.diverged, [0, 0])
    assert (found.rollouts, found.sigma, found.seed) == (ROLLOUTS, 0.7, 5)
    arrays = [getattr(found, field.name) for field in fields(NoiseSensitivity)]
    assert not any(array.flags.writeable for array in arrays if isinstance(array, np.ndarray))


def test_a_linear_network_spreads_as_its_weights_say():
    """Always active: h_t = a h_{t-1} + gamma x_t has the variance gamma^2 sigma^2 (1 - a^2t) / (1 - a^2) per neuron."""
    n, a, sigma = 3, 0.8, 0.5
    network = Network(a * np.eye(n), np.eye(n), np.eye(n), b_h=np.full(n, 20.0))
    starts = np.full((20, n), 100.0)
    result = measure_noise_sensitivity(network, starts, [CLUSTER] * 20, (0.4, 1.0), steps=15, rollouts=60, sigma=sigma)
    steps = np.arange(1, 16)
    for g, gamma in enumerate((0.4, 1.0)):
        exact = n * (gamma * sigma) ** 2 * (1 - a ** (2 * steps)) / (1 - a**2)
        assert (np.abs(result.trace[0, g] - exact) < 4 * result.trace_se[0, g]).all()
    # Own noise alone is all that spreads a linear network.
    np.testing.assert_allclose(result.trace[0, 0], 0.4**2 * result.trace[0, 1])
    np.testing.assert_allclose(result.distance[0, 0], 0.4 * result.distance[0, 1])


def test_silent_neurons_do_not_spread():
    network = random_network(n=6, m=3, seed=2)
    dead = intervene(network, Intervention(tuple(range(6))))
    result = measure_noise_sensitivity(dead, np.ones((2, 6)), [CLUSTER, TRANSITION], steps=5, rollouts=4)
    np.testing.assert_array_equal(result.trace, 0)


def test_without_biases_it_scales_with_the_noise():
    network = random_network(n=8, m=3, seed=4)
    states = np.abs(np.random.default_rng(0).standard_normal((4, 8)))
    labels = [CLUSTER, TRANSITION] * 2
    one = measure_noise_sensitivity(network, states, labels, steps=10, rollouts=5, sigma=1.0)
    two = measure_noise_sensitivity(network, 2 * states, labels, steps=10, rollouts=5, sigma=2.0)
    np.testing.assert_array_equal(two.trace, 4 * one.trace)
    np.testing.assert_array_equal(two.distance, 2 * one.distance)


def test_of_many_states_some_are_drawn_by_the_seed(network):
    many = np.abs(np.random.default_rng(1).standard_normal((90, 9)))
    labels = np.array([CLUSTER] * 80 + [TRANSITION] * 10)
    one, again, other = (
        measure_noise_sensitivity(network, many, labels, (1.0,), 3, 2, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.counts, [STATES_PER_REGION, 10])
    np.testing.assert_array_equal(one.available, [80, 10])
    np.testing.assert_array_equal(one.trace, again.trace)
    assert (one.trace != other.trace).any()


def test_a_region_without_states_is_nan(network, states):
    result = measure_noise_sensitivity(network, states[:1], [TRANSITION], GAMMAS, T, ROLLOUTS)
    np.testing.assert_array_equal(result.counts, [0, 1])
    assert np.isnan(result.trace[0]).all()
    assert np.isfinite(result.trace[1]).all()
    # One state has no spread between states.
    assert np.isnan(result.trace_se).all()


def test_a_region_is_followed_up_to_the_first_divergence():
    network = Network([[3.0, 0.0], [0.0, 0.5]], [[0.0], [1.0]], np.eye(2))
    states = [[0.0, 1.0], [1.0, 1.0], [0.0, 2.0]]
    result = measure_noise_sensitivity(network, states, [CLUSTER, TRANSITION, TRANSITION], (1.0,), steps=30, rollouts=3)
    np.testing.assert_array_equal(result.diverged, [0, 1])
    assert np.isfinite(result.trace[0]).all()
    # 3^13 is the first power above a million times the start; noise may drive it by a few more.
    known = np.isfinite(result.trace[1, 0])
    assert 12 <= known.sum() <= 15
    assert known[: known.sum()].all()


@pytest.mark.parametrize(("change", "message"), [
    ({"states": np.ones((2, 4))}, r"states must have shape \(S, 9\); got \(2, 4\)"),
    ({"states": np.full((2, 9), np.nan)}, "states must be finite; got 18 NaN"),
    ({"region": [CLUSTER]}, r"region must have one label per state, shape \(2,\); got \(1,\)"),
    ({"region": [CLUSTER, "slow"]}, "region must be one of cluster, .*; got 'slow'"),
    ({"region": [KICK_ZONE, UNASSIGNED]}, "at least one cluster or transition state; got 2 others"),
    ({"gammas": ()}, "gammas must be shares from 0 to 1"),
    ({"gammas": (0.5, 1.2)}, r"gammas must be shares from 0 to 1; got \(0.5, 1.2\)"),
    ({"gammas": (np.nan,)}, "gammas must be shares from 0 to 1"),
    ({"steps": 0}, "steps must be >= 1 and rollouts >= 2; got 0 and 2"),
    ({"rollouts": 1}, "steps must be >= 1 and rollouts >= 2; got 2 and 1"),
    ({"sigma": -0.1}, "sigma must be >= 0; got -0.1"), ({"seed": -1}, "seed must be >= 0; got -1"),
])  # fmt: skip
def test_refuses(network, change, message):
    asked = {"states": np.ones((2, 9)), "region": [CLUSTER, TRANSITION], "steps": 2, "rollouts": 2, **change}
    with pytest.raises(ValueError, match=message):
        measure_noise_sensitivity(network, **asked)
