"""Circuits of exits: holding is what a naive loop does, and planted circuits are found."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.analysis.circuits import (
    MEAN,
    RESAMPLED,
    STEPS,
    ExitCircuits,
    Held,
    HeldRuns,
    brief_share,
    find_circuits,
    paired_ratio,
    same_exits,
)
from hmmrnn.analysis.numerics import TRANSIENT
from hmmrnn.model.network import Intervention, Network, intervene, rollout
from hmmrnn.model.simulation import draw_noise, simulate
from tests.networks import PlantedSwitch, no_kick_network, planted_switch, random_network


@pytest.fixture(scope="module")
def switch() -> PlantedSwitch:
    return planted_switch(hold=2, integrators=4, kick=3, echoes=2, idle=6)


class TestHolding:
    @pytest.mark.parametrize("hold", [MEAN, RESAMPLED])
    def test_it_is_what_a_naive_loop_does(self, hold):
        network, runs, seed = random_network(bias=True), 60, 5
        run = simulate(network, 300, 8, seed=0)
        searched = HeldRuns(network, run, (0, None), hold, runs, seed)
        held, noise = [1, 4, 5], draw_noise(network.n_inputs, STEPS, runs, 1.0, seed)
        exits, steps = [], []
        for b in range(runs):
            h = searched.starts[b].copy()
            left = STEPS
            for t in range(STEPS):
                h[held] = searched._held[b, t, held]
                h = np.maximum(network.W_hh @ h + network.W_ih @ noise[b, t] + network.b_h, 0)
                h[held] = searched._held[b, t + 1, held]
                if np.argmax(network.W_out @ h + network.b_out) != 0:
                    left = t
                    break
            exits.append(left < STEPS)
            steps.append(min(left + 1, STEPS))
        found = searched.under(held)
        np.testing.assert_array_equal(found.exits, exits)
        np.testing.assert_array_equal(found.steps, steps)
        assert 0 < np.sum(exits)

    def test_neurons_are_held_where_they_are_during_stays(self, switch):
        run = simulate(switch.network, 400, 8, seed=0)
        stays = run.h[:, TRANSIENT:][run.output[:, TRANSIENT:] == 1]
        mean = HeldRuns(switch.network, run, (1, None), MEAN, 64, 1)
        np.testing.assert_allclose(mean._held, np.broadcast_to(stays.mean(axis=0), mean._held.shape))
        drawn = HeldRuns(switch.network, run, (1, None), RESAMPLED, 64, 1)._held
        assert {tuple(state) for state in drawn[:2].reshape(-1, drawn.shape[2])} <= {tuple(state) for state in stays}

    def test_with_no_neuron_held_it_is_the_network_and_with_all_of_them_nothing_happens(self, switch):
        run = simulate(switch.network, 400, 8, seed=0)
        runs = HeldRuns(switch.network, run, (0, None), MEAN, 64, 1)
        assert runs.ratio((), sufficient=False) == 1
        assert runs.ratio(range(switch.network.n_neurons), sufficient=False) == 0


@pytest.fixture(scope="module", params=[MEAN, RESAMPLED])
def found(request, switch) -> ExitCircuits:
    return find_circuits(switch.network, 0, hold=request.param, controls=20)


class TestPlantedSwitch:
    def test_the_sufficient_circuit_is_the_planted_one(self, found, switch):
        pair, circuit = (0, 1), set(found.sufficient.neurons)
        assert circuit >= {*switch.kick[pair], *switch.integrators[pair], *switch.hold[0]}
        assert not circuit & set(switch.distractors)
        assert not circuit & set(switch.integrators[1, 0])
        assert found.sufficient.holds
        assert found.sufficient.same > 0.8 > 3 * found.sufficient.same_by_chance

    def test_the_necessary_one_is_small_and_part_of_what_carries_the_exit(self, found, switch):
        assert found.necessary.holds
        assert found.necessary.size <= 4
        assert not set(found.necessary.neurons) & set(switch.distractors)

    def test_random_sets_of_the_same_size_are_neither(self, found):
        assert np.abs(found.sufficient.null_ratio - 1).min() > 0.2
        assert np.median(found.necessary.null_ratio) > 0.2 >= found.necessary.ratio
        assert np.median(found.sufficient.null_same) < 0.2

    def test_silencing_the_necessary_neurons_is_to_take_them_out(self, found, switch):
        network = switch.network
        without = intervene(network, Intervention(found.necessary.neurons))
        run = simulate(network, 1000, 32, seed=0)
        runs, out = (HeldRuns(network, run, (0, None), found.hold, 384, 1) for _ in range(2))
        starts = runs.starts.copy()
        starts[:, list(found.necessary.neurons)] = 0
        h = rollout(without, without.drive(draw_noise(network.n_inputs, STEPS, 384, 1.0, 1)), starts).h
        left = (without.logits(h).argmax(axis=-1) != 0).any(axis=1)
        np.testing.assert_array_equal(runs.silenced(found.necessary.neurons).exits, left)
        assert found.silenced == paired_ratio(runs.silenced(found.necessary.neurons), out.intact)[0]

    def test_it_is_neither_a_decay_nor_a_flicker(self, found):
        assert found.decay < 0.2
        assert found.brief < 0.2


def test_an_exit_that_many_neurons_carry_has_no_small_circuit():
    network = no_kick_network(per_output=12)
    found = find_circuits(network, 0, controls=5, runs=96)
    # Both populations and the relays of both are read out or drive what is.
    assert found.sufficient.size > 0.5 * network.n_neurons
    assert found.necessary.size >= 3


def test_a_flicker_and_a_decay_are_known_as_such():
    # h = 0.98 h with noise on a second neuron: the output turns when the first one has decayed below a half.
    decaying = Network(
        W_hh=[[0.9, 0, 2.0], [0, 0, 0], [0, 0, 0]], W_ih=[[0, 0], [1, 0], [0, 8]], W_out=[[1, 0, 0], [0, 0.05, 0]],
        b_h=[0, 0, -16], b_out=[0, 0.5],
    )  # fmt: skip
    found = find_circuits(decaying, 0, controls=3)
    assert found.decay > 0.7
    # The output is the sign of fresh noise.
    flicker = Network(W_hh=np.zeros((2, 2)), W_ih=np.eye(2), W_out=np.eye(2), b_h=[2.0, 0])
    found = find_circuits(flicker, 0, controls=3)
    assert found.brief > 0.9
    assert found.decay == 0
    assert set(found.sufficient.neurons) == {0, 1}


class TestNumbers:
    def test_a_ratio_of_paired_rates_has_no_error_where_runs_are_the_same(self):
        rng = np.random.default_rng(0)
        steps = rng.integers(1, 50, 40).astype(float)
        one = Held((steps < 50).astype(float), steps, steps)
        assert paired_ratio(one, one) == (1, 0)
        nothing = Held(np.zeros(40), np.full(40, 50.0), np.full(40, np.nan))
        assert paired_ratio(nothing, one)[0] == 0
        assert np.isnan(paired_ratio(one, nothing)[0])

    def test_its_error_is_the_spread_over_draws(self):
        def draw(seed: int) -> tuple[float, float]:
            rng = np.random.default_rng(seed)
            steps = np.minimum(rng.geometric(0.04, 300), 50).astype(float)
            fewer = rng.random(300) < 0.6
            return paired_ratio(Held(fewer * (steps < 50), steps, steps), Held((steps < 50) * 1.0, steps, steps))

        drawn = np.array([draw(seed) for seed in range(200)])
        assert drawn[:, 0].std() == pytest.approx(drawn[:, 1].mean(), rel=0.15)

    def test_the_same_exits_are_those_within_two_steps(self):
        intact = Held(np.ones(4), np.ones(4), np.array([3.0, 10, 20, np.nan]))
        other = Held(np.ones(4), np.ones(4), np.array([5.0, 13, np.nan, 7]))
        share, _, by_chance = same_exits(other, intact)
        assert share == pytest.approx(1 / 3)
        # Of the twelve pairs only (3, 5) is near.
        assert by_chance == pytest.approx(1 / 12)

    def test_brief_exits_are_those_taken_back(self):
        output = np.array([[0, 1, 0, 0, 1, 1, 0, 0, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1]])
        # Of five exits, those at steps 1 and 4 are back within two steps; the last one is too near the end.
        assert brief_share(output, (0, None))[0] == pytest.approx(2 / 4)
        assert brief_share(output, (0, 1))[0] == pytest.approx(2 / 3)


def test_what_cannot_be_sought_is_said(switch):
    with pytest.raises(ValueError, match="hold must be one of mean, resampled; got 'zero'"):
        find_circuits(switch.network, 0, hold="zero")
    with pytest.raises(ValueError, match="output 2 does not exist"):
        find_circuits(switch.network, 0, 2)
    with pytest.raises(ValueError, match=r"output 0 → 0 is taken 0 times in 384 runs of 50 steps"):
        find_circuits(switch.network, 0, 0)
    growing = Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4))
    with pytest.raises(ValueError, match="diverges"):
        find_circuits(growing, 0)
