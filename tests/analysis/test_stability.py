"""Planted fixed points, cycles and eigenvalues; Jacobians against finite differences."""

import numpy as np
import pytest

from hmmrnn.analysis.orbit import Plane
from hmmrnn.analysis.stability import CONVERGED, CYCLE, DIVERGED, UNSETTLED, fixed_points, jacobian, moebius, spectra
from hmmrnn.analysis.unstable_directions import STABLE, see_points
from hmmrnn.model.network import Intervention, Network, intervene, rollout


def network_of(W_hh, b_h=None):
    n = len(W_hh)
    return Network(W_hh=W_hh, W_ih=np.zeros((n, 1)), W_out=np.ones((1, n)), b_h=b_h)


def rotation(angle, radius=1.0):
    return radius * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def random_network(seed=0, n=12, bias=True):
    rng = np.random.default_rng(seed)
    return network_of(rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n) if bias else None)


def one_step(network, h):
    drive = np.broadcast_to(network.b_h, (len(h), 1, network.n_neurons))
    return rollout(network, drive, h).h[:, 0]


def test_contraction_without_bias_ends_at_the_origin():
    orthogonal = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
    starts = np.random.default_rng(1).random((20, 8))
    found = fixed_points(network_of(0.9 * orthogonal), h0=starts)
    assert (found.outcome == CONVERGED).all()
    assert (found.period == 0).all()
    np.testing.assert_allclose(found.points, np.zeros((1, 8)), atol=1e-7)
    np.testing.assert_array_equal(found.counts, [20])


def test_a_constant_input_moves_the_fixed_point_as_a_bias_does():
    W, W_ih = np.array([[0.2, 0.3], [-0.4, 0.5]]), np.array([[1.0, 0.0], [0.5, 2.0]])
    network = Network(W_hh=W, W_ih=W_ih, W_out=np.ones((1, 2)))
    expected, starts = [np.linalg.solve(np.eye(2) - W, W_ih @ [1.0, 1.0])], [[0.0, 0.0], [5.0, 5.0]]
    for found in (
        fixed_points(network, [1.0, 1.0], h0=starts),
        fixed_points(network_of(W, W_ih @ [1.0, 1.0]), h0=starts),
    ):
        np.testing.assert_array_equal(found.outcome, CONVERGED)
        np.testing.assert_allclose(found.points, expected, rtol=1e-7)
        np.testing.assert_allclose(np.sort_complex(found.eigenvalues[0]), np.sort_complex(np.linalg.eigvals(W)))
        assert found.residual.max() < 1e-8


def test_without_starts_the_search_begins_where_noise_leads_and_finds_every_point():
    inhibition = Network([[0.5, -1.2], [-1.2, 0.5]], np.eye(2), np.ones((1, 2)), b_h=[1.0, 1.0])
    found = fixed_points(inhibition)
    order = found.points[:, 0].argsort()
    np.testing.assert_allclose(found.points[order], [[0.0, 2.0], [1 / 1.7, 1 / 1.7], [2.0, 0.0]], atol=1e-6)
    np.testing.assert_array_equal(found.stable[order], [True, False, True])
    np.testing.assert_array_equal(found.saddles, ~found.stable)
    assert found.counts[found.saddles] == 0
    assert found.counts.sum() == len(found.h) == 113


def test_step_of_convergence_is_the_first_small_change():
    # From 1, the t-th step changes h by 2^-t: below 1e-3 for the first time at t = 10.
    found = fixed_points(network_of([[0.5]]), h0=[[1.0], [64.0], [0.0]], tolerance=1e-3)
    np.testing.assert_array_equal(found.steps, [10, 10, 1])
    np.testing.assert_allclose(found.h[:, 0], [2.0**-10, 2.0**-4, 0.0])
    np.testing.assert_allclose(found.residual, [2.0**-11, 2.0**-5, 0.0])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_without_bias_the_size_of_the_start_changes_nothing(scale):
    network = random_network(bias=False)
    starts = np.random.default_rng(2).random((15, 12))
    base, scaled = fixed_points(network, h0=starts), fixed_points(network, h0=scale * starts)
    np.testing.assert_array_equal(scaled.outcome, base.outcome)
    np.testing.assert_array_equal(scaled.steps, base.steps)
    np.testing.assert_allclose(scaled.h, scale * base.h, rtol=1e-6, atol=1e-12 * scale)


