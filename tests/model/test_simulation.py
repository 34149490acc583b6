"""Simulation against the exact invariants of the model, the statistics of its draws, and planted divergence."""

import numpy as np
import pytest

from hmmrnn.model.cells import FEW_ROWS, LARGE
from hmmrnn.model.network import Intervention, Network, intervene, rollout
from hmmrnn.model.simulation import (
    DIVERGENCE_RATIO,
    draw_drive,
    draw_emissions,
    draw_noise,
    first_divergence,
    follow_drive,
    initial_state,
    respond,
    run,
    simulate,
    softmax,
)
from tests.networks import constant_network, network_of_cell, random_network

# A normal deviate beyond this has probability 6e-6; the seeds are fixed, so a test that passes keeps passing.
SIGMAS = 4.5


def doubling(W_out=((1.0,), (0.0,)), n: int = 1) -> Network:
    """Activity doubles at each step: h_t = 2^(t + 1) h_0 at row t, if no noise comes in."""
    return Network(W_hh=2 * np.eye(n), W_ih=np.ones((n, 1)), W_out=W_out)


def test_is_the_loop_on_its_own_noise():
    network = random_network(bias=True)
    run = simulate(network, steps=50, trajectories=3, sigma=0.7, seed=4)
    noise = draw_noise(network.n_inputs, 50, 3, 0.7, 4)
    loop = rollout(network, network.drive(noise), np.zeros((3, network.n_neurons)))
    np.testing.assert_array_equal(run.h, loop.h)
    np.testing.assert_array_equal(run.pre_activation, loop.pre_activation)
    np.testing.assert_allclose(run.logits, run.h @ network.W_out.T + network.b_out, atol=1e-14)
    exponentials = np.exp(run.logits)
    np.testing.assert_allclose(run.probabilities, exponentials / exponentials.sum(axis=-1, keepdims=True), atol=1e-14)
    np.testing.assert_array_equal(run.output, run.logits.argmax(axis=-1))
    assert (run.sigma, run.seed) == (0.7, 4)


def test_given_inputs_are_all_that_drives_a_run():
    network = random_network(bias=True)
    inputs = np.random.default_rng(0).standard_normal((3, 20, network.n_inputs))
    start = np.ones(network.n_neurons)
    found = run(network, inputs, start)
    np.testing.assert_array_equal(found.h, rollout(network, network.drive(inputs), np.ones((3, len(start)))).h)
    np.testing.assert_array_equal(run(network, inputs).h0, np.zeros((3, len(start))))
    assert found.sigma == 0


@pytest.mark.parametrize(("inputs", "message"), [
    (np.ones((2, 5, 3)), r"inputs must have shape \(B, T, 1\) with B and T at least 1; got \(2, 5, 3\)"),
    (np.ones((5, 1)), r"inputs must have shape .* got \(5, 1\)"),
    (np.ones((1, 0, 1)), r"inputs must have shape .* got \(1, 0, 1\)"),
    (np.full((1, 2, 1), np.nan), "inputs must be finite"),
])  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(inputs, message):
    with pytest.raises(ValueError, match=message):
        run(doubling(), inputs)


def test_respond_is_simulate_on_noise_drawn_before():
    network = random_network(bias=True)
    noise = draw_noise(network.n_inputs, 30, 2, 1.3, 5)
    one, other = respond(network, noise, 1.3, 5), simulate(network, 30, 2, sigma=1.3, seed=5)
    np.testing.assert_array_equal(one.h, other.h)
    np.testing.assert_array_equal(one.emission, other.emission)
    assert (one.sigma, one.seed) == (other.sigma, other.seed)


@pytest.mark.parametrize("sigma", [0.3, 1.7, 25.0])
def test_without_bias_activity_scales_with_the_noise_and_the_output_does_not_change(sigma):
    network = random_network()
    one, scaled = simulate(network, 400, 3, seed=2), simulate(network, 400, 3, sigma=sigma, seed=2)
    assert len(np.unique(one.output)) == network.n_outputs
    np.testing.assert_allclose(scaled.h, sigma * one.h, atol=1e-12 * sigma)
    np.testing.assert_allclose(scaled.logits, sigma * one.logits, atol=1e-11 * sigma)
    np.testing.assert_array_equal(scaled.output, one.output)


