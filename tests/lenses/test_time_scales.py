"""Exponents of linear maps and random networks, and time scales by region."""

import numpy as np
import pytest

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.lenses.runs import settled_drive, settled_runs
from hmmrnn.lenses.time_scales import (
    clamp_gate,
    kept_by_gate,
    lyapunov_exponents,
    measure_time_scales,
    shuffle_weights,
)
from hmmrnn.model.cells import CELLS, step_jacobian
from hmmrnn.model.network import rollout
from tests.lenses.known_answers import linear_network, random_relu
from tests.networks import network_of_cell, random_network


def exponents_of(network, runs, steps, exponents):
    run = settled_runs(network, 0, runs, steps)
    return lyapunov_exponents(network, run.state, settled_drive(network, run), exponents)


def test_exponents_of_a_linear_map_are_those_of_its_eigenvalues():
    network = linear_network()
    found, error = exponents_of(network, 4, 400, 6)
    expected = np.sort(np.log(np.abs(np.linalg.eigvals(network.W_hh))))[::-1]
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert (error < 0.01).all()


def test_a_random_network_is_near_the_mean_field():
    gain = 0.9
    network = random_relu(200, gain)
    found, _ = exponents_of(network, 4, 300, 1)
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
    found, _ = exponents_of(network, 8, 300, 1)
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


# ---- other cells ----


@pytest.mark.parametrize("cell", CELLS)
def test_the_largest_exponent_of_every_cell_is_how_a_small_push_grows(cell):
    network = network_of_cell(cell, n=8)
    run = settled_runs(network, 0, 6, 300)
    drive = settled_drive(network, run)
    found, error = lyapunov_exponents(network, run.state, drive, 1)
    push, grown = np.random.default_rng(1).standard_normal(run.state[:, 0].shape), []
    for t in range(1, 300):
        push *= 1e-7 / np.linalg.norm(push, axis=1, keepdims=True)
        pushed = rollout(network, drive[:, t : t + 1], run.state[:, t - 1] + push).state[:, 0]
        push = pushed - run.state[:, t]
        grown.append(np.log(np.linalg.norm(push, axis=1) / 1e-7))
    assert found[0] == pytest.approx(np.mean(grown[40:]), abs=0.02)
    assert error[0] < 0.1


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_time_scales_by_region(cell):
    found = measure_time_scales(network_of_cell(cell, n=8), 2)
    assert np.isfinite(found.lyapunov[0])
    known = np.isfinite(found.gate_time_scale).any()
    assert known == CELLS[cell].is_gated
    if known:
        assert (found.gate_time_scale[np.isfinite(found.gate_time_scale)] > 0).all()


def test_an_update_gate_at_one_keeps_the_state_and_at_zero_the_cell_is_tanh():
    network = network_of_cell("gru", n=6)
    rng = np.random.default_rng(0)
    h, drive = rng.standard_normal((5, 6)), rng.standard_normal((5, 1, network.n_drive)) * 0
    kept = clamp_gate(network, "update", 1.0)
    np.testing.assert_allclose(
        step_jacobian(kept, h, kept.drive_bias), np.broadcast_to(np.eye(6), (5, 6, 6)), atol=1e-12
    )
    np.testing.assert_allclose(rollout(kept, drive + kept.drive_bias, h).h[:, 0], h, atol=1e-12)
    plain = clamp_gate(clamp_gate(network, "update", 0.0), "reset", 1.0)
    wanted = np.tanh(h @ network.W_hh.T + network.b_rec + network.b_h)
    np.testing.assert_allclose(rollout(plain, drive + plain.drive_bias, h).h[:, 0], wanted, atol=1e-12)
    np.testing.assert_allclose(
        kept_by_gate(
            clamp_gate(network, "update", 0.3),
            h,
            drive[:, 0] + np.tile(clamp_gate(network, "update", 0.3).drive_bias, (5, 1)),
        ),
        0.3,
    )


def test_the_gate_that_keeps_is_the_share_of_the_state_in_the_next():
    network = network_of_cell("gru", n=6)
    h = np.random.default_rng(0).standard_normal((4, 6))
    drive = np.tile(network.drive_bias, (4, 1))
    z = kept_by_gate(network, h, drive)
    gate = network.gates["update"]
    np.testing.assert_allclose(z, 1 / (1 + np.exp(-(h @ gate.W_hh.T + gate.b_h))))
    np.testing.assert_allclose(kept_by_gate(network_of_cell("tanh", n=6, alpha=0.2), h, drive), 0.8)


def test_gates_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="the gates of this network are reset, update; got 'forget'"):
        clamp_gate(network_of_cell("gru"), "forget", 1.0)
    with pytest.raises(ValueError, match="from 0 to 1; got 2"):
        clamp_gate(network_of_cell("gru"), "reset", 2.0)
