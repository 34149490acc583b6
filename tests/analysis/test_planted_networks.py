"""The planted networks do what they are said to do: proven by simulation, since other tests take their word for it."""

import numpy as np
import pytest

from hmmrnn.analysis.regions import CLUSTER, TRANSITION, residency
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate
from tests.networks import PlantedSwitch, coincidence_network, no_kick_network, planted_switch, random_network

RUNS, STEPS, TRANSIENT = 16, 700, 50
# What counts as "it stops leaving": at most this share of the intact leave rate is left.
STOPPED = 0.15
# With one kick neuron left, the rate must be plainly above the 0.002 of intact that the whole group leaves.
LEAKING = 0.05


def leave_rates(run: Trajectory) -> np.ndarray:
    """Share of the steps with each output that are followed by another one; NaN for outputs that are not seen."""
    now, after = run.output[:, TRANSIENT:-1], run.output[:, TRANSIENT + 1 :]
    counts = np.array([[(now == a).sum(), ((now == a) & (after != a)).sum()] for a in range(run.logits.shape[2])])
    return np.divide(counts[:, 1], counts[:, 0], out=np.full(len(counts), np.nan), where=counts[:, 0] > 0)


def intact_run(network: Network) -> Trajectory:
    return simulate(network, STEPS, RUNS, seed=1)


def silenced_run(network: Network, neurons: tuple[int, ...], run: Trajectory, output: int) -> Trajectory:
    """The same noise with neurons silenced, from states of the intact run that have the output."""
    visited = run.h[:, TRANSIENT:][run.output[:, TRANSIENT:] == output]
    starts = visited[np.linspace(0, len(visited) - 1, RUNS).astype(int)]
    return simulate(intervene(network, Intervention(tuple(neurons))), STEPS, RUNS, seed=1, h0=starts)


def integrators_of(network: Network, output: int) -> np.ndarray:
    """The neurons that feed the relays of an output."""
    return np.flatnonzero(network.W_out[output] @ network.W_hh > 0)


@pytest.fixture(scope="module", params=["planted", "planted_ring"])
def circuit(request) -> tuple[PlantedSwitch, Trajectory]:
    switch = request.getfixturevalue(request.param)
    return switch, intact_run(switch.network)


@pytest.fixture(scope="module")
def drifting(no_kick) -> tuple[Network, Trajectory]:
    return no_kick, intact_run(no_kick)


def test_the_intact_switch_leaves_every_output(circuit):
    _, run = circuit
    assert not run.diverged
    assert run.h.max() < 15
    n_outputs = run.logits.shape[2]
    share = np.bincount(run.output[:, TRANSIENT:].ravel(), minlength=n_outputs) / run.output[:, TRANSIENT:].size
    assert (share > 0.5 / n_outputs).all()
    assert (leave_rates(run) > 0.01).all()
    assert (leave_rates(run) < 0.05).all()


def test_without_its_kick_neurons_an_output_is_not_left_and_the_others_are(circuit):
    switch, run = circuit
    intact = leave_rates(run)
    for output in range(len(intact)):
        silenced = leave_rates(silenced_run(switch.network, switch.kick_of(output), run, output))
        assert silenced[output] <= 0.02 * intact[output]
        # The state ends up in the output and stays, so the others are seen rarely, if at all.
        assert np.isnan(silenced).sum() <= len(intact) - 1


def test_the_kick_neurons_of_one_output_do_not_matter_to_the_others(planted_ring):
    run = intact_run(planted_ring.network)
    intact = leave_rates(run)
    # From output 1, with the kick out of 0 gone: 1 -> 2 -> 0 still happen.
    silenced = leave_rates(silenced_run(planted_ring.network, planted_ring.kick_of(0), run, 1))
    assert silenced[0] <= STOPPED * intact[0]
    assert (silenced[1:] > 0.5 * intact[1:]).all()


def test_all_kick_neurons_are_needed(circuit):
    switch, run = circuit
    intact = leave_rates(run)
    for output in range(len(intact)):
        group = switch.kick_of(output)
        for kept in group:
            rest = tuple(i for i in group if i != kept)
            assert leave_rates(silenced_run(switch.network, rest, run, output))[output] > LEAKING * intact[output]


def test_distractors_do_nothing(circuit):
    switch, run = circuit
    without = simulate(intervene(switch.network, Intervention(switch.distractors)), STEPS, RUNS, seed=1)
    np.testing.assert_array_equal(without.output, run.output)
    np.testing.assert_allclose(without.logits, run.logits, atol=1e-9)
    assert not switch.network.W_out[:, switch.distractors].any()
    others = [i for i in range(switch.network.n_neurons) if i not in switch.distractors]
    assert not switch.network.W_hh[np.ix_(others, switch.distractors)].any()


def test_echoes_look_like_kick_neurons(circuit):
    switch, run = circuit
    for pair, group in switch.kick.items():
        kick = run.pre_activation[..., group].mean(axis=-1).ravel()
        for echo in switch.echoes[pair]:
            assert np.corrcoef(kick, run.pre_activation[..., echo].ravel())[0, 1] > 0.99


