"""Effects of silencing: exact after one step, Jacobian products later, closed forms in a linear network."""

import numpy as np
import pytest

from hmmrnn.lenses.causal_effects import effects, pulses, regress_weights
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.model.cells import CELLS
from hmmrnn.model.network import Network, rollout
from hmmrnn.model.simulation import draw_drive
from tests.lenses.known_answers import linear_network
from tests.networks import network_of_cell, planted_switch, random_network


def test_one_step_of_silence_takes_exactly_the_weight_times_the_activity():
    network = random_network(n=10)
    starts = settled_runs(network, 0, 8, 100).state[:, -1]
    drive = draw_drive(network, 3, 8, 1.0, 1)
    change, error = pulses(network, starts, drive, (1,))
    np.testing.assert_allclose(change[0], -network.W_hh * starts.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(error[0], np.abs(network.W_hh) * starts.std(axis=0, ddof=1) / np.sqrt(8), atol=1e-12)


def test_later_steps_are_products_of_jacobians_while_the_masks_agree():
    """A neuron that is barely active is silenced without a change of any mask: the product is exact."""
    rng = np.random.default_rng(5)
    n = 8
    network = Network(
        0.5 * rng.standard_normal((n, n)) / np.sqrt(n), np.eye(n), rng.standard_normal((2, n)), np.ones(n)
    )
    starts = np.abs(rng.standard_normal((3, n)))
    starts[:, 2] = 1e-6
    drive = draw_drive(network, 4, 3, 1.0, 0)
    masks = rollout(network, drive, starts).pre_activation > 0
    change, _ = pulses(network, starts, drive, (1, 2, 4))
    expected = []
    for b in range(3):
        moved, path = -network.W_hh[:, 2] * starts[b, 2], []
        for t in range(4):
            path.append(moved)
            moved = network.W_hh @ (masks[b, t] * moved)
        expected.append(path)
    for place, lag in enumerate((1, 2, 4)):
        np.testing.assert_allclose(change[place][:, 2], np.mean(expected, axis=0)[lag - 1], rtol=1e-6, atol=1e-14)


def test_regression_returns_the_weights():
    network = random_network(n=9, m=9)
    starts = settled_runs(network, 0, 6, 100).h[:, -1]
    drive = draw_drive(network, 50, 6, 1.0, 1)
    path = rollout(network, drive, starts)
    before = np.concatenate([starts[:, None], path.h[:, :-1]], axis=1)
    flat = (part.reshape(-1, 9) for part in (before, path.pre_activation, drive))
    np.testing.assert_allclose(regress_weights(*flat), network.W_hh, atol=1e-9)


def test_total_effects_in_a_linear_network_are_the_inverse():
    network = linear_network(radius=0.5)
    found = effects(network)
    T = np.linalg.inv(np.eye(6) - network.W_hh)
    mean = -found.direct / np.where(network.W_hh == 0, 1, network.W_hh)
    expected = -T / np.diag(T) * mean[0]
    off = ~np.eye(6, dtype=bool)
    # The first of the 300 steps are on the way there.
    np.testing.assert_allclose(found.total[off], expected[off], rtol=0.05, atol=1.0)


@pytest.fixture(scope="module")
def small():
    return planted_switch(hold=8, integrators=12, kick=2, echoes=2, idle=4)


@pytest.fixture(scope="module")
def of_planted(small):
    return effects(small.network)


def test_silencing_planted_kick_neurons_closes_their_exits(small, of_planted):
    for pair in ((0, 1), (1, 0)):
        column = of_planted.exits.index(f"{pair[0]}->{pair[1]}")
        kick = list(small.kick[pair])
        assert (of_planted.effect[kick, column] < -of_planted.band[column]).all()
        assert set(kick) == set(np.argsort(of_planted.effect[:, column])[:2].tolist())


def test_neurons_that_lead_nowhere_have_no_effect(small, of_planted):
    idle = list(small.idle)
    np.testing.assert_array_equal(of_planted.effect[idle], 0)
    np.testing.assert_array_equal(of_planted.effect_se[idle], 0)
    others = np.setdiff1d(np.arange(len(of_planted.total)), idle)
    np.testing.assert_array_equal(of_planted.total[np.ix_(others, idle)], 0)


def test_strongest_are_told_with_error_and_band(of_planted):
    sizes = [abs(effect) for _, _, effect in of_planted.strongest]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == len(of_planted.strongest_se) == len(of_planted.strongest_null)
    neuron, exit, effect = of_planted.strongest[0]
    assert of_planted.effect[neuron, of_planted.exits.index(exit)] == effect


def test_the_noise_of_a_random_network_stays_within_the_band_of_chance():
    found = effects(random_network(n=10, o=2, seed=3))
    assert (found.band > 0).all()
    assert np.isfinite(found.effect).all()
    assert (found.effect_se >= 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_pulses_of_every_cell_are_those_of_a_loop(cell):
    network = network_of_cell(cell, n=6)
    starts = settled_runs(network, 0, 3, 100).state[:, -1]
    drive = draw_drive(network, 3, 3, 1.0, 1)
    change, _ = pulses(network, starts, drive, (1, 3))
    intact = rollout(network, drive, starts).pre_activation
    for j in range(6):
        pushed = starts.copy()
        pushed[:, j] = 0
        moved = rollout(network, drive, pushed).pre_activation - intact
        np.testing.assert_allclose(change[:, :, j], moved.mean(axis=0)[[0, 2]], atol=1e-12)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_silencing_a_gated_neuron_is_the_intervention(cell):
    found = effects(network_of_cell(cell, n=5, o=2))
    assert np.isfinite(found.total).all()
    np.testing.assert_array_equal(found.direct, found.pulse[0])


def test_a_network_whose_output_never_changes_has_no_exits():
    with pytest.raises(ValueError, match="the output of this network never changes"):
        effects(random_network(o=1), seed=0)
