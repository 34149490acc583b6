"""The plane against a singular value decomposition, the orbit against a planted ellipse, bins against loops."""

from itertools import pairwise

import numpy as np
import pytest

from hmmrnn.analysis import orbit
from hmmrnn.analysis.orbit import (
    drift_field,
    emission_along_orbit,
    fit_network_plane,
    fit_plane,
    longest_stretch,
    orbit_phase,
    pair_stretches,
    speed,
)
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import simulate
from tests.networks import planted_switch


def random_network(seed=0, n=10, m=4, gain=0.9):
    rng = np.random.default_rng(seed)
    orthogonal = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return Network(W_hh=gain * orthogonal, W_ih=rng.standard_normal((n, m)), W_out=rng.standard_normal((3, n)))


def ellipse(steps=240, turns=3, seed=0):
    """An orbit in 6 dimensions, long along its first axis: states (T, 6) and their true angles (T,)."""
    axes = np.linalg.qr(np.random.default_rng(seed).standard_normal((6, 2)))[0].T
    angle = 2 * np.pi * turns * np.arange(steps) / steps
    return 7.0 + np.cos(angle)[:, None] * 5 * axes[0] + np.sin(angle)[:, None] * 0.5 * axes[1], angle


@pytest.mark.parametrize("few", [orbit.FEW_NEURONS, 6], ids=["few neurons", "many neurons"])
@pytest.mark.parametrize("count", [40, 1], ids=["more states", "fewer states than neurons"])
def test_plane_equals_a_singular_value_decomposition(few, count, monkeypatch):
    monkeypatch.setattr(orbit, "FEW_NEURONS", few)
    states = np.random.default_rng(0).standard_normal((count, 5, 7)) * np.arange(1, 8) + 3
    plane = fit_plane(states, n_components=4)
    flat = states.reshape(-1, 7)
    _, singular, rows = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    variance = singular**2 / (len(flat) - 1)
    np.testing.assert_allclose(plane.mean, flat.mean(axis=0))
    np.testing.assert_allclose(np.abs(np.sum(plane.components * rows[:4], axis=1)), 1)
    np.testing.assert_allclose(plane.explained_variance_ratio, (variance / variance.sum())[:4])
    np.testing.assert_allclose(plane.scale, np.sqrt(variance[:4]))
    np.testing.assert_allclose(plane.components @ plane.components.T, np.eye(4), atol=1e-12)