def test_two_attractors_and_the_saddle_between_them():
    # Mutual inhibition: (2, 0) and (0, 2) attract, the symmetric point is unstable and kept only if started on.
    network = network_of([[0.5, -1.2], [-1.2, 0.5]], [1.0, 1.0])
    saddle = [1 / 1.7, 1 / 1.7]
    starts = [[1.0, 0.2], [0.2, 1.0], [3.0, 0.0], [2.0, 0.5], saddle]
    found = fixed_points(network, h0=starts)
    np.testing.assert_array_equal(found.outcome, CONVERGED)
    points, counts = found.points, found.counts
    np.testing.assert_allclose(points, [[2, 0], [0, 2], saddle], atol=1e-6)
    np.testing.assert_array_equal(counts, [3, 1, 1])
    np.testing.assert_array_equal(found.stable, [True, True, False])
    np.testing.assert_allclose(found.eigenvalues[2], [1.7, -0.7], atol=1e-6)


@pytest.mark.parametrize(("b_h", "expected"), [(None, 0.0), ([1.0], 5000.0)])
def test_decay_too_slow_to_finish_is_followed_to_its_end(b_h, expected):
    found = fixed_points(network_of([[0.9998]], b_h), h0=[[100.0]])
    assert found.outcome[0] == CONVERGED
    assert found.steps[0] == 2000
    np.testing.assert_allclose(found.h, [[expected]], rtol=1e-9)
    assert found.residual[0] < 1e-7


def test_slow_growth_is_left_unsettled():
    found = fixed_points(network_of([[1.0001]]), h0=[[1.0]])
    assert found.outcome[0] == UNSETTLED
    assert found.steps[0] == 2000
    np.testing.assert_allclose(found.h[0, 0], 1.0001**2000)
    np.testing.assert_allclose(found.residual[0], 0.0001 * 1.0001**2000)


@pytest.mark.parametrize(("W_hh", "b_h", "start", "max_steps", "outcome"), [
    # Neuron 1 stays inhibited for thousands of steps, so the origin looks like the end, but it is no fixed point.
    ([[0.999, 0.0], [-1.0, 0.0]], [0.0, 0.5], [100.0, 0.0], 200, UNSETTLED),
    # Equal eigenvalues with a coupling: neuron 0 grows for about a thousand steps before it decays.
    ([[0.999, 0.01], [0.0, 0.999]], None, [0.01, 1.0], 500, UNSETTLED),
    ([[0.999, 0.01], [0.0, 0.999]], None, [0.01, 1.0], 2500, CONVERGED),
    ([[1e200]], None, [1.0], 2000, DIVERGED),
], ids=["neurons that will change", "growth at first", "decay after growth", "overflow"])  # fmt: skip
def test_what_looks_like_an_end_and_is_none(W_hh, b_h, start, max_steps, outcome):
    found = fixed_points(network_of(W_hh, b_h), h0=[start], max_steps=max_steps)
    assert found.outcome[0] == outcome
    assert outcome != DIVERGED or found.residual[0] == np.inf


def test_shrinking_stretch_of_a_long_cycle_is_no_approach():
    # A pulse runs round a ring, shrinks along one half and grows back along the other; at the end it shrinks.
    gains = np.repeat([0.9, 1 / 0.9], 50)
    network = network_of(np.roll(np.diag(gains), 1, axis=0))
    found = fixed_points(network, h0=np.eye(100)[:1], max_steps=2040)
    assert found.outcome[0] == UNSETTLED
    np.testing.assert_allclose(found.h[0].max(), 0.9**40)


def test_divergence_is_seen_at_the_step_that_leaves_all_bounds():
    # 2^19 < 1e6 < 2^20
    found = fixed_points(network_of(2 * np.eye(2)), h0=[[1.0, 0.5], [0.0, 0.0]])
    np.testing.assert_array_equal(found.outcome, [DIVERGED, CONVERGED])
    np.testing.assert_array_equal(found.steps, [20, 1])
    np.testing.assert_allclose(found.h[0], [2.0**20, 2.0**19])


@pytest.mark.parametrize("period", [2, 3, 64])
def test_permutation_cycles_with_its_period(period):
    network = network_of(np.roll(np.eye(period), 1, axis=0))
    found = fixed_points(network, h0=[np.arange(period) + 1.0, np.ones(period)])
    np.testing.assert_array_equal(found.outcome, [CYCLE, CONVERGED])
    np.testing.assert_array_equal(found.period, [period, 0])
    points, counts = found.points, found.counts
    np.testing.assert_allclose(points, np.ones((1, period)))
    np.testing.assert_array_equal(counts, [1])