def test_a_longer_run_begins_with_the_shorter_one():
    network = random_network(bias=True)
    short, long = simulate(network, 60, 3, seed=1), simulate(network, 200, 3, seed=1)
    np.testing.assert_array_equal(long.h[:, :60], short.h)
    np.testing.assert_array_equal(long.emission[:, :60], short.emission)


def test_more_trajectories_begin_with_the_fewer():
    network = random_network(bias=True)
    np.testing.assert_array_equal(draw_noise(5, 40, 9, 1.0, 3)[:2], draw_noise(5, 40, 2, 1.0, 3))
    few, many = simulate(network, 200, 1, seed=3), simulate(network, 200, 9, seed=3)
    # The noise is the same bit for bit; a matrix product may round differently for one row than for nine.
    np.testing.assert_allclose(many.h[:1], few.h, atol=1e-12)
    np.testing.assert_array_equal(many.emission[:1], few.emission)


def test_noise_can_be_drawn_part_by_part():
    whole = draw_noise(3, 20, 7, 1.0, 8)
    parts = [draw_noise(3, 20, size, 1.0, 8, first) for first, size in ((0, 3), (3, 4))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_two_networks_see_the_same_noise():
    network = random_network()
    ablated = intervene(network, Intervention((0,), mu=0.0))
    intact, other = simulate(network, 30, 2, seed=6), simulate(ablated, 30, 2, seed=6)
    # At the first step h0 is zero, so what is left is the noise.
    np.testing.assert_array_equal(intact.pre_activation[:, 0, 1:], other.pre_activation[:, 0, 1:])
    assert (intact.h[:, 1:] != other.h[:, 1:]).any()


def test_the_seed_decides():
    network = random_network()
    one, again, other = (simulate(network, 30, 2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.h, again.h)
    np.testing.assert_array_equal(one.emission, again.emission)
    assert (one.h != other.h).any()
    assert (one.h[0] != one.h[1]).any()


def test_noise_is_standard_normal_times_sigma():
    noise = draw_noise(n_inputs=4, steps=500, trajectories=50, sigma=2.0, seed=0)
    n = noise.size
    assert abs(noise.mean()) < SIGMAS * 2.0 / np.sqrt(n)
    # The variance of n normal draws has a relative standard deviation of sqrt(2 / n), their fourth moment sqrt(96 / n).
    assert abs(noise.var() / 4 - 1) < SIGMAS * np.sqrt(2 / n)
    assert abs(np.mean((noise / 2) ** 4) - 3) < SIGMAS * np.sqrt(96 / n)
    for other in (noise[:, 1:], noise[1:], noise[..., 1:]):
        before = noise[tuple(slice(size) for size in other.shape)]
        assert abs(np.mean(before * other)) / 4 < SIGMAS / np.sqrt(other.size)


def test_without_noise_nothing_moves_and_activity_decays_as_the_weights_say():
    network = random_network()
    still = simulate(network, 20, 2, sigma=0.0)
    assert not still.h.any()
    np.testing.assert_allclose(still.probabilities, 1 / 3)
    h0 = np.ones(network.n_neurons)
    moved = simulate(network, 3, sigma=0.0, h0=h0)
    expected = h0
    for t in range(3):
        expected = np.maximum(network.W_hh @ expected, 0)
        np.testing.assert_allclose(moved.h[0, t], expected, atol=1e-14)
    assert not moved.diverged
    assert not still.diverged


def test_one_h0_serves_all_runs_and_each_may_have_its_own():
    network = random_network()
    state = np.linspace(0, 1, network.n_neurons)
    shared = simulate(network, 10, 3, seed=1, h0=state)
    own = simulate(network, 10, 3, seed=1, h0=np.stack([state, 2 * state, 0 * state]))
    np.testing.assert_array_equal(shared.h0, np.tile(state, (3, 1)))
    np.testing.assert_array_equal(shared.h[0], own.h[0])
    np.testing.assert_array_equal(own.h[2], simulate(network, 10, 3, seed=1).h[2])
    state[0] = 99
    assert shared.h0[0, 0] == 0


def test_emissions_have_the_probabilities_of_the_network():
    shares = np.array([0.2, 0.05, 0.75])
    run = simulate(constant_network(list(shares)), 500, 80, seed=3)
    counts = np.bincount(run.emission.ravel(), minlength=3)
    n = run.emission.size
    assert (np.abs(counts - n * shares) < SIGMAS * np.sqrt(n * shares * (1 - shares))).all()


def test_emissions_follow_probabilities_that_change():
    run = simulate(random_network(), 500, 40, seed=3)
    assert run.probabilities.std(axis=(0, 1)).min() > 0.05
    for symbol in range(3):
        p = run.probabilities[..., symbol]
        hits = run.emission == symbol
        for half in (p < np.median(p), p >= np.median(p)):
            # Given p, the draws are independent: their count has mean sum p and variance sum p (1 - p).
            assert abs(hits[half].sum() - p[half].sum()) < SIGMAS * np.sqrt((p * (1 - p))[half].sum())


def test_emissions_are_drawn_apart_from_the_noise():
    # From the same stream, both would be made of the same bits: the size of the noise of the lower ones of the symbol.
    n = 4000
    size = np.abs(draw_noise(1, 1, n, 1.0, seed=0)[:, 0, 0])
    symbol = draw_emissions(np.full((n, 1, 64), 1 / 64), seed=0)[:, 0]
    for modulus in (2, 4, 8, 16, 32, 64):
        assert abs(np.corrcoef(size, symbol % modulus)[0, 1]) < SIGMAS / np.sqrt(n)


def test_certain_symbols_are_always_drawn():
    certain = np.eye(3)[[[0, 2, 1, 1, 2, 0]]]
    np.testing.assert_array_equal(draw_emissions(certain, seed=0), [[0, 2, 1, 1, 2, 0]])


def test_softmax_is_safe_for_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1e5, 1e5, -1e5]])), [[0.5, 0.5, 0.0]])
    np.testing.assert_allclose(softmax(np.array([0.0, np.log(3)])), [0.25, 0.75])


