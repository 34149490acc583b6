"""Leave rates with neurons scaled, against ordinary simulations."""

import numpy as np
import pytest

from hmmrnn.analysis.leave_rates import MEASURED_STEPS, NOTHING, RUNS, Measured, PairedLeaveRates, stays_bounded
from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate
from tests.naive import naive_leave_rate
from tests.networks import PlantedSwitch, planted_switch, random_network

SEED, FIRST = 0, 100


@pytest.fixture(scope="module")
def switch() -> PlantedSwitch:
    return planted_switch(hold=8, integrators=16, kick=3, echoes=2, idle=8)


@pytest.fixture(scope="module")
def run(switch) -> Trajectory:
    return simulate(switch.network, 600, 32, seed=SEED)


@pytest.fixture(scope="module")
def exits(switch, run) -> PairedLeaveRates:
    return PairedLeaveRates(switch.network, run, 0, FIRST, SEED)


def plain_counts(exits: PairedLeaveRates, item: Intervention, seed: int):
    """Which output follows the measured one how often, by `simulate`."""
    network = exits.network
    plain = simulate(intervene(network, item), MEASURED_STEPS, RUNS, seed=seed, h0=exits.starts)
    return count_switches(plain.output, network.n_outputs).counts[exits.output]


@pytest.mark.parametrize("mu", [0.0, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("target", ["unit", "recurrent", "input"])
def test_the_rate_is_that_of_an_ordinary_simulation(switch, exits, mu, target):
    item = Intervention(switch.kick_of(0) + switch.idle[:2], mu, target)
    counts = plain_counts(exits, item, seed=5)
    assert exits.under(5).rate(item) == pytest.approx(1 - counts[0] / counts.sum(), abs=1e-12)


def test_the_rate_is_that_of_a_naive_loop(switch, exits):
    item = Intervention(switch.kick_of(0)[:1])
    noise = draw_noise(switch.network.n_inputs, MEASURED_STEPS, RUNS, 1.0, 5)
    expected = naive_leave_rate(intervene(switch.network, item), exits.starts, noise, 0)
    assert 0 < expected < 1
    assert exits.under(5).rate(item) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("target", ["unit", "recurrent", "input"])
def test_also_with_biases_and_to_one_of_three_outputs(target):
    network = random_network(n=12, o=3, bias=True)
    run = simulate(network, 300, 16, seed=1)
    visited = np.bincount(run.output[:, FIRST:].ravel(), minlength=3)
    output, to = (int(i) for i in np.argsort(-visited)[:2])
    exits = PairedLeaveRates(network, run, output, FIRST, 1)
    item = Intervention((0, 3, 7), 0.3, target)
    counts = plain_counts(exits, item, seed=2)
    assert exits.under(2).rate(item, to) == pytest.approx(counts[to] / counts.sum(), abs=1e-12)


def test_it_starts_from_states_that_have_the_output(switch, exits):
    assert exits.starts.shape == (RUNS, switch.network.n_neurons)
    assert (switch.network.logits(exits.starts).argmax(axis=1) == 0).all()


def test_many_at_once_are_what_each_is_alone_and_leave_the_noise_as_it_was(switch, exits):
    items = [NOTHING, *(Intervention((i,)) for i in range(12)), Intervention(switch.kick_of(0)), NOTHING]
    together = exits.under(3).rates(items)
    np.testing.assert_array_equal(together, [exits.under(3).rate(item) for item in items])
    measured = exits.under(3)
    measured.rates(items)
    assert measured.rates([Intervention((5, 6))])[0] == exits.under(3).rate(Intervention((5, 6)))


def test_an_intervention_is_run_once(exits, monkeypatch):
    measured = exits.under(4)
    calls = []
    monkeypatch.setattr(measured, "_measure", lambda item: calls.append(item) or np.array([0.9, 0.1]))
    items = [Intervention((1,)), Intervention((2,)), Intervention((1,))]
    np.testing.assert_allclose(measured.rates(items), 0.1)
    measured.rates(items, to=1)
    assert calls == items[:2]


def test_mu_of_one_is_the_intact_network_exactly(switch, exits):
    measured = exits.under(5)
    for target in ("unit", "recurrent", "input"):
        assert measured.rate(Intervention(switch.kick_of(0), 1.0, target)) == measured.rate()


def at_once(network: Network) -> Measured:
    """Measured from rest, whatever the output there."""
    run = simulate(network, FIRST + 50, 8, seed=0)
    exits = PairedLeaveRates(network, run, int(run.output[0, -1]), FIRST, 0)
    exits.output, exits.starts = 0, np.zeros((RUNS, network.n_neurons))
    return exits.under(0)


def test_an_output_that_is_never_seen_counts_as_left():
    # Nothing reaches the readout of output 0, and output 1 has a bias: output 0 is gone at the first step.
    network = Network(np.zeros((2, 2)), np.ones((2, 1)), np.zeros((2, 2)), b_out=[0.0, 1.0])
    assert at_once(network).rate() == 1.0
    assert at_once(network).rate(to=1) == 1.0


def test_a_network_that_diverges_without_a_group_is_not_kept_by_its_absence(switch, run):
    # A neuron that would grow without end and read out as output 0, and one that holds it down.
    n = switch.network.n_neurons
    growing, brake = n, n + 1
    W_hh, W_ih = np.zeros((n + 2, n + 2)), np.zeros((n + 2, switch.network.n_inputs))
    W_hh[:n, :n], W_ih[:n], W_ih[growing] = switch.network.W_hh, switch.network.W_ih, 1.0
    W_hh[growing, growing], W_hh[growing, brake] = 1.5, -100.0
    W_out = np.hstack([switch.network.W_out, [[1.0, 0.0], [0.0, 0.0]]])
    network = Network(W_hh, W_ih, W_out, np.append(switch.network.b_h, [0.0, 1.0]))
    braked = simulate(network, 600, 32, seed=SEED)
    assert not braked.diverged
    assert simulate(intervene(network, Intervention((brake,))), 200, seed=SEED).diverged
    measured = PairedLeaveRates(network, braked, 0, FIRST, SEED).under(1)
    assert measured.rate() < 1
    assert measured.rate(Intervention((brake,))) == 1.0
    assert stays_bounded(network, SEED)
    assert not stays_bounded(intervene(network, Intervention((brake,))), SEED)


@pytest.mark.parametrize(("gain", "bounded"), [(0.99, True), (1.004, False)])
def test_slow_growth_is_seen_in_time(gain, bounded):
    # 1.004 ** 260 is less than 3, and 1.004 ** 1000 more than 50.
    assert stays_bounded(Network([[gain]], [[1.0]], [[1.0], [0.0]]), seed=0) == bounded
