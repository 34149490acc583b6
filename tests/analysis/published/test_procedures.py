"""The paper's procedures beside naive scripts written from their description, on a planted and on a random network."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.orbit import fit_plane, orbit_phase
from hmmrnn.analysis.published.ablation import (
    KICK,
    MUS,
    RUNS,
    STEPS,
    ablate,
    longest_dwell,
    middle_of,
    net_turns,
    upward_switches,
)
from hmmrnn.analysis.published.circuit import activity_of_groups, block_means, leads
from hmmrnn.analysis.published.decay import late_decay
from hmmrnn.analysis.published.emission import (
    mean_inverse_dwell,
    memoryless_difference,
    readout_projection,
    transition_difference,
    transition_rate,
)
from hmmrnn.analysis.published.groups import PublishedGroups, published_groups
from hmmrnn.analysis.published.spread import RUNS as SPREAD_RUNS
from hmmrnn.analysis.published.spread import cluster_states, spread_over_five_steps
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import draw_noise, simulate
from tests.networks import planted_switch

SEED = 3


@pytest.fixture(scope="module")
def network() -> Network:
    return planted_switch(hold=4, integrators=8, kick=3, echoes=1, idle=6).network


@pytest.fixture(scope="module")
def kick(network: Network) -> KickNeurons:
    """Scores that are known: neuron i scores i for output 0 and N - i for output 1, the last six and first six only."""
    n = network.n_neurons
    scores = np.zeros((2, n))
    scores[0, -6:], scores[1, :6] = np.arange(1, 7), np.arange(6, 0, -1)
    nan = np.full((2, n), np.nan)
    return KickNeurons(scores, nan, nan, nan, (), (), SEED)


@pytest.fixture(scope="module")
def groups(network: Network, kick: KickNeurons) -> PublishedGroups:
    found = published_groups(network, kick)
    assert found is not None
    return found


class TestGroups:
    def test_they_are_those_of_the_description(self, network, groups):
        n, W = network.n_neurons, network.W_hh
        first, second = (n - 1, n - 2, n - 3), (0, 1, 2)
        assert (groups.outputs, groups.kick) == ((0, 1), (first, second))

        def top(i: int, count: int) -> set[int]:
            return set(sorted(range(n), key=lambda j: -W[i, j])[: round(count * n / 150)])

        for triple, noise in zip((first, second), groups.noise, strict=True):
            assert set(noise) == set().union(*(top(i, 60) for i in triple)) - {*first, *second}
        assert set(groups.control) == set(range(n)) - set().union(*(top(i, 35) for i in (*first, *second)))
        onto = [np.mean([W[i] for i in triple], axis=0) for triple in (first, second)]
        chosen = sorted(range(n), key=lambda j: onto[0][j] * onto[1][j])[: round(70 * n / 150)]
        chosen.sort(key=lambda j: onto[0][j])
        half = len(chosen) // 2
        assert tuple(map(set, groups.integrating)) == (set(chosen[half:]), set(chosen[:half]))

    def test_there_are_none_with_fewer_than_three_candidates(self, network, kick):
        few = np.where(kick.scores > 4, kick.scores, 0)
        assert published_groups(network, KickNeurons(few, few, few, few, (), (), 0)) is None


def naive_switches(network: Network, neurons, mu: float, h0, noise, scale: str) -> tuple[list[int], np.ndarray]:
    """Steps at which the argmax rises, and the states of one run, one step and one neuron set at a time."""
    h, outputs, states = h0.copy(), [], []
    for x in noise:
        recurrent, drive = network.W_hh @ h, network.W_ih @ x
        for i in neurons:
            recurrent[i] *= mu if scale == "recurrent" else 1
            drive[i] *= mu if scale == "input" else 1
        h = np.maximum(recurrent + drive + network.b_h, 0)
        states.append(h)
        outputs.append(int(np.argmax(network.W_out @ h + network.b_out)))
    return [t for t in range(1, len(outputs)) if outputs[t] > outputs[t - 1]], np.array(states)


def naive_pairs(W: np.ndarray, b: np.ndarray, states: np.ndarray) -> int:
    """Critical pairs of the Jacobians at states, one by one."""
    count = 0
    for h in states:
        z = np.linalg.eigvals(np.diag((W @ h + b > 0).astype(float)) @ W)
        image = (z - 1) / (z + 1)
        count += int(np.sum((np.abs(image.real) < 0.1) & (image.imag > 0.06)))
    return count


@pytest.mark.slow
class TestAblation:
    @pytest.fixture(scope="class")
    @classmethod
    def found(cls, network, groups):
        plane = fit_plane(simulate(network, 500, 4, seed=1))
        return ablate(network, groups, plane, SEED)

    @pytest.mark.parametrize("mu", [0.0, 0.6, 1.0])
    def test_switches_and_pairs_are_those_of_a_naive_script(self, network, groups, found, mu):
        noise = draw_noise(network.n_inputs, STEPS, RUNS, 1.0, SEED)
        h0 = 0.1 * (2 * np.random.default_rng([SEED, 21]).standard_normal((RUNS, network.n_neurons)) - 1)
        at = MUS.index(mu)
        intact, _ = naive_switches(network, (), 1.0, h0[0], noise[0], "input")
        for one, scale in ((found.kick[0], "recurrent"), (found.noise[1], "input"), (found.control, "input")):
            times, states = naive_switches(network, one.neurons, mu, h0[0], noise[0], scale)
            assert one.switches[0, at] == len(times)
            assert one.fallback[at] == (len(times) < 2)
            W = network.W_hh.copy()
            if one.kind == KICK:
                W[:, list(one.neurons)] *= mu
            windows = (times if len(times) >= 2 else intact)[:-1]
            sums = [naive_pairs(W, network.b_h, states[max(0, t - 15) : t + 15]) for t in windows]
            assert one.pairs[at] == pytest.approx(np.mean(sums))
            assert one.pairs_se[at] == pytest.approx(np.std(sums, ddof=1) / np.sqrt(len(sums)))

    def test_gain_1_is_the_intact_network_for_every_population(self, found):
        at = MUS.index(1.0)
        every = (*found.kick, *found.noise, found.control)
        assert all(np.array_equal(one.switches[:, at], found.control.switches[:, at]) for one in every)
        assert found.control.switches[:, at].min() > 2

    def test_turns_are_those_of_the_unwrapped_angle(self, network):
        run = simulate(network, 200, 3, seed=5)
        plane = fit_plane(run)
        angle = np.unwrap(orbit_phase(plane.project(run.h), plane), axis=1)
        np.testing.assert_allclose(net_turns(plane, run.h), (angle[:, -1] - angle[:, 0]) / (2 * np.pi), atol=1e-12)


class TestDwells:
    output = np.array([0, 0, 1, 1, 1, 0, 2, 2, 2, 2, 0, 0])

    def test_only_rising_indices_count(self):
        assert upward_switches(self.output).tolist() == [2, 6]

    def test_the_longest_ends_within_the_run(self):
        assert longest_dwell(self.output) == (6, 10)
        assert longest_dwell(self.output, unless_to=0) == (0, 2)
        assert longest_dwell(np.zeros(5, dtype=int)) is None

    @pytest.mark.parametrize(("dwell", "middle"), [((6, 10), 8), ((0, 300), 200), ((0, 201), 101)])
    def test_the_middle_is_at_most_100_steps_before_the_end(self, dwell, middle):
        assert middle_of(dwell) == middle

    def test_rates_are_means_of_inverse_dwells(self):
        # Complete dwells: of 3, 1 and 4 steps.
        assert mean_inverse_dwell(self.output) == pytest.approx((1 / 3 + 1 + 1 / 4) / 3)
        assert mean_inverse_dwell(np.zeros(5, dtype=int)) == 0

    def test_leads_count_from_the_last_crossing(self):
        difference = np.array([1, 1, -1, -1, 1, 1, 1, -1, -1, -1.0])
        output = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 0])
        assert leads(difference, output).tolist() == [1, 2]


class TestSpread:
    @pytest.mark.slow
    def test_it_is_that_of_a_naive_script(self, network):
        found = spread_over_five_steps(network, SEED)
        assert found is not None
        run = simulate(network, 2000, 1, 1.0, SEED)
        start = cluster_states(run.output[0])[0]
        noise = np.random.default_rng([SEED, 24, int(start)]).standard_normal((SPREAD_RUNS + 1, 5, network.n_inputs))
        for g, gamma in enumerate((0.5, 1.0)):
            ends = []
            for own in noise[1:]:
                h = run.h[0, start]
                for shared, mine in zip(noise[0], own, strict=True):
                    x = (1 - gamma) * shared + gamma * mine
                    h = np.maximum(network.W_hh @ h + network.W_ih @ x + network.b_h, 0)
                ends.append(h)
            assert found.cluster[0, g, -1] == pytest.approx(np.trace(np.cov(np.array(ends).T)))
        ratio = found.cluster[:, :, -1].mean(axis=0) / found.transition[:, :, -1].mean(axis=0)
        np.testing.assert_allclose(found.ratio[0], ratio)

    def test_the_longest_dwell_comes_first(self):
        output = np.repeat([0, 1, 0, 1, 0], [25, 10, 60, 30, 5])
        assert cluster_states(output).tolist() == [65, 12, 110]

    def test_a_network_that_never_switches_has_none(self):
        assert (
            spread_over_five_steps(Network(0.5 * np.eye(3), np.eye(3), np.eye(2, 3), b_out=np.array([9.0, 0]))) is None
        )


class TestCircuit:
    def test_blocks_are_means_of_the_entries_that_are_described(self, network, groups):
        found, W = block_means(network, groups), network.W_hh
        (one, two), six = groups.kick, {*groups.kick[0], *groups.kick[1]}
        within = [W[i, j] for group in (one, two) for i in group for j in group]
        between = [W[i, j] for a, b in ((one, two), (two, one)) for i in a for j in b]
        assert len(within) == len(between) == 18
        pops = [[i for i in p if i not in six] for p in groups.integrating]
        inside = [W[i, j] for p in pops for i in p for j in p if i != j]
        outside = [W[i, j] for a, b in (pops, pops[::-1]) for i in a for j in b]
        wanted = (within, between, inside, outside)
        got = (found.kick_within, found.kick_between, found.integrating_within, found.integrating_between)
        for (mean, error), values in zip(got, wanted, strict=True):
            assert mean == pytest.approx(np.mean(values))
            assert error == pytest.approx(np.std(values, ddof=1) / np.sqrt(len(values)))
        assert found.onto_kick[0][1][0] == pytest.approx(np.mean([W[i, j] for i in one for j in pops[1]]))

    def test_ratios_are_of_the_steps_at_which_a_triple_is_the_more_active(self, network, groups):
        found = activity_of_groups(network, groups, SEED)
        assert found is not None
        h = simulate(network, 300, 10, 1.0, SEED).h.reshape(-1, network.n_neurons)
        kick = [h[:, list(g)].mean(axis=1) for g in groups.kick]
        fed = h[:, list(groups.integrating[0])].mean(axis=1)
        active = kick[0] > kick[1]
        assert found.active_ratio[0] == pytest.approx(kick[0][active].mean() / fed[active].mean())
        assert found.peak_ratio[0] == pytest.approx(kick[0].max() / fed.max())


class TestEmission:
    def test_a_linear_map_decays_by_its_eigenvalue(self):
        network = Network(np.diag([0.9, 0.5]), np.ones((2, 1)), np.eye(2))
        factor, error = late_decay(network, np.array([[1.0, 2.0], [3.0, 1.0], [0.5, 4.0]]))
        assert factor == pytest.approx(0.9, abs=1e-4)
        assert error < 1e-4

    def test_what_is_never_left_has_no_rate_and_no_decay_without_a_fixed_point(self):
        still = Network(0.5 * np.eye(3), np.eye(3), np.eye(2, 3), b_out=np.array([9.0, 0]))
        assert transition_rate(still) == (0.0, 0.0)
        assert np.isnan(late_decay(Network(1.5 * np.eye(2), np.eye(2), np.eye(2)), np.ones((3, 2)))[0])

    def test_a_memoryless_network_has_the_memoryless_difference(self):
        hmm = HMM.preset("linear-2")
        # A readout that ignores its activity: every symbol as often as the HMM emits it, whatever came before.
        logits = np.log(hmm.marginal)
        network = Network(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros((3, 2)), b_out=logits)
        difference, error = transition_difference(network, hmm, SEED, sequences=1000)
        assert difference == pytest.approx(memoryless_difference(hmm), abs=max(5 * error, 0.02))
        assert difference > 0.05

    def test_rows_in_the_plane_project_whole(self):
        run = simulate(Network(0.5 * np.eye(4), np.diag([3, 2, 0.1, 0.1]), np.eye(4)), 200, 2)
        plane = fit_plane(run)
        inside = Network(0.5 * np.eye(4), np.eye(4), 7 * plane.components[:2])
        assert readout_projection(inside, plane) == pytest.approx(1.0)
        assert readout_projection(
            Network(0.5 * np.eye(4), np.eye(4), plane.components[[2, 0]]), plane
        ) == pytest.approx(0.5)