def test_few_states_on_a_line_give_directions_all_the_same(monkeypatch):
    monkeypatch.setattr(orbit, "FEW_NEURONS", 6)
    direction = np.linspace(1, 2, 9) / np.linalg.norm(np.linspace(1, 2, 9))
    plane = fit_plane(np.arange(5)[:, None] * direction)
    np.testing.assert_allclose(plane.components @ plane.components.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(plane.components[0], direction)
    np.testing.assert_allclose(plane.scale, [np.sqrt(2.5), 0, 0], atol=1e-7)


def test_projected_states_have_the_planes_mean_and_scale():
    trajectory = simulate(random_network(), steps=50, trajectories=6)
    plane = fit_plane(trajectory)
    points = plane.project(trajectory.h)
    assert points.shape == (6, 50, 3)
    np.testing.assert_allclose(points, (trajectory.h - plane.mean) @ plane.components.T, atol=1e-10)
    np.testing.assert_allclose(points.reshape(-1, 3).mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(points.reshape(-1, 3).std(axis=0, ddof=1), plane.scale)


def test_direction_is_decided_by_the_largest_entry():
    states = np.random.default_rng(1).standard_normal((100, 5))
    plane, mirrored = fit_plane(states), fit_plane(-states)
    for components in (plane.components, mirrored.components):
        peak = np.abs(components).argmax(axis=1)
        assert (components[np.arange(3), peak] > 0).all()
    np.testing.assert_allclose(plane.components, mirrored.components)


def test_without_bias_the_plane_keeps_its_direction_when_noise_is_scaled():
    network = random_network()
    base = fit_plane(simulate(network, steps=80, trajectories=3))
    scaled = fit_plane(simulate(network, steps=80, trajectories=3, sigma=0.25))
    np.testing.assert_allclose(scaled.components, base.components, atol=1e-12)
    np.testing.assert_allclose(scaled.scale, 0.25 * base.scale)


def test_only_steps_before_a_divergence_count():
    trajectory = simulate(random_network(gain=2.5), steps=60, trajectories=3)
    assert trajectory.diverged
    plane = fit_plane(trajectory)
    by_hand = fit_plane(trajectory.h[trajectory.valid])
    np.testing.assert_array_equal(plane.components, by_hand.components)
    assert np.isfinite(plane.scale).all()


def test_projection_of_what_is_not_finite_is_nan():
    plane = fit_plane(np.random.default_rng(0).standard_normal((20, 4)))
    h = np.ones((3, 4))
    h[1, 0], h[2, 2] = np.inf, np.nan
    np.testing.assert_array_equal(np.isnan(plane.project(h)).all(axis=1), [False, True, True])


def test_fitting_leaves_the_states_as_they_are():
    states = np.random.default_rng(0).standard_normal((20, 4))
    before = states.copy()
    plane = fit_plane(states)
    np.testing.assert_array_equal(states, before)
    with pytest.raises(ValueError, match="read-only"):
        plane.mean[0] = 0


def test_fewer_directions_than_asked_for():
    few_neurons = fit_plane(np.random.default_rng(0).standard_normal((20, 2)), n_components=3)
    assert few_neurons.components.shape == (2, 2)
    on_a_line = fit_plane(np.outer(np.arange(5.0), [3.0, 0.0, 4.0]))
    np.testing.assert_allclose(on_a_line.components[0], [0.6, 0, 0.8], atol=1e-12)
    np.testing.assert_array_equal(on_a_line.scale[1:], 0)
    np.testing.assert_allclose(on_a_line.explained_variance_ratio, [1, 0, 0])
    # Without a second extent every state is at phase 0 or pi.
    phase = orbit_phase(on_a_line.project(np.outer(np.arange(5.0), [3.0, 0.0, 4.0])), on_a_line)
    np.testing.assert_allclose(np.sin(phase), 0, atol=1e-12)


def test_silenced_network_has_no_plane_of_its_own():
    network = random_network()
    silenced = intervene(network, Intervention(tuple(range(network.n_neurons)), mu=0.0))
    trajectory = simulate(silenced, steps=10)
    with pytest.raises(ValueError, match=r"all 10 are identical.*needs a network that moves under noise"):
        fit_plane(trajectory)
    intact = fit_plane(simulate(network, steps=10))
    np.testing.assert_allclose(intact.project(trajectory.h[0])[0], -intact.components @ intact.mean)


def test_phase_follows_the_angle_of_a_flat_orbit():
    states, angle = ellipse()
    plane = fit_plane(states)
    np.testing.assert_allclose(plane.scale[:2], [5 / np.sqrt(2), 0.5 / np.sqrt(2)], rtol=0.01)
    phase = orbit_phase(plane.project(states), plane)
    assert phase.min() >= 0
    assert phase.max() < 2 * np.pi
    # Up to where it starts and its sense of rotation, the phase advances exactly as the angle does.
    advance = np.diff(np.unwrap(phase))
    np.testing.assert_allclose(advance * np.sign(advance[0]), np.diff(angle), rtol=1e-9)


def test_phase_stays_below_a_full_turn():
    plane = fit_plane(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]]))
    points = np.array([[1.0, -1e-20], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [0.0, 0.0], [np.nan, 0.0]])
    expected = [0, 0, np.pi / 2, np.pi, 3 * np.pi / 2, 0, np.nan]
    np.testing.assert_allclose(orbit_phase(points, plane), expected)
    assert orbit_phase(points[0], plane).shape == ()


def test_profile_equals_a_loop_over_bins():
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * rng.beta(2, 5, (8, 60))
    probabilities = rng.dirichlet(np.ones(3), (8, 60))
    phase[0, :5] = np.nan
    profile = emission_along_orbit(phase, probabilities, bins=12)
    width = 2 * np.pi / 12
    for i in range(12):
        inside = (phase >= i * width) & (phase < (i + 1) * width)
        rows = probabilities[inside]
        assert profile.counts[i] == len(rows)
        np.testing.assert_allclose(profile.phase_centers[i], (i + 0.5) * width)
        np.testing.assert_allclose(profile.occupancy[i], len(rows) / (8 * 60 - 5))
        if len(rows):
            np.testing.assert_allclose(profile.median[i], np.percentile(rows, 50, axis=0))
            np.testing.assert_allclose(profile.lower_quartile[i], np.percentile(rows, 25, axis=0))
            np.testing.assert_allclose(profile.upper_quartile[i], np.percentile(rows, 75, axis=0))
        else:
            assert np.isnan([profile.median[i], profile.lower_quartile[i], profile.upper_quartile[i]]).all()
    assert (profile.counts == 0).any()
    np.testing.assert_allclose(profile.occupancy.sum(), 1)


