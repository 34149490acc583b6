"""The survey of visited states: a sample without repeats, each looked at as the rooms below would alone."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.orbit import Plane, drift_field, fit_plane
from hmmrnn.analysis.regions import REGIONS, residency
from hmmrnn.analysis.stability import CONVERGED, DIVERGED, spectra
from hmmrnn.analysis.state_survey import (
    SAMPLED_STATES,
    SPECTRA_PER_REGION,
    STARTS_WITHOUT_NOISE,
    spectrum_along_orbit,
    survey_states,
)
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import Trajectory, simulate
from tests.networks import planted_switch, random_network


@pytest.fixture(scope="module")
def network() -> Network:
    return planted_switch(hold=4, integrators=8, kick=3, echoes=1, idle=2).network


@pytest.fixture(scope="module")
def run(network) -> Trajectory:
    return simulate(network, 200, 10, seed=4)


@pytest.fixture(scope="module")
def plane(run) -> Plane:
    return fit_plane(run)


@pytest.fixture(scope="module")
def found(network, plane, run):
    return survey_states(network, plane, run, seed=4)


def test_states_are_a_sample_of_those_visited_and_the_count_is_said(found, run, plane):
    assert found.available == 2000
    assert found.at.shape == (SAMPLED_STATES, 2)
    assert len(np.unique(found.at, axis=0)) == SAMPLED_STATES
    np.testing.assert_allclose(found.points, plane.project(run.h[tuple(found.at.T)]), atol=1e-9)


def test_a_short_run_is_looked_at_whole(network, plane):
    run = simulate(network, 60, 3, seed=1)
    found = survey_states(network, plane, run, seed=0)
    assert found.available == len(found.points) == 180
    np.testing.assert_array_equal(found.at, np.argwhere(run.valid))


def test_regions_are_those_that_residency_gives_the_same_states(found, run, network):
    alone = residency(network, run.h[tuple(found.at.T)], sigma=1.0, seed=4)
    for name in ("time", "sign_changes", "region", "output"):
        np.testing.assert_array_equal(getattr(found.residency, name), getattr(alone, name))


def test_residency_is_asked_under_the_noise_of_the_run(network, plane):
    loud = simulate(network, 100, 4, sigma=2.0, seed=3)
    found = survey_states(network, plane, loud, seed=3)
    assert (found.residency.sigma, found.residency.seed) == (2.0, 3)


def test_spectra_are_of_up_to_forty_states_of_each_region(found, run, network):
    region = found.residency.region
    for name in REGIONS:
        of_region = np.count_nonzero(region[found.spectra_at] == name)
        assert of_region == min(SPECTRA_PER_REGION, np.count_nonzero(region == name))
    assert len(set(found.spectra_at)) == len(found.spectra_at)
    alone = spectra(network, run.h[tuple(found.at[found.spectra_at].T)])
    np.testing.assert_array_equal(found.spectra.eigenvalues, alone.eigenvalues)
    np.testing.assert_array_equal(found.spectra.unstable, alone.unstable)


def test_drift_is_that_of_all_steps_and_not_of_the_sample(found, run, plane):
    alone = drift_field(plane.project(run.h)[..., :2])
    np.testing.assert_allclose(found.drift.centers, alone.centers)
    np.testing.assert_allclose(found.drift.displacement, alone.displacement)
    np.testing.assert_array_equal(found.drift.counts, alone.counts)


def test_without_biases_activity_ends_at_the_origin():
    network = random_network()
    run = simulate(network, 200, 4, seed=0)
    plane = fit_plane(run)
    found = survey_states(network, plane, run, seed=0)
    assert (found.fixed_points.outcome == CONVERGED).all()
    origin = plane.project(np.zeros(network.n_neurons))
    np.testing.assert_allclose(found.fixed_points_at, np.tile(origin, (STARTS_WITHOUT_NOISE, 1)), atol=1e-4)


def test_the_seed_decides_the_sample(found, network, plane, run):
    again, other = (survey_states(network, plane, run, seed=seed) for seed in (4, 5))
    np.testing.assert_array_equal(again.at, found.at)
    np.testing.assert_array_equal(again.residency.time, found.residency.time)
    np.testing.assert_array_equal(again.spectra_at, found.spectra_at)
    assert (other.at != found.at).any()


def test_only_states_before_a_divergence_are_looked_at(network, plane, run):
    n = network.n_neurons
    # One more neuron, which doubles and drives nobody.
    W_hh, W_ih = np.zeros((n + 1, n + 1)), np.vstack([network.W_ih, np.ones(network.n_inputs)])
    W_hh[:n, :n], W_hh[n, n] = network.W_hh, 2.0
    W_out, b_h = np.hstack([network.W_out, np.zeros((2, 1))]), np.append(network.b_h, 0.0)
    growing = Network(W_hh, W_ih, W_out, b_h)
    blown = simulate(growing, 100, 6, seed=2)
    assert (blown.diverged_at > 0).all()
    flat = np.hstack([plane.components, np.zeros((3, 1))])
    wide = Plane(np.append(plane.mean, 0.0), flat, plane.explained_variance_ratio, plane.scale)
    found = survey_states(growing, wide, blown, seed=2)
    assert found.available == blown.diverged_at.sum()
    assert (found.at[:, 1] < blown.diverged_at[found.at[:, 0]]).all()
    assert np.isfinite(found.points).all()
    # A start in which the neuron is still silent comes to rest; each of the others has no end to draw.
    endless = found.fixed_points.outcome == DIVERGED
    assert 0 < endless.sum() < STARTS_WITHOUT_NOISE
    np.testing.assert_array_equal(np.isnan(found.fixed_points_at).any(axis=1), endless)


def test_an_intervened_network_is_surveyed_with_its_own_dynamics(network, plane):
    silenced = intervene(network, Intervention(tuple(range(20))))
    run = simulate(silenced, 100, 4, seed=1)
    found = survey_states(silenced, plane, run, seed=1)
    alone = residency(silenced, run.h[tuple(found.at.T)], seed=1)
    np.testing.assert_array_equal(found.residency.time, alone.time)
    # A silenced neuron has a row of zeros in the Jacobian, and so an eigenvalue of zero.
    assert (np.count_nonzero(found.spectra.eigenvalues == 0, axis=1) >= 20).all()


def test_refuses_a_run_without_any_state(network, plane, run):
    gone = replace(run, diverged_at=np.zeros(len(run.h), int))
    with pytest.raises(ValueError, match="there is no state to map: every run diverges at its first step"):
        survey_states(network, plane, gone, seed=0)


def test_of_a_pair_of_outputs_only_their_states_are_looked_at():
    network = random_network(n=14, m=4, o=3, seed=2)
    run = simulate(network, 60, 4, seed=1)
    own = fit_plane(run)
    found = survey_states(network, own, run, seed=0, pair=(0, 2))
    wanted = np.isin(run.output, (0, 2))
    np.testing.assert_array_equal(found.at, np.argwhere(wanted))
    assert found.available == wanted.sum() < wanted.size
    paths = np.where(wanted[..., None], own.project(run.h), np.nan)
    np.testing.assert_array_equal(found.drift.counts, drift_field(paths[..., :2]).counts)
    with pytest.raises(ValueError, match="there is no state to map: none of the steps has output 3 or 4"):
        survey_states(network, own, run, seed=0, pair=(3, 4))


# ---- counts along the orbit ----


@pytest.fixture(scope="module")
def states(run):
    return run.h[:, ::5].reshape(-1, run.h.shape[2])


def test_means_and_errors_are_those_of_a_plain_loop(network, plane, states):
    bins = 10
    found, counts = spectrum_along_orbit(network, plane, states, phase_bins=bins), spectra(network, states)
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
    found = spectrum_along_orbit(Network(W_hh, np.ones((5, 1)), np.ones((2, 5))), plane, states, phase_bins=4)
    np.testing.assert_array_equal(found.counts, [4, 0, 0, 0])
    found = spectrum_along_orbit(Network(W_hh, np.ones((5, 1)), np.ones((2, 5))), plane, states, phase_bins=12)
    np.testing.assert_array_equal(found.counts, [2, 0, 2, *[0] * 9])
    np.testing.assert_array_equal(found.unstable[[0, 2]], [1, 0])
    np.testing.assert_array_equal(found.critical_pairs[[0, 2]], [0, 1])
    np.testing.assert_array_equal(found.unstable_se[[0, 2]], 0)
    assert np.isnan(found.unstable[1])


def test_without_bias_nothing_depends_on_the_noise():
    network = random_network(n=10)
    one, five = (simulate(network, steps=60, trajectories=3, sigma=sigma) for sigma in (1.0, 5.0))
    first, second = (
        spectrum_along_orbit(network, fit_plane(run), run.h[:, ::4].reshape(-1, 10)) for run in (one, five)
    )
    for name in ("counts", "unstable", "critical_pairs", "critical_pairs_se"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_results_are_read_only(network, plane, states):
    with pytest.raises(ValueError, match="read-only"):
        spectrum_along_orbit(network, plane, states[:3]).unstable[0] = 0


@pytest.mark.parametrize(("change", "message"), [
    ({"phase_bins": 0}, "phase_bins must be >= 1; got 0"),
    ({"states": np.ones(34)}, r"states must have shape \(S, 34\); got \(34,\)"),
    ({"states": np.full((2, 34), np.nan)}, "states must be finite; got 68 NaN"),
    ({"plane": Plane(np.ones(34), np.eye(34)[:1], np.ones(1), np.ones(1))}, "an orbit needs 2 coordinates; got 1"),
])  # fmt: skip
def test_bad_input_is_refused(network, plane, states, change, message):
    with pytest.raises(ValueError, match=message):
        spectrum_along_orbit(network, **{"plane": plane, "states": states, **change})
