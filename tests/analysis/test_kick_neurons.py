"""Detection of kick neurons against planted circuits, its score by hand, and its measurements on a plain simulation."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kstest

from hmmrnn.analysis import kick_neurons, kick_search
from hmmrnn.analysis.kick_neurons import (
    EXCITE,
    FEED,
    NOISE,
    SILENCE,
    Agreement,
    AlternativeTest,
    KickGroup,
    KickNeurons,
    detect_kick_neurons,
)
from hmmrnn.analysis.kick_search import Exit
from hmmrnn.analysis.leave_rates import PairedLeaveRates
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, TRANSITION, residency
from hmmrnn.analysis.switching import count_switches
from hmmrnn.explorer.queries import kick_neurons_of
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Intervention, Network, intervene, rollout
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate
from hmmrnn.shipped import MODELS
from tests.networks import PlantedSwitch, constant_network, kick_group, no_kick_network, planted_switch, random_network
from tests.scripted_rates import Scripted
from tests.shipped import resolve_shipped

SEED = 0
# Of the shipped network: in so many, outputs are left thousands of times.
RUNS = 24


@pytest.fixture(scope="module")
def switch() -> PlantedSwitch:
    """Two outputs, each left by three planted kick neurons, small enough to search in a second."""
    return planted_switch(hold=4, integrators=8, kick=3, echoes=2, idle=3)


@pytest.fixture(scope="module")
def found(switch) -> KickNeurons:
    return detect_kick_neurons(switch.network, seed=SEED, controls=40)


@pytest.fixture(scope="module")
def run(switch) -> Trajectory:
    """The reference run, from which detection takes its states."""
    return simulate(switch.network, kick_search.REFERENCE_STEPS, kick_search.REFERENCE_RUNS, seed=SEED)


@pytest.fixture(scope="module")
def decaying() -> KickNeurons:
    """What is found where an output ends because what holds it decays."""
    return detect_kick_neurons(no_kick_network(per_output=20), seed=SEED, controls=20)


@pytest.fixture(scope="module")
def shipped() -> Network:
    return load(MODELS / "linear-2.safetensors")


@pytest.fixture(scope="module")
def shipped_groups(tmp_path_factory) -> tuple[KickGroup, ...]:
    return kick_neurons_of(resolve_shipped(tmp_path_factory.mktemp("answers"), "linear-2")).groups


def leave_rate_without(network: Network, neurons, output: int, seed: int) -> float:
    """Leave rate with neurons silenced, measured apart from detection: from h0 = 0, 64 runs of 1,000 steps."""
    run = simulate(intervene(network, Intervention(tuple(neurons))), 1000, 64, seed=seed)
    return float(count_switches(run.output, network.n_outputs).leave_rate[output])


def mean_in(name: str, values, region) -> float:
    inside = [float(x) for x, where in zip(values, region, strict=True) if where == name]
    return sum(inside) / len(inside)


def scripted_exit(neurons: tuple[int, ...], n: int) -> Exit:
    return Exit(0, None, 1.0, neurons, np.zeros(n), np.full(n, np.nan))


def judged(bench: Scripted, neurons: tuple[int, ...], taken: set[int], controls: int, seed: int) -> AlternativeTest:
    exit = scripted_exit(neurons, bench.exits.network.n_neurons)
    return kick_neurons._judge(SILENCE, bench, exit, Intervention(neurons), taken, controls, seed)


class TestPlanted:
    def test_the_planted_groups_are_found_and_proven(self, switch, found):
        assert found.not_visited == ()
        assert [group.output for group in found.groups] == [0, 1]
        for group in found.groups:
            assert set(group.neurons) == set(switch.kick_of(group.output))
            assert group.to is None
            assert group.proven
            assert group.leave_rate_ratio <= kick_neurons.MAX_LEAVE_RATE_RATIO
            assert 0.5 < np.median(group.control_ratios) < 1.5

    def test_also_where_three_outputs_follow_each_other(self):
        ring = planted_switch(3, [(0, 1), (1, 2), (2, 0)], hold=4, integrators=8, kick=3, echoes=1, idle=3, seed=1)
        groups = detect_kick_neurons(ring.network, seed=SEED, controls=30).groups
        assert [set(group.neurons) for group in groups] == [set(ring.kick_of(output)) for output in range(3)]
        assert all(group.proven for group in groups)

    def test_echoes_have_the_profile_and_are_left_out_because_they_have_no_effect(self, switch, found):
        echoes = [neuron for group in switch.echoes.values() for neuron in group]
        for output in range(2):
            chosen = next(group.neurons for group in found.groups if group.output == output)
            own = [neuron for pair, group in switch.echoes.items() if pair[0] == output for neuron in group]
            assert (found.scores[output, own] > 0).all()
            assert not set(echoes) & set(chosen)

    def test_what_is_proven_holds_on_noise_and_starts_of_its_own(self, switch, found):
        for group in found.groups:
            intact = leave_rate_without(switch.network, (), group.output, seed=77)
            assert leave_rate_without(switch.network, group.neurons, group.output, seed=77) <= 0.15 * intact

    def test_where_there_is_no_kick_circuit_nothing_is_proven(self, decaying):
        assert [group.output for group in decaying.groups] == [0, 1]
        for group in decaying.groups:
            assert group.neurons
            assert not group.proven
            assert group.leave_rate_ratio > kick_neurons.MAX_LEAVE_RATE_RATIO

    def test_the_seed_decides_everything(self, switch, found):
        again = detect_kick_neurons(switch.network, seed=SEED, controls=40)
        other = detect_kick_neurons(switch.network, seed=SEED + 1, controls=5)
        assert found.seed == again.seed == SEED
        for name in ("scores", "cluster", "kick_zone", "transition"):
            np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
        assert [group.neurons for group in again.groups] == [group.neurons for group in found.groups]
        for one, two in zip(again.groups, found.groups, strict=True):
            assert one.leave_rate_ratio == two.leave_rate_ratio
            np.testing.assert_array_equal(one.control_ratios, two.control_ratios)
        assert (other.scores != found.scores).any()
        assert [set(group.neurons) for group in other.groups] == [set(group.neurons) for group in found.groups]
        assert all(len(group.control_ratios) == 5 for group in other.groups)


class TestProfile:
    def test_score_is_the_formula_by_hand(self, switch, found, run):
        for output in range(2):
            at = kick_search.sample_states(run, output, SEED)
            region = residency(switch.network, run.h[at], seed=SEED).region
            for neuron in range(switch.network.n_neurons):
                values = [float(x) for x in run.pre_activation[(*at, neuron)]]
                c, t = mean_in(CLUSTER, values, region), mean_in(TRANSITION, values, region)
                mean = sum(values) / len(values)
                s = (sum((x - mean) ** 2 for x in values) / len(values)) ** 0.5
                expected = (t - c) / s if c < 0 < t else 0.0
                np.testing.assert_allclose(found.scores[output, neuron], expected, atol=1e-9)

    @pytest.mark.parametrize("name", [CLUSTER, KICK_ZONE, TRANSITION])
    def test_means_are_over_the_states_of_one_region(self, switch, found, run, name):
        for output in range(2):
            at = kick_search.sample_states(run, output, SEED)
            region = residency(switch.network, run.h[at], seed=SEED).region
            expected = [mean_in(name, column, region) for column in run.pre_activation[at].T]
            np.testing.assert_allclose(getattr(found, name)[output], expected, atol=1e-9)

    def test_states_have_the_output_and_many_are_about_to_leave_it(self, run):
        runs, steps = kick_search.sample_states(run, 1, SEED)
        assert (run.output[runs, steps] == 1).all()
        assert steps.min() >= kick_search.TRANSIENT
        assert len(set(zip(runs, steps, strict=True))) == len(runs)

        def about_to_leave(b, t):
            return (run.output[b, t : t + kick_search.EXIT_WINDOW + 1] != 1).any()

        everywhere = np.argwhere(run.output[:, kick_search.TRANSIENT : -kick_search.EXIT_WINDOW] == 1) + [
            0,
            kick_search.TRANSIENT,
        ]
        usual = np.mean([about_to_leave(b, t) for b, t in everywhere])
        assert np.mean([about_to_leave(b, t) for b, t in zip(runs, steps, strict=True)]) > 2 * usual


class TestProof:
    def test_controls_have_the_size_of_the_group_and_no_kick_neuron(self):
        bench = Scripted(random_network(n=20), {3: 0.0, 4: 0.0})
        taken = {3, 4, 9, 10, 11}
        picture = judged(bench, (3, 4), taken, controls=40, seed=1)
        assert bench.asked[:2] == [(), (3, 4)]
        drawn = bench.asked[2:]
        assert len(drawn) == len(picture.control_ratios) == 40
        assert all(len(set(control)) == len(control) == 2 for control in drawn)
        assert not taken & {neuron for control in drawn for neuron in control}
        assert {neuron for control in drawn for neuron in control} == set(range(20)) - taken
        assert picture.proven

    @pytest.mark.parametrize(
        ("ratio", "better_controls", "proven"),
        [(0.15, 0, True), (0.151, 0, False), (0.0, 0, True), (0.1, 1, True), (0.1, 20, False)],
    )
    def test_the_verdict_asks_for_both_the_ratio_and_the_controls(self, ratio, better_controls, proven):
        # 20 single controls of equal chance, the first of which do as well as the group.
        leaves = {i: 0.05 if i < better_controls else 1.0 for i in range(20)} | {20: ratio}
        picture = judged(Scripted(random_network(n=21), leaves), (20,), {20}, controls=1000, seed=0)
        share = np.mean(picture.control_ratios <= ratio)
        # One neuron of twenty is at the edge of what is allowed; which side it falls on is the draw's.
        expected = proven and share <= kick_neurons.MAX_CONTROL_SHARE
        assert share == pytest.approx(better_controls / 20, abs=0.03)
        assert (picture.leave_rate_ratio, picture.proven) == (ratio, expected)
        assert kick_neurons.percentile(ratio, picture.control_ratios) == pytest.approx(100 * share)

    def test_without_enough_other_neurons_nothing_can_be_compared(self):
        picture = judged(Scripted(random_network(n=3), {0: 0.0}), (0, 1), {0, 1}, controls=10, seed=0)
        assert not picture.proven
        assert len(picture.control_ratios) == 0
        assert np.isnan(kick_neurons.percentile(picture.leave_rate_ratio, picture.control_ratios))

    @pytest.mark.parametrize(("others", "compared"), [(19, False), (20, True)])
    def test_fewer_than_twenty_different_groups_prove_nothing(self, others, compared):
        picture = judged(Scripted(random_network(n=others + 1), {0: 0.0}), (0,), {0}, controls=10, seed=0)
        assert (len(picture.control_ratios) > 0) == picture.proven == compared

    def test_another_picture_gets_random_groups_only_if_it_goes_far_enough(self):
        for left, expected in ((0.1, 30), (0.2, 0)):
            bench = Scripted(random_network(n=21), {3: left})
            found = kick_neurons._judge(
                FEED, bench, scripted_exit((), 21), Intervention((3,)), set(), controls=30, seed=0
            )
            assert len(found.control_ratios) == expected
            assert found.proven == (expected > 0)

    def test_a_random_group_is_proven_as_seldom_as_chance_allows(self):
        # The null itself: groups drawn like their controls, in networks of random weights whose output switches.
        percentiles = []
        for seed in range(4):
            network = random_network(n=24, seed=seed)
            run = simulate(network, 300, 16, seed=seed)
            output = int(np.bincount(run.output[:, kick_search.TRANSIENT :].ravel(), minlength=3).argmax())
            measured = PairedLeaveRates(network, run, output, kick_search.TRANSIENT, seed).under(seed)
            rng = np.random.default_rng(seed)
            for draw in range(10):
                neurons = tuple(int(i) for i in rng.choice(24, size=2, replace=False))
                exit = replace(scripted_exit(neurons, 24), output=output)
                null = kick_neurons._judge(
                    SILENCE, measured, exit, Intervention(neurons), set(), controls=40, seed=draw
                )
                assert not null.proven
                percentiles.append(kick_neurons.percentile(null.leave_rate_ratio, null.control_ratios))
        # Uniform on 0 to 100: mean 50 with a standard error of 100 / sqrt(12 * 40) = 4.6.
        assert abs(np.mean(percentiles) - 50) < 4 * 4.6
        assert kstest(np.array(percentiles) / 100, "uniform").pvalue > 0.001


class TestOtherPictures:
    """Where silencing cannot close an exit: an output that ends because what holds it decays."""

    def test_all_are_tried_and_none_of_them_is_taken_for_a_kick_group(self, decaying):
        for group in decaying.groups:
            assert not group.proven
            assert [picture.kind for picture in group.alternatives] == [NOISE, FEED, EXCITE]
            by_kind = {picture.kind: picture.intervention for picture in group.alternatives}
            changed = {(item.mu, item.target) for item in by_kind.values() if item.neurons}
            assert changed <= {(0.0, "input"), (0.0, "unit"), (2.0, "recurrent")}
            for picture in group.alternatives:
                if picture.leave_rate_ratio > kick_neurons.MAX_LEAVE_RATE_RATIO:
                    assert not picture.proven
                    assert len(picture.control_ratios) == 0

    def test_a_picture_says_what_a_measurement_of_its_own_says(self, decaying):
        network = no_kick_network(per_output=20)
        run = simulate(network, kick_search.REFERENCE_STEPS, kick_search.REFERENCE_RUNS, seed=SEED)
        for group in decaying.groups:
            measured = PairedLeaveRates(network, run, group.output, kick_search.TRANSIENT, SEED).under(SEED + 2)
            for picture in group.alternatives:
                if picture.intervention.neurons:
                    again = measured.rate(picture.intervention) / measured.rate()
                    assert picture.leave_rate_ratio == pytest.approx(again)

    def test_an_exit_is_closed_by_what_is_proven_and_not_by_what_goes_furthest(self):
        item = Intervention((1,), 2.0, "recurrent")
        grows = AlternativeTest(EXCITE, item, 0.01, np.ones(3), bounded=False, proven=False)
        weaker, feeds = (
            AlternativeTest(FEED, item, ratio, np.ones(3), bounded=True, proven=True) for ratio in (0.12, 0.1)
        )
        assert kick_group(0, (2,), proven=False, alternatives=(weaker, feeds, grows)).closed_by is feeds
        assert kick_group(0, (2,), proven=False, alternatives=(grows,)).closed_by is None

    def test_where_silencing_is_proven_nothing_else_is_tried(self, found):
        assert all(group.alternatives == () for group in found.groups)


class TestPairs:
    @pytest.fixture(scope="class")
    @classmethod
    def triangle(cls) -> PlantedSwitch:
        """Three outputs, each of which is left for each other one by kick neurons of its own."""
        return planted_switch(3, hold=4, integrators=8, kick=3, echoes=1, idle=3, seed=1)

    @pytest.fixture(scope="class")
    @classmethod
    def pairs(cls, triangle) -> KickNeurons:
        return detect_kick_neurons(triangle.network, seed=SEED, controls=30)

    def test_each_ordered_pair_has_its_planted_group(self, triangle, pairs):
        assert [(group.output, group.to) for group in pairs.groups] == list(permutations(range(3), 2))
        for group in pairs.groups:
            assert set(group.neurons) == set(triangle.kick[group.output, group.to])
            assert group.proven

    def test_the_other_exit_stays_open(self, pairs):
        for group in pairs.groups:
            assert group.all_exits_ratio > group.leave_rate_ratio
            assert 0.2 < group.exit_share < 0.8

    def test_members_joins_the_groups_that_leave_an_output(self, triangle, pairs):
        for output in range(3):
            assert set(pairs.members(output)) == set(triangle.kick_of(output))

    def test_the_ratio_is_of_the_exit_to_that_output_alone(self, triangle, pairs):
        group = pairs.groups[0]
        silenced = intervene(triangle.network, Intervention(group.neurons))
        counts = [count_switches(simulate(n, 1000, 64, seed=9).output, 3).counts for n in (triangle.network, silenced)]
        rates = [c[group.output, group.to] / c[group.output].sum() for c in counts]
        assert rates[1] <= kick_neurons.MAX_LEAVE_RATE_RATIO * rates[0]


class TestAgreement:
    @pytest.fixture(scope="class")
    @classmethod
    def agreed(cls, switch) -> Agreement:
        return kick_neurons.compare_seeds(switch.network, seeds=(SEED, 3, 4))

    def test_every_seed_chooses_the_planted_neurons(self, switch, agreed):
        assert agreed.exits == ((0, None), (1, None))
        for g, (output, _) in enumerate(agreed.exits):
            np.testing.assert_array_equal(np.flatnonzero(agreed.chosen[g] == 1), sorted(switch.kick_of(output)))
        np.testing.assert_array_equal(agreed.sizes, np.full((3, 2), 3))
        np.testing.assert_array_equal(agreed.overlap, [1, 1])

    def test_one_of_the_seeds_is_the_search_itself(self, switch, found):
        alone = kick_neurons.compare_seeds(switch.network, seeds=[SEED])
        for g, group in enumerate(found.groups):
            assert set(np.flatnonzero(alone.chosen[g])) == set(group.neurons)
        assert np.isnan(alone.overlap).all()

    def test_no_seed_is_refused(self, switch):
        with pytest.raises(ValueError, match="seeds must name at least one seed; got none"):
            kick_neurons.compare_seeds(switch.network, seeds=[])

    def test_overlap_is_shared_over_all(self):
        member = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool)
        assert kick_neurons._overlap(member) == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)


class TestNothingToFind:
    def test_a_network_with_a_single_output_has_no_groups(self):
        found = detect_kick_neurons(constant_network([0.7, 0.2, 0.1]), seed=SEED)
        assert found.groups == ()
        assert found.not_visited == (1, 2)
        np.testing.assert_array_equal(found.scores, np.zeros((3, 4)))
        assert np.isnan(found.cluster).all()

    def test_an_output_that_is_hardly_visited_has_no_group(self, switch):
        # A third output that is never the largest.
        W_out = np.vstack([switch.network.W_out, np.zeros(switch.network.n_neurons)])
        network = Network(switch.network.W_hh, switch.network.W_ih, W_out, switch.network.b_h, [0.0, 0.0, -100.0])
        found = detect_kick_neurons(network, seed=SEED, controls=3)
        assert found.not_visited == (2,)
        assert [group.output for group in found.groups] == [0, 1]
        np.testing.assert_array_equal(found.scores[2], 0)

    def test_a_network_that_lingers_nowhere_has_no_profile_and_proves_nothing(self):
        # The output is the sign of the present noise: every state is left after two steps on average.
        network = Network(np.zeros((2, 2)), [[1.0], [-1.0]], np.eye(2))
        found = detect_kick_neurons(network, seed=SEED)
        for group in found.groups:
            assert group.neurons == ()
            assert group.leave_rate_ratio == 1.0
            assert len(group.control_ratios) == 0
            assert not group.proven
        assert len(found.groups) == 2

    def test_a_network_that_diverges_is_refused_with_the_count(self):
        network = Network(1.5 * np.eye(3), np.eye(3), np.eye(2, 3))
        sentence = (
            r"kick neurons cannot be sought: 32 of 32 runs diverge within 1000 steps under noise of sigma = 1; "
            r"silence or rescale what grows first"
        )
        with pytest.raises(ValueError, match=sentence):
            detect_kick_neurons(network)


@pytest.mark.slow
class TestShipped:
    """The claim of the project, on the network that is shipped, measured apart from detection."""

    def test_at_least_one_switch_has_a_proven_group(self, shipped_groups):
        assert any(group.proven for group in shipped_groups)

    def test_silencing_a_proven_group_keeps_the_output_and_random_neurons_do_not(self, shipped, shipped_groups):
        network, groups, noise_seed = shipped, shipped_groups, 20_000
        noise = network.drive(draw_noise(network.n_inputs, 1000, RUNS, 1.0, noise_seed))
        others = [i for i in range(network.n_neurons) if all(i not in group.neurons for group in groups)]
        h0 = np.zeros((RUNS, network.n_neurons))
        rng = np.random.default_rng(noise_seed)

        def leave_rates(neurons) -> np.ndarray:
            # One draw of noise serves all: what reaches a silenced neuron is zero, everybody else's is the same.
            ablated, drive = intervene(network, Intervention(tuple(neurons))), noise.copy()
            drive[..., list(neurons)] = 0
            output = network.logits(rollout(ablated, drive, h0).h).argmax(axis=-1)
            return count_switches(output, network.n_outputs).leave_rate

        intact = leave_rates(())
        controls: dict[int, np.ndarray] = {}
        for group in (group for group in groups if group.proven):
            size = len(group.neurons)
            if size not in controls:
                controls[size] = np.array([leave_rates(rng.choice(others, size, replace=False)) for _ in range(9)])
            left = leave_rates(group.neurons)[group.output]
            # Never seen again would be no proof of being kept.
            assert left <= 0.15 * intact[group.output]
            assert 0.5 <= np.nanmedian(controls[size][:, group.output]) / intact[group.output] <= 2