def test_largest_phase_falls_into_the_last_bin():
    profile = emission_along_orbit(np.array([0.0, np.nextafter(2 * np.pi, 0)]), np.eye(2), bins=4)
    np.testing.assert_array_equal(profile.counts, [1, 0, 0, 1])
    np.testing.assert_array_equal(profile.median[[0, 3]], np.eye(2))


def test_drift_equals_a_loop_over_steps():
    rng = np.random.default_rng(0)
    points = np.cumsum(rng.standard_normal((6, 80, 2)), axis=1)
    points[0, 70:] = np.nan
    field = drift_field(points, bins=4)
    pairs = [(a, b) for run in points for a, b in pairwise(run) if np.isfinite([a, b]).all()]
    start = np.array([a for a, _ in pairs])
    low, width = start.min(axis=0), np.ptp(start, axis=0) / 4
    cells = {}
    for a, b in pairs:
        column, row = np.minimum((a - low) / width, 3).astype(int)
        cells.setdefault((int(row), int(column)), []).append(b - a)
    kept = sorted(cell for cell, moves in cells.items() if len(moves) >= 5)
    assert 0 < len(kept) < len(cells)
    np.testing.assert_allclose(field.centers, [low + (np.array([c, r]) + 0.5) * width for r, c in kept])
    np.testing.assert_allclose(field.displacement, [np.mean(cells[cell], axis=0) for cell in kept])
    np.testing.assert_array_equal(field.counts, [len(cells[cell]) for cell in kept])


def test_drift_of_a_steady_current():
    rng = np.random.default_rng(0)
    points = rng.random((200, 1, 2)) + np.arange(10)[:, None] * np.array([0.1, -0.05])
    field = drift_field(points)
    assert (field.counts >= 5).all()
    np.testing.assert_allclose(field.displacement, np.tile([0.1, -0.05], (len(field.counts), 1)))


def test_drift_of_a_state_at_rest_and_of_nothing():
    field = drift_field(np.ones((2, 6, 2)))
    np.testing.assert_array_equal(field.counts, [10])
    np.testing.assert_array_equal(field.displacement, [[0, 0]])
    nothing = drift_field(np.full((2, 6, 2), np.nan))
    assert nothing.centers.shape == nothing.displacement.shape == (0, 2)
    assert nothing.counts.shape == (0,)


def test_speed_is_the_distance_to_the_state_before():
    points = np.array([[[0, 0, 0], [3, 4, 0], [3, 4, 2]]], dtype=float)
    np.testing.assert_allclose(speed(points), [[5, 5, 2]])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: fit_plane(np.ones((5, 3)), n_components=0), "n_components must be >= 1; got 0"),
    (lambda: fit_plane(np.ones(5)), r"states must have shape \(..., N\); got \(5,\)"),
    (lambda: fit_plane(np.ones((1, 5))), "a plane needs at least 2 states; got 1"),
    (lambda: fit_plane(np.full((4, 5), 0.1)), "states must differ from each other; all 4 are identical"),
    (lambda: fit_plane(np.array([[1.0, np.nan], [0.0, 1.0]])), "states must be finite; got 1 NaN"),
    (lambda: orbit_phase(np.ones((4, 1)), fit_plane(np.eye(3))), "needs 2 coordinates; got 1"),
    (lambda: orbit_phase(np.ones((4, 2)), fit_plane(np.eye(2)[:, :1])), "needs 2 coordinates; got 1"),
    (lambda: emission_along_orbit(np.ones(3), np.ones((3, 2)), bins=0), "bins must be >= 1; got 0"),
    (lambda: emission_along_orbit(np.ones(3), np.ones((4, 2))), "one row per phase"),
    (lambda: emission_along_orbit(np.full(3, np.nan), np.ones((3, 2))), "at least one finite value; got 3"),
    (lambda: drift_field(np.ones((2, 5, 2)), bins=0), "bins must be >= 1; got 0"),
    (lambda: drift_field(np.ones((2, 5, 3))), r"shape \(B, T, 2\) with T >= 2; got \(2, 5, 3\)"),
    (lambda: drift_field(np.ones((2, 1, 2))), r"shape \(B, T, 2\) with T >= 2; got \(2, 1, 2\)"),
    (lambda: speed(np.ones((2, 1, 3))), r"shape \(B, T, C\) with T >= 2; got \(2, 1, 3\)"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def stretches_step_by_step(output, pair, longer_than):
    """Mask (B, T) and the longest stretch, by going through every run."""
    mask, longest = np.zeros(output.shape, dtype=bool), 0
    for b, run in enumerate(output):
        start = 0
        for t in range(len(run) + 1):
            if t == len(run) or run[t] not in pair:
                if set(run[start:t]) == set(pair):
                    longest = max(longest, t - start)
                    mask[b, start:t] = t - start > longer_than
                start = t + 1
    return mask, longest


@pytest.mark.parametrize("longer_than", [0, 2, 5])
@pytest.mark.parametrize("seed", range(8))
def test_stretches_of_a_pair_equal_those_found_step_by_step(seed, longer_than):
    output = np.random.default_rng(seed).choice(4, p=[0.4, 0.45, 0.1, 0.05], size=(6, 50))
    for pair in ((0, 1), (1, 2), (0, 3), (2, 3)):
        mask, longest = stretches_step_by_step(output, pair, longer_than)
        np.testing.assert_array_equal(pair_stretches(output, pair, longer_than), mask)
        assert longest_stretch(output, pair) == longest


def test_a_stretch_must_be_longer_and_visit_both():
    output = np.array([[0] * 4 + [1] * 3 + [2] + [0] * 12, [0, 1, 0, 1, -1, 0, 1, 0, 2, 2, *[1] * 10]])
    expected = np.zeros(output.shape, dtype=bool)
    expected[0, :7] = True
    np.testing.assert_array_equal(pair_stretches(output, (0, 1), 6), expected)
    assert not pair_stretches(output, (0, 1), 7).any()
    # By itself it takes more than two hundred steps.
    assert not pair_stretches(np.tile([0, 1], (1, 100)), (0, 1)).any()
    assert pair_stretches(np.tile([0, 1], (1, 101)), (0, 1)).all()


def test_stretches_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match=r"output must have shape \(B, T\); got \(5,\)"):
        pair_stretches(np.zeros(5, dtype=int), (0, 1))
    with pytest.raises(ValueError, match="pair must be two different outputs; got 1 twice"):
        longest_stretch(np.zeros((2, 5), dtype=int), (1, 1))