def test_divergence_is_reported_at_the_step_where_it_happens():
    # Row t is 2^(t + 1), and nothing but h0 = 1 drives it: 2^20 is the first beyond a million.
    run = simulate(doubling(), 40, 2, sigma=0.0, h0=[[1.0], [0.0]])
    np.testing.assert_array_equal(run.diverged_at, [19, -1])
    assert run.h[0, 18, 0] <= DIVERGENCE_RATIO < run.h[0, 19, 0]
    assert run.diverged
    np.testing.assert_array_equal(run.valid.sum(axis=1), [19, 40])
    assert run.valid[0, :19].all()


def test_a_stable_network_does_not_diverge():
    for sigma in (1e-8, 1.0, 1e8):
        run = simulate(random_network(), 500, 4, sigma=sigma)
        assert not run.diverged
        np.testing.assert_array_equal(run.diverged_at, -1)
        assert run.valid.all()


def test_activity_that_overflows_is_reported_and_warns_of_nothing():
    # 2^1024 is infinite; with weights of both signs the readout is infinity minus infinity.
    run = simulate(doubling(W_out=[[1.0, -1.0], [0.0, 1.0]], n=2), 1100, sigma=0.0, h0=[1.0, 1.0])
    np.testing.assert_array_equal(run.diverged_at, [19])
    assert not np.isfinite(run.h[0, -1]).any()
    assert np.isin(run.emission, [0, 1]).all()


def test_activity_that_is_not_a_number_counts_as_diverged():
    h = np.ones((1, 4, 2))
    h[0, 2, 1] = np.nan
    np.testing.assert_array_equal(first_divergence(h, np.ones((1, 4, 2)), np.zeros((1, 2))), [2])