def test_kick_neurons_have_their_profile(circuit):
    switch, run = circuit
    for output in range(run.logits.shape[2]):
        leaves = (run.output[:, :-1] == output) & (run.output[:, 1:] != output)
        leaves[:, :TRANSIENT] = False
        last = run.h[:, :-1][leaves][:100], run.pre_activation[:, :-1][leaves][:100]
        anywhere = run.output[:, TRANSIENT:] == output
        states = np.concatenate([last[0], run.h[:, TRANSIENT:][anywhere][::60]])
        pre = np.concatenate([last[1], run.pre_activation[:, TRANSIENT:][anywhere][::60]])
        region = residency(switch.network, states, rollouts=10, seed=2).region
        assert (region == TRANSITION).sum() > 20
        cluster, transition = pre[region == CLUSTER].mean(axis=0), pre[region == TRANSITION].mean(axis=0)
        own, others = list(switch.kick_of(output)), [i for a in range(3) if a != output for i in switch.kick_of(a)]
        assert (cluster[own] < -0.5).all()
        assert (transition[own] > 0.5).all()
        assert (transition[others] < 0).all()


def test_random_neurons_in_the_place_of_the_kick_neurons_hardly_matter(planted):
    run = intact_run(planted.network)
    intact = leave_rates(run)
    rng = np.random.default_rng(0)
    kick = {*planted.kick_of(0), *planted.kick_of(1)}
    others = [i for i in range(planted.network.n_neurons) if i not in kick]
    ratios = [
        leave_rates(silenced_run(planted.network, tuple(rng.choice(others, 3, replace=False)), run, 0))[0] / intact[0]
        for _ in range(12)
    ]
    assert min(ratios) > 2 * STOPPED
    assert 0.7 < np.median(ratios) < 1.3


def test_the_parts_are_all_there_is_and_their_places_are_shuffled():
    for switch in (planted_switch(seed=0), planted_switch(seed=1), planted_switch(n_outputs=3, idle=0, echoes=2)):
        populations = [switch.hold, switch.kick, switch.integrators, switch.echoes]
        parts = [i for population in populations for group in population.values() for i in group]
        assert sorted([*parts, *switch.idle]) == list(range(switch.network.n_neurons))
    assert planted_switch(seed=0).kick != planted_switch(seed=1).kick


def test_the_same_seed_plants_the_same_network(planted):
    again = planted_switch()
    np.testing.assert_array_equal(again.network.W_hh, planted.network.W_hh)
    assert again.kick == planted.kick


def test_three_outputs_that_all_lead_to_each_other():
    switch = planted_switch(n_outputs=3)
    run = intact_run(switch.network)
    intact = leave_rates(run)
    assert not run.diverged
    assert (intact > 0.01).all()
    assert len(switch.kick) == 6
    # Output 0 can still be left for 2 when the kick to 1 is gone, and for nothing when both are.
    one, both = (silenced_run(switch.network, group, run, 0) for group in (switch.kick[0, 1], switch.kick_of(0)))
    assert leave_rates(one)[0] > 0.3 * intact[0]
    assert leave_rates(both)[0] <= 0.02 * intact[0]
    next_output = one.output[:, 1:][(one.output[:, :-1] == 0) & (one.output[:, 1:] != 0)]
    assert np.mean(next_output == 2) > 0.9


def test_the_drifting_network_switches(drifting):
    _, run = drifting
    assert not run.diverged
    assert (leave_rates(run) > 0.05).all()


def test_many_drifting_neurons_have_a_kick_neurons_profile(drifting):
    network, run = drifting
    states = run.h[:8, TRANSIENT::6].reshape(-1, network.n_neurons)
    pre = run.pre_activation[:8, TRANSIENT::6].reshape(-1, network.n_neurons)
    found = residency(network, states, rollouts=10, seed=2)
    for output in range(2):
        own = found.output == output
        cluster = pre[own & (found.region == CLUSTER)].mean(axis=0)
        transition = pre[own & (found.region == TRANSITION)].mean(axis=0)
        assert ((cluster < 0) & (transition > 0)).sum() == 40


def test_no_dozen_of_drifting_neurons_is_responsible(drifting):
    network, run = drifting
    intact = leave_rates(run)
    rng = np.random.default_rng(0)
    for output in range(2):
        next_population = integrators_of(network, 1 - output)
        for group in (next_population[:12], rng.choice(next_population, 12, replace=False)):
            ratio = leave_rates(silenced_run(network, tuple(group), run, output))[output] / intact[output]
            assert ratio > 4 * STOPPED
    for _ in range(4):
        group = tuple(rng.choice(network.n_neurons, 12, replace=False))
        ratios = leave_rates(silenced_run(network, group, run, 0)) / intact
        assert (ratios > 4 * STOPPED).all()


def test_the_drifting_network_comes_in_other_sizes():
    network = no_kick_network(n_outputs=3, per_output=10, seed=2)
    assert network.W_hh.shape == (60, 60)
    assert (leave_rates(simulate(network, 400, 8, seed=1)) > 0.05).all()


def test_the_coincidence_network_computes_with_the_signs_of_its_noise():
    network, _ = coincidence_network(both=0.9, otherwise=0.2)
    run = simulate(network, 400, 4, seed=4)
    noise = draw_noise(1, 400, 4, 1.0, 4)[..., 0]
    assert not ((noise > 0) & (noise < 1e-4)).any()
    positive = noise > 0
    both = positive[:, 1:-1] & positive[:, :-2]
    np.testing.assert_allclose(run.probabilities[:, 2:, 1], np.where(both, 0.9, 0.2), atol=1e-9)


@pytest.mark.parametrize("bias", [False, True])
def test_random_networks_are_alive_and_bounded(bias):
    for seed in range(4):
        run = simulate(random_network(seed=seed, bias=bias), 500, 4, seed=seed)
        assert run.h.max() < 20
        assert (run.h > 0).mean() > 0.2
        assert len(np.unique(run.output)) > 1