def test_attracting_cycle_is_reached_from_outside_it():
    # h -> max(1 - 2 h, 0) falls onto 0, 1, 0, 1, ...; its fixed point 1/3 is unstable.
    found = fixed_points(network_of([[-2.0]], [1.0]), h0=[[0.2], [7.0]])
    np.testing.assert_array_equal(found.outcome, CYCLE)
    np.testing.assert_array_equal(found.period, 2)
    assert set(found.h[:, 0]) <= {0.0, 1.0}
    np.testing.assert_array_equal(found.residual, 1.0)


def test_slow_spiral_into_a_point_is_no_cycle():
    # A turn of 1/8 that loses 0.1 % a step comes back close to itself every 8 steps, without repeating.
    W, centre = rotation(np.pi / 4, 0.999), np.array([20.0, 20.0])
    network = network_of(W, centre - W @ centre)
    found = fixed_points(network, h0=centre[None] + 0.1 * np.eye(2)[:1], max_steps=40_000)
    assert found.outcome[0] == CONVERGED
    np.testing.assert_allclose(found.h[0], centre, rtol=1e-7)


def test_starts_beyond_one_block_are_independent():
    network = network_of(0.5 * np.eye(2))
    starts = np.random.default_rng(3).random((300, 2))
    together = fixed_points(network, h0=starts)
    alone = fixed_points(network, h0=starts[290:291])
    np.testing.assert_array_equal(together.h[290], alone.h[0])
    assert (together.outcome == CONVERGED).all()


def test_no_starts_give_an_empty_answer():
    network = random_network()
    found = fixed_points(network, h0=np.empty((0, 12)))
    points, counts = found.points, found.counts
    assert found.h.shape == points.shape == (0, 12)
    assert counts.shape == (0,)
    assert spectra(network, np.empty((0, 12))).eigenvalues.shape == (0, 12)


@pytest.mark.parametrize(
    "interventions", [(), (Intervention((3, 5), mu=0.0), Intervention((1,), mu=2.0, target="recurrent"))]
)
def test_jacobian_equals_finite_differences(interventions):
    network = intervene(random_network(), *interventions)
    h = np.random.default_rng(1).random((2, 3, 12))
    J = jacobian(network, h)
    assert J.shape == (2, 3, 12, 12)
    epsilon = 1e-6
    flat = h.reshape(-1, 12)
    for j, direction in enumerate(epsilon * np.eye(12)):
        slope = (one_step(network, flat + direction) - one_step(network, flat - direction)) / (2 * epsilon)
        np.testing.assert_allclose(J.reshape(-1, 12, 12)[:, :, j], slope, atol=1e-8)


def test_jacobian_of_one_state_and_of_a_silenced_neuron():
    network = random_network()
    assert jacobian(network, np.ones(12)).shape == (12, 12)
    silenced = intervene(network, Intervention((4,), mu=0.0))
    np.testing.assert_array_equal(jacobian(silenced, np.ones(12))[4], 0)


def test_spectra_equal_those_of_the_full_jacobian():
    network = random_network()
    states = np.random.default_rng(2).random((6, 12))
    found = spectra(network, states)
    assert found.eigenvalues.shape == (6, 12)
    for own, J in zip(found.eigenvalues, jacobian(network, states), strict=True):
        assert (np.diff(np.abs(own)) <= 1e-12).all()
        left = list(np.linalg.eigvals(J))
        for value in own:
            nearest = int(np.argmin(np.abs(np.array(left) - value)))
            assert abs(left.pop(nearest) - value) < 1e-9
    np.testing.assert_array_equal(found.unstable, (np.abs(found.eigenvalues) > 1).sum(axis=1))


def test_states_with_the_same_active_neurons_share_their_spectrum():
    network = random_network()
    state = np.random.default_rng(4).random(12)
    found = spectra(network, [state, np.ones(12) - state, state * (1 + 1e-9)])
    np.testing.assert_array_equal(found.eigenvalues[0], found.eigenvalues[2])
    assert not np.array_equal(found.eigenvalues[0], found.eigenvalues[1])