def test_where_a_run_diverges_does_not_depend_on_the_runs_beside_it():
    # A run with more trajectories begins with the same numbers as the shorter one; this is one of the numbers.
    alone = simulate(doubling(), 60, 1, sigma=0.0, h0=[[1.0]])
    beside = simulate(doubling(), 60, 2, sigma=0.0, h0=[[1.0], [1000.0]])
    assert beside.diverged_at[0] == alone.diverged_at[0]


def test_where_a_run_diverges_does_not_depend_on_how_long_it_is():
    # Noise that comes long after a run has left all bounds cannot make it have stayed.
    drive = np.zeros((1, 60, 1))
    drive[0, 50] = 1000.0
    h = rollout(doubling(), drive, np.ones((1, 1))).h
    short = first_divergence(h[:, :40], drive[:, :40], np.ones((1, 1)))
    np.testing.assert_array_equal(first_divergence(h, drive, np.ones((1, 1))), short)


def test_results_are_read_only():
    run = simulate(random_network(), 5)
    for name in ("h", "pre_activation", "logits", "probabilities", "output", "emission", "h0", "diverged_at"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(run, name)[0] = 0


@pytest.mark.parametrize(("arguments", "message"), [
    ({"steps": 0}, "steps and trajectories must be >= 1; got 0 and 2"),
    ({"trajectories": 0}, "steps and trajectories must be >= 1; got 10 and 0"),
    ({"trajectories": -1}, "steps and trajectories must be >= 1; got 10 and -1"),
    ({"sigma": -0.5}, "sigma must be >= 0; got -0.5"), ({"sigma": float("nan")}, "sigma must be >= 0; got nan"),
    ({"sigma": float("inf")}, "sigma must be >= 0; got inf"),
    ({"h0": np.zeros(15)}, r"h0 must have shape \(16,\) or \(2, 16\); got \(15,\)"),
    ({"h0": np.zeros((3, 16))}, r"h0 must have shape \(16,\) or \(2, 16\); got \(3, 16\)"),
    ({"h0": np.full(16, np.nan)}, "h0 must be finite; got NaN or infinite values"),
])  # fmt: skip
def test_refuses_what_cannot_be_run(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate(random_network(), **{"steps": 10, "trajectories": 2, **arguments})


def test_initial_state_is_zero_unless_it_is_given():
    assert not initial_state(random_network(), 3, None).any()
    np.testing.assert_array_equal(initial_state(random_network(n=2), 2, [1, 2]), [[1, 2], [1, 2]])


def test_the_drive_drawn_trajectory_by_trajectory_is_that_of_all_noise_at_once():
    network = random_network(n=20, m=7, bias=True)
    whole = network.drive(draw_noise(7, steps=30, trajectories=5, sigma=0.7, seed=3))
    assert np.array_equal(draw_drive(network, 30, 5, 0.7, 3), whole)
    assert np.array_equal(draw_drive(network, 30, 2, 0.7, 3, first=3), whole[3:])


@pytest.mark.parametrize("cell", ["relu", "tanh", "gru", "lstm"])
@pytest.mark.parametrize(("n", "trajectories"), [(40, 6), (800, 2)], ids=["at once", "row by row"])
def test_a_run_in_single_precision_is_that_in_double_to_five_digits(cell, n, trajectories):
    network = network_of_cell(cell, n=n, m=6)
    assert (n > LARGE) == (trajectories <= FEW_ROWS)
    double, single = (
        follow_drive(network, draw_drive(network, 40, trajectories, 1.0, 3, single=is_single), 1.0, 3)
        for is_single in (False, True)
    )
    assert (single.h.dtype, single.pre_activation.dtype, double.h.dtype) == (np.float32, np.float32, np.float64)
    for name in ("h", "pre_activation", "probabilities"):
        np.testing.assert_allclose(
            getattr(single, name), getattr(double, name), atol=1e-5 * np.abs(double.h).max() + 1e-5
        )
    np.testing.assert_array_equal(single.output, double.output)
    np.testing.assert_array_equal(single.emission, double.emission)