class TestNetworkPlane:
    """The plane of a planted ring 0, 1, 2, 0 of outputs, with short runs and short stretches."""

    @pytest.fixture(scope="class")
    @classmethod
    def ring(cls):
        pairs = [(0, 1), (1, 2), (2, 0)]
        return planted_switch(3, pairs, hold=4, integrators=8, kick=3, echoes=1, idle=2).network

    @pytest.fixture(autouse=True)
    def short(self, monkeypatch):
        for name, value in {"PLANE_STEPS": 200, "PAIR_STEPS": 300, "PAIR_STATES": 400, "PAIR_LONGER_THAN": 12}.items():
            monkeypatch.setattr(orbit, name, value)

    def test_it_is_fitted_to_the_states_after_the_transient(self, ring):
        run = simulate(ring, 200, orbit.PLANE_RUNS, seed=4)
        plane = fit_network_plane(ring, seed=4)
        np.testing.assert_allclose(plane.components, fit_plane(run.h[:, orbit.PLANE_TRANSIENT :]).components)

    def test_a_network_that_diverges_in_the_transient_has_the_plane_of_the_states_before(self):
        growing = random_network(gain=2.5)
        run = simulate(growing, 200, orbit.PLANE_RUNS)
        assert run.diverged
        np.testing.assert_allclose(fit_network_plane(growing).components, fit_plane(run).components)

    def test_the_plane_of_a_pair_is_fitted_to_the_long_stretches_of_as_many_rounds_as_it_takes(self, ring):
        states, rounds = [], 0
        while sum(map(len, states)) < 400:
            run = simulate(ring, 300, orbit.PAIR_RUNS, seed=7 + rounds)
            inside = pair_stretches(run.output[:, orbit.PLANE_TRANSIENT :], (0, 1), 12)
            states.append(run.h[:, orbit.PLANE_TRANSIENT :][inside])
            rounds += 1
        plane = fit_network_plane(ring, (0, 1), seed=7)
        np.testing.assert_allclose(plane.components, fit_plane(np.concatenate(states)).components)

    def test_without_a_long_stretch_the_sentence_says_the_longest(self, ring, monkeypatch):
        monkeypatch.setattr(orbit, "PAIR_ROUNDS", 2)
        monkeypatch.setattr(orbit, "PAIR_LONGER_THAN", 250)
        runs = [simulate(ring, 300, orbit.PAIR_RUNS, seed=seed).output for seed in range(2)]
        longest = max(longest_stretch(output[:, orbit.PLANE_TRANSIENT :], (1, 2)) for output in runs)
        sentence = (
            "no stretch of more than 250 consecutive steps visits outputs 1 and 2 and no other: "
            f"in 64 runs of 300 steps the longest is of {longest} steps"
        )
        assert 0 < longest <= 200
        with pytest.raises(ValueError, match=sentence):
            fit_network_plane(ring, (1, 2))