@pytest.mark.parametrize(
    ("angle", "radius", "unstable", "critical"),
    [
        (0.5, 1.0001, 2, 1),  # on the circle: m = i tan(angle / 2)
        (0.5, 0.98, 0, 1),
        (0.5, 0.7, 0, 0),  # too far inside
        (0.5, 1.5, 2, 0),  # too far outside
        (0.1, 1.0001, 2, 0),  # too slow: Im m = tan(0.05) < 0.06
        (0.13, 1.0001, 2, 1),
    ],
)
def test_planted_rotation(angle, radius, unstable, critical):
    W = np.zeros((4, 4))
    W[1:3, 1:3] = rotation(angle, radius)
    W[0, 0] = 0.3
    # The biases keep the block active, and the last neuron silent.
    network = network_of(W, [1.0, 50.0, 50.0, -50.0])
    found = spectra(network, np.ones((1, 4)))
    expected = [radius * np.exp(1j * angle), radius * np.exp(-1j * angle), 0.3, 0.0]
    np.testing.assert_allclose(found.eigenvalues[0], expected, atol=1e-12)
    assert found.unstable[0] == unstable
    assert found.critical_pairs[0] == critical


def test_a_silent_network_has_no_eigenvalue_but_zero_and_a_real_eigenvalue_is_no_pair():
    silent = spectra(network_of(np.eye(3), [-10.0] * 3), np.ones((2, 3)))
    np.testing.assert_array_equal(silent.eigenvalues, 0)
    np.testing.assert_array_equal(silent.unstable, 0)
    assert spectra(network_of(np.diag([-1.0, 1.0]), [50.0, 50.0]), np.ones((1, 2))).critical_pairs[0] == 0


def test_moebius_takes_the_unit_circle_to_the_imaginary_axis():
    angle = np.linspace(0.1, 3.0, 7)
    image = moebius(np.exp(1j * angle))
    np.testing.assert_allclose(image, 1j * np.tan(angle / 2), atol=1e-12)
    assert (moebius(1.1 * np.exp(1j * angle)).real > 0).all()
    assert (moebius(0.9 * np.exp(1j * angle)).real < 0).all()
    assert np.isinf(moebius(np.array([-1.0])))[0]


def test_results_are_read_only():
    network = random_network()
    for array in (fixed_points(network, h0=np.ones((1, 12))).h, spectra(network, np.ones((1, 12))).eigenvalues):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(("call", "message"), [
    (lambda net: fixed_points(net, [1.0, 2.0]), r"input must have shape \(1,\); got \(2,\)"),
    (lambda net: fixed_points(net, [np.nan]), "input must be finite"),
    (lambda net: fixed_points(net, h0=np.ones(12)), r"h0 must have shape \(S, 12\); got \(12,\)"),
    (lambda net: fixed_points(net, h0=np.full((1, 12), np.inf)), "h0 must be finite; got 12 NaN or infinite"),
    (lambda net: fixed_points(net, h0=np.ones((1, 12)), max_steps=0), "max_steps must be >= 1; got 0"),
    (lambda net: fixed_points(net, h0=np.ones((1, 12)), tolerance=0), "tolerance must be > 0; got 0"),
    (lambda net: jacobian(net, np.ones(11)), r"h must have shape \(..., 12\); got \(11,\)"),
    (lambda net: jacobian(net, 1.0), r"h must have shape \(..., 12\); got \(\)"),
    (lambda net: jacobian(net, np.full(12, np.nan)), "h must be finite"),
    (lambda net: spectra(net, np.ones((1, 3))), r"states must have shape \(S, 12\); got \(1, 3\)"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(random_network())


@pytest.mark.parametrize(("gain", "stable"), [(0.5, True), (1.0, False), (1.1, False)])
@pytest.mark.parametrize(("alpha", "leak"), [(1.0, "rate"), (0.3, "rate"), (0.3, "total"), (0.3, "current")])
def test_the_origin_is_stable_only_if_activity_decays_to_it(gain, stable, alpha, leak) -> None:
    """Weights of one positive eigenvalue: at the origin all neurons are at their kinks."""
    n = 5
    network = Network(np.full((n, n), gain / n), np.eye(n), np.eye(2, n), alpha=alpha, leak=leak)
    found = fixed_points(network)
    origin = np.flatnonzero(~found.points.any(axis=1))
    assert found.stable[origin].tolist() == [stable]
    plane = Plane(np.zeros(n), np.eye(2, n), np.full(2, 0.5), np.ones(2))
    assert (see_points(network, plane, np.zeros((1, n))).kind[0] == STABLE) == stable


def test_a_silenced_neuron_makes_no_point_unstable() -> None:
    network = Network(0.5 * np.eye(3), np.eye(3), np.eye(2, 3), b_h=np.array([1.0, 1.0, 0.0]))
    silenced = intervene(network, Intervention((2,)))
    found = fixed_points(silenced)
    assert np.allclose(found.points, [[2.0, 2.0, 0.0]])
    assert found.stable.all()
