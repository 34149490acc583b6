"""What is drawn of a run is the run: each part of a TrajectorySummary against the room that it comes from."""

from itertools import pairwise

import numpy as np
import pytest

from hmmrnn.analysis.orbit import Plane, emission_along_orbit, fit_plane, orbit_phase
from hmmrnn.analysis.switching import count_switches
from hmmrnn.analysis.trajectory_summary import TrajectorySummary, summarise_trajectories
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate
from tests.networks import random_network

B, T = 5, 160
GROWING = 3


@pytest.fixture(scope="module")
def network() -> Network:
    """Three outputs; neuron 3 excites itself and nobody else, so that it diverges alone if mu is large."""
    base = random_network(n=14, m=4, o=3, seed=2)
    W_hh, W_out = base.W_hh.copy(), base.W_out.copy()
    W_hh[:, GROWING], W_hh[GROWING], W_out[:, GROWING] = 0, 0, 0
    W_hh[GROWING, GROWING] = 0.8
    return Network(W_hh, base.W_ih, W_out)


@pytest.fixture(scope="module")
def noise(network):
    return draw_noise(network.n_inputs, T, B, 1.0, 7)


@pytest.fixture(scope="module")
def run(network) -> Trajectory:
    return simulate(network, T, B, seed=7)


@pytest.fixture(scope="module")
def plane(run) -> Plane:
    return fit_plane(run)


@pytest.fixture(scope="module")
def seen(network, plane, noise) -> TrajectorySummary:
    return summarise_trajectories(network, plane, noise, 1.0, 7, HMM.preset("linear-2"))


@pytest.fixture(scope="module")
def burst(network, plane, noise) -> tuple[Network, TrajectorySummary]:
    """The same with neuron 3 doubled: every run diverges at some step."""
    blown = intervene(network, Intervention((GROWING,), mu=2.0))
    return blown, summarise_trajectories(blown, plane, noise, 1.0, 7, HMM.preset("linear-2"))


