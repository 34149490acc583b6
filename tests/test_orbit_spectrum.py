"""Counts along the orbit against plain loops over bins, and where they were planted."""

import numpy as np
import pytest

from hmmrnn.experiments.orbit_spectrum import orbit_spectrum
from hmmrnn.network import Network
from hmmrnn.simulation import simulate
from hmmrnn.stability import spectra
from hmmrnn.statespace import Plane, fit_plane
from tests.networks import planted_switch, random_network


@pytest.fixture(scope="module")
def network() -> Network:
    return planted_switch(hold=4, integrators=6, kick=2, echoes=1, idle=2).network


@pytest.fixture(scope="module")
def run(network):
    return simulate(network, steps=300, trajectories=6)


@pytest.fixture(scope="module")
def plane(run) -> Plane:
    return fit_plane(run)


@pytest.fixture(scope="module")
def states(run):
    return run.h[:, ::5].reshape(-1, run.h.shape[2])


def test_means_and_errors_are_those_of_a_plain_loop(network, plane, states):
    bins = 10
    found, counts = orbit_spectrum(network, plane, states, phase_bins=bins), spectra(network, states)
    inside = [[] for _ in range(bins)]
    for s, point in enumerate(plane.project(states)):
        angle = np.arctan2(point[1] / plane.scale[1], point[0] / plane.scale[0]) % (2 * np.pi)
        inside[int(angle / (2 * np.pi) * bins)].append(s)
    np.testing.assert_allclose(found.phase_centers, (np.arange(bins) + 0.5) * 2 * np.pi / bins)
    assert found.counts.tolist() == [len(members) for members in inside]
    assert found.counts.sum() == len(states)
    for name in ("unstable", "critical_pairs"):
        values, mean, error = getattr(counts, name), getattr(found, name), getattr(found, f"{name}_se")
        for members, one_mean, one_error in zip(inside, mean, error, strict=True):
            if members:
                np.testing.assert_allclose(one_mean, values[members].mean())
            else:
                assert np.isnan(one_mean)
            if len(members) > 1:
                expected = values[members].std(ddof=1) / np.sqrt(len(members))
                np.testing.assert_allclose(one_error, expected, atol=1e-12)
            else:
                assert np.isnan(one_error)
    assert np.nanmax(found.unstable) > 0


def test_planted_counts_are_found_at_their_phase():
    """Neurons 0 and 1 span the plane; 2 keeps itself with 1.5, 3 and 4 turn on the unit circle, by 0.5 a step."""
    W_hh = np.zeros((5, 5))
    W_hh[:2, :2] = 0.5 * np.eye(2)
    W_hh[2, 2] = 1.5
    W_hh[3:, 3:] = [[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]
    plane = Plane(np.array([2.0, 2, 0, 0, 0]), np.eye(5)[:2], np.ones(2), np.ones(2))
    # Right of the middle 2 is active, above it 3 and 4 are; two states at each.
    states = [[4, 2.1, 1, 0, 0], [2.1, 4, 0, 1, 1]] * 2
    found = orbit_spectrum(Network(W_hh, np.ones((5, 1)), np.ones((2, 5))), plane, states, phase_bins=4)
    np.testing.assert_array_equal(found.counts, [4, 0, 0, 0])
    found = orbit_spectrum(Network(W_hh, np.ones((5, 1)), np.ones((2, 5))), plane, states, phase_bins=12)
    np.testing.assert_array_equal(found.counts, [2, 0, 2, *[0] * 9])
    np.testing.assert_array_equal(found.unstable[[0, 2]], [1, 0])
    np.testing.assert_array_equal(found.critical_pairs[[0, 2]], [0, 1])
    np.testing.assert_array_equal(found.unstable_se[[0, 2]], 0)
    assert np.isnan(found.unstable[1])


def test_without_bias_nothing_depends_on_the_noise():
    network = random_network(n=10)
    one, five = (simulate(network, steps=60, trajectories=3, sigma=sigma) for sigma in (1.0, 5.0))
    first, second = (orbit_spectrum(network, fit_plane(run), run.h[:, ::4].reshape(-1, 10)) for run in (one, five))
    for name in ("counts", "unstable", "critical_pairs", "critical_pairs_se"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_results_are_read_only(network, plane, states):
    with pytest.raises(ValueError, match="read-only"):
        orbit_spectrum(network, plane, states[:3]).unstable[0] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phase_bins": 0}, "phase_bins must be >= 1; got 0"),
        ({"states": np.ones(28)}, r"states must have shape \(S, 28\); got \(28,\)"),
        ({"states": np.full((2, 28), np.nan)}, "states must be finite; got 56 NaN"),
        ({"plane": Plane(np.ones(28), np.eye(28)[:1], np.ones(1), np.ones(1))}, "an orbit needs 2 coordinates; got 1"),
    ],
)
def test_bad_input_is_refused(network, plane, states, change, message):
    with pytest.raises(ValueError, match=message):
        orbit_spectrum(network, **{"plane": plane, "states": states, **change})