def equal(one: TrajectorySummary, other: TrajectorySummary) -> bool:
    """Whether two motions are the same bit for bit, inner results too."""

    def leaves(item):
        if hasattr(item, "__dataclass_fields__"):
            return [leaf for name in item.__dataclass_fields__ for leaf in leaves(getattr(item, name))]
        return [np.asarray(item)]

    pairs = zip(leaves(one), leaves(other), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


def test_points_and_outputs_are_those_of_the_run(seen, run, plane):
    np.testing.assert_array_equal(seen.points, plane.project(run.h).astype(np.float32))
    np.testing.assert_array_equal(seen.output, run.output)
    np.testing.assert_array_equal(seen.probabilities, run.probabilities.astype(np.float32))
    assert {seen.points.dtype, seen.speed.dtype, seen.probabilities.dtype} == {np.dtype(np.float32)}
    assert seen.output.dtype == np.int8
    np.testing.assert_array_equal(seen.diverged_at, np.full(B, -1))
    assert seen.largest_neuron == -1


def test_speed_is_the_distance_moved_in_the_plane(seen, run, plane):
    points = plane.project(run.h)
    for b in range(B):
        for t in range(1, T):
            np.testing.assert_allclose(seen.speed[b, t], np.linalg.norm(points[b, t] - points[b, t - 1]), rtol=1e-5)


def test_profile_and_switching_are_those_of_their_rooms(seen, run, plane):
    points = plane.project(run.h)
    expected = emission_along_orbit(orbit_phase(points, plane), run.probabilities)
    for name in ("median", "lower_quartile", "upper_quartile", "occupancy", "counts"):
        np.testing.assert_array_equal(getattr(seen.profile, name), getattr(expected, name))
    counted = count_switches(run.output, 3)
    np.testing.assert_array_equal(seen.switching.counts, counted.counts)
    np.testing.assert_array_equal(seen.switching.leave_rate, counted.leave_rate)


def test_transition_error_is_the_largest_over_the_rows_that_the_target_uses(seen, run):
    hmm = HMM.preset("linear-2")
    joint = np.zeros((3, 3))
    for p in run.probabilities:
        for now, after in pairwise(p):
            joint += np.outer(now, after)
    rows = joint / joint.sum(axis=1, keepdims=True)
    # The middle symbol has 1 % of the mass, below the 2 % from which a row counts.
    expected = np.abs(rows - hmm.emission_transitions)[[0, 2]].max()
    np.testing.assert_allclose(seen.transition_error, expected)


def test_without_a_target_there_is_no_error(network, plane, noise):
    assert np.isnan(summarise_trajectories(network, plane, noise, 1.0, 7, None).transition_error)


def test_mu_of_one_is_the_intact_network_bit_for_bit(network, plane, noise, seen):
    for target in ("unit", "recurrent", "input"):
        same = intervene(network, Intervention((0, 5, 9), mu=1.0, target=target))
        assert equal(summarise_trajectories(same, plane, noise, 1.0, 7, HMM.preset("linear-2")), seen)


def test_another_network_is_seen_in_the_same_plane_under_the_same_noise(network, plane, noise, seen):
    silenced = intervene(network, Intervention((0,)))
    other = summarise_trajectories(silenced, plane, noise, 1.0, 7, None)
    h = simulate(silenced, T, B, seed=7).h
    np.testing.assert_array_equal(other.points, plane.project(h).astype(np.float32))
    assert not equal(other, seen)


def test_a_run_is_drawn_up_to_the_step_where_it_diverges(burst, plane):
    blown, seen = burst
    run = simulate(blown, T, B, seed=7)
    assert (run.diverged_at > 0).all()
    np.testing.assert_array_equal(seen.diverged_at, run.diverged_at)
    assert seen.largest_neuron == GROWING
    for b, end in enumerate(run.diverged_at):
        np.testing.assert_array_equal(seen.points[b, :end], plane.project(run.h[b, :end]).astype(np.float32))
        assert np.isnan(seen.points[b, end:]).all()
        assert np.isnan(seen.probabilities[b, end:]).all()
        assert np.isfinite(seen.speed[b, :end]).all()
        assert np.isnan(seen.speed[b, end:]).all()
    assert seen.profile.counts.sum() == run.diverged_at.sum()
    # A switch is counted where both of its steps are valid.
    assert seen.switching.steps == (run.diverged_at - 1).sum()
    assert np.isnan(seen.transition_error)


def test_runs_that_stay_are_judged_when_others_diverge(network, plane):
    # One run sees no noise, stays at zero and is left whole.
    noise = draw_noise(network.n_inputs, T, 2, 1.0, 7)
    noise[1] = 0
    blown = intervene(network, Intervention((GROWING,), mu=2.0))
    seen = summarise_trajectories(blown, plane, noise, 1.0, 7, HMM.preset("linear-2"))
    assert seen.diverged_at[0] > 0 > seen.diverged_at[1]
    # At h = 0 all symbols are equally likely at every step.
    expected = np.abs(1 / 3 - HMM.preset("linear-2").emission_transitions)[[0, 2]].max()
    np.testing.assert_allclose(seen.transition_error, expected)


def test_of_a_pair_of_outputs_only_their_steps_are_drawn(network, plane, noise, run, seen):
    for pair in ((0, 1), (0, 2), (1, 2)):
        of_pair = summarise_trajectories(network, plane, noise, 1.0, 7, HMM.preset("linear-2"), pair)
        drawn = (run.output == pair[0]) | (run.output == pair[1])
        assert 0 < drawn.sum() < drawn.size
        np.testing.assert_array_equal(np.isfinite(of_pair.points[..., 0]), drawn)
        np.testing.assert_array_equal(of_pair.points[drawn], seen.points[drawn])
        np.testing.assert_array_equal(of_pair.probabilities[drawn], seen.probabilities[drawn])
        phase = orbit_phase(plane.project(run.h[drawn]), plane)
        around = emission_along_orbit(phase, run.probabilities[drawn])
        np.testing.assert_array_equal(of_pair.profile.counts, around.counts)
        np.testing.assert_allclose(of_pair.profile.median, around.median)
        # What is counted is what the network does, whatever is drawn of it.
        assert of_pair.switching.switches_per_1000 == seen.switching.switches_per_1000
        assert of_pair.transition_error == seen.transition_error


def test_a_pair_that_is_never_seen_is_refused(network, plane, noise):
    with pytest.raises(ValueError, match="none of the steps has output 3 or 4: choose another plane"):
        summarise_trajectories(network, plane, noise, 1.0, 7, None, (3, 4))
