"""Predicted leave rates: exact on an autoregressive process, counted as a naive loop counts, free of sigma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from hmmrnn.analysis.kick_neurons import KickGroup, KickNeurons
from hmmrnn.analysis.leave_rate_theory import (
    COUNTS,
    Factors,
    LeaveRateTheory,
    attribute_change,
    count_process,
    crossing_rate,
    factors_of,
    leave_rate,
    predict_leave_rates,
    rice_rate,
)
from hmmrnn.model.network import Intervention, Network, intervene
from tests.networks import kick_group, planted_switch, random_network

KEEP, LEVEL, DISTANCE, COIN = 0.8, 100.0, 1.5, 0.02
GAIN = 1e4


def found_with(network: Network, *groups: KickGroup) -> KickNeurons:
    unknown = np.full((network.n_outputs, network.n_neurons), np.nan)
    return KickNeurons(unknown, unknown, unknown, unknown, groups, (), 0)


@dataclass(frozen=True)
class Autoregressive:
    """A network whose kick neuron is an autoregressive process, and what follows from that."""

    network: Network
    kick: int = 1

    @property
    def found(self) -> KickNeurons:
        return found_with(self.network, kick_group(0, (self.kick,), n=self.network.n_neurons))

    @property
    def spread(self) -> float:
        return 1 / np.sqrt(1 - KEEP**2)


@pytest.fixture(scope="module")
def autoregressive() -> Autoregressive:
    """A neuron far above zero integrates noise, i = 0.8 i + 20 + x, and the kick neuron's input is i - 100 - 1.5.

    The output is 1 where it was above zero one step before and a coin, a second noise, has come down on one side,
    which happens at 2 % of the steps. So output 0 is left at 0.02 P(v > 0), whatever the process does, and that is so
    rare that leaving changes it little.
    """
    integrator, kick, rise, excess, both = range(5)
    W_hh, W_ih = np.zeros((5, 5)), np.zeros((5, 2))
    W_hh[integrator, integrator] = KEEP
    W_hh[kick, integrator] = 1
    W_hh[both, [kick, rise, excess]] = 1, GAIN, -GAIN
    W_ih[integrator, 0] = 1
    W_ih[[rise, excess], 1] = GAIN
    down = GAIN * norm.isf(COIN)
    # The last is a little lower, so that rounding alone never turns the output.
    b_h = np.array([(1 - KEEP) * LEVEL, -LEVEL - DISTANCE, -down, -down - 1, -GAIN - 1e-4])
    W_out = np.zeros((2, 5))
    W_out[1, both] = 1
    return Autoregressive(Network(W_hh, W_ih, W_out, b_h=b_h))


@pytest.fixture(scope="module")
def predicted(autoregressive) -> LeaveRateTheory:
    return predict_leave_rates(autoregressive.network, autoregressive.found, runs=48, steps=1500, controls=5)


class TestFormulas:
    @pytest.mark.parametrize("memory", [-0.6, 0.0, 0.3, 0.9, 0.999])
    def test_at_mean_zero_it_is_the_arc_cosine(self, memory):
        assert crossing_rate(0.0, 2.0, memory) == pytest.approx(np.arccos(memory) / (2 * np.pi), rel=1e-9)

    @pytest.mark.parametrize("level", [-1.2, 0.4, 2.5])
    def test_without_memory_it_is_the_product_of_two_chances(self, level):
        assert crossing_rate(3 * level, 3.0, 0.0) == pytest.approx(norm.cdf(level) * norm.sf(level), rel=1e-9)

    @pytest.mark.parametrize(("level", "memory"), [(0.8, 0.88), (-0.5, 0.4), (2.0, -0.3)])
    def test_it_is_the_bivariate_normal_probability(self, level, memory):
        below_twice = multivariate_normal(cov=[[1, memory], [memory, 1]]).cdf([level, level])
        assert crossing_rate(level, 1.0, memory) == pytest.approx(norm.cdf(level) - below_twice, abs=1e-5)

    @pytest.mark.parametrize("level", [0.0, 0.7, 2.0])
    def test_rice_is_its_limit(self, level):
        near, far = (float(rice_rate(level, 1.0, m) / crossing_rate(level, 1.0, m)) for m in (1 - 1e-8, 0.3))
        assert near == pytest.approx(1, abs=1e-4)
        assert abs(far - 1) > 10 * abs(near - 1)


class TestAutoregressiveNetwork:
    def test_distance_noise_and_memory_are_those_of_the_process(self, autoregressive, predicted):
        # Leaving takes 2 % of the steps above zero away from the intact one.
        for of, bias in ((predicted.intact, 0.02), (predicted.silenced, 0.0)):
            assert of.distance[0] == pytest.approx(DISTANCE, abs=4 * of.distance_se[0] + bias)
            assert of.noise[0] == pytest.approx(autoregressive.spread, abs=4 * of.noise_se[0] + bias)
            assert of.memory[0] == pytest.approx(KEEP, abs=4 * of.memory_se[0] + bias / 2)
            np.testing.assert_allclose(of.autocorrelation[0, :6], KEEP ** np.arange(6), atol=0.04)

    def test_it_crosses_as_the_formula_says(self, autoregressive, predicted):
        exact = float(crossing_rate(DISTANCE, autoregressive.spread, KEEP))
        for of in (predicted.intact, predicted.silenced):
            assert of.counted[0] == pytest.approx(exact, abs=4 * of.counted_se[0])
            assert of.crossing_rate[0] == pytest.approx(exact, abs=4 * of.crossing_rate_se[0])
            assert 0 < of.counted_se[0] < 0.1 * exact

    def test_the_leave_rate_is_the_planted_one_and_the_prediction_lacks_only_what_is_missed(
        self, autoregressive, predicted
    ):
        exact = COIN * norm.sf(DISTANCE / autoregressive.spread)
        assert predicted.measured[0] == pytest.approx(exact, abs=4 * predicted.measured_se[0])
        # Several exits in one excursion: only the first follows a crossing within its stay.
        assert 0 < predicted.missed[0] < 0.25
        assert predicted.ratio[0] == pytest.approx(1 - predicted.missed[0], abs=4 * predicted.ratio_se[0])
        assert predicted.from_silenced[0] == pytest.approx(
            predicted.predicted[0], abs=4 * np.hypot(predicted.from_silenced_se[0], predicted.predicted_se[0])
        )

    def test_shuffled_in_time_it_would_cross_more_often(self, autoregressive, predicted):
        level = DISTANCE / autoregressive.spread
        shuffled = norm.cdf(level) * norm.sf(level) * predicted.chance[0]
        assert predicted.without_memory[0] == pytest.approx(shuffled, rel=0.1)
        assert predicted.without_memory[0] > 1.5 * predicted.predicted[0]


class TestCounts:
    @pytest.mark.parametrize("exit", [(0, None), (1, 2)])
    def test_they_are_those_of_a_naive_loop(self, exit):
        rng = np.random.default_rng(1)
        v = rng.normal(-0.2, 1, (3, 400)).cumsum(axis=1) * 0.1 % 2 - 1
        output = np.repeat(rng.integers(0, 3, (3, 100)), 4, axis=1)
        naive = np.array([self.naively(*run, *exit) for run in zip(v, output, strict=True)])
        np.testing.assert_allclose(count_process(v, output, exit), naive, atol=1e-9)
        # Some exits follow a crossing, and some do not.
        used, exits = naive.sum(axis=0)[-2:]
        assert 0 < used < exits

    def naively(self, v, output, a, to):
        sums = dict.fromkeys(COUNTS, 0.0)
        crossed = False
        for t in range(len(v) - 1):
            x, y = v[t], v[t + 1]
            if output[t] != a:
                crossed = False
                continue
            if x <= 0:
                crossed = False
            up = x <= 0 < y
            crossed = crossed or up
            left = output[t + 1] != a if to is None else output[t + 1] == to
            parts = (1, x, y, x * x, y * y, x * y, up, left and crossed, left)
            for name, part in zip(COUNTS, parts, strict=True):
                sums[name] += part
            if output[t + 1] != a:
                crossed = False
        return list(sums.values())

    def test_several_groups_are_counted_as_each_alone(self):
        rng = np.random.default_rng(2)
        v, output = rng.normal(size=(2, 50, 4)), rng.integers(0, 2, (2, 50))
        alone = [count_process(v[..., g], output, (1, None)) for g in range(4)]
        np.testing.assert_allclose(count_process(v, output, (1, None)), np.stack(alone, axis=-1), atol=1e-9)

    def test_too_few_steps_give_no_number(self):
        sums = count_process(np.zeros((1, 50)), np.zeros((1, 50), int), (0, None)).sum(axis=0)
        assert np.isnan(factors_of(sums).noise)


class TestChange:
    one = Factors(*map(np.array, (1.0, 1.2, 0.8, 0.4)))
    other = Factors(*map(np.array, (0.6, 1.5, 0.5, 0.3)))

    def test_the_parts_add_up_to_the_change(self):
        parts = attribute_change(self.one, self.other)
        assert sum(parts) == pytest.approx(float(np.log(leave_rate(self.other) / leave_rate(self.one))))
        back = attribute_change(self.other, self.one)
        np.testing.assert_allclose(back, -np.array(parts))

    @pytest.mark.parametrize("name", Factors._fields)
    def test_a_factor_that_alone_changes_has_all_of_it(self, name):
        parts = attribute_change(self.one, self.one._replace(**{name: getattr(self.other, name)}))._asdict()
        changed = parts.pop(name)
        assert abs(changed) > 0.05
        assert list(parts.values()) == [0, 0, 0]

    def test_the_unit_does_not_matter_as_long_as_it_is_one(self):
        larger = [of._replace(distance=3 * of.distance, noise=3 * of.noise) for of in (self.one, self.other)]
        np.testing.assert_allclose(attribute_change(*larger), attribute_change(self.one, self.other))


@pytest.fixture(scope="module")
def switch():
    return planted_switch(hold=4, integrators=8, kick=3, echoes=2, idle=40)


def test_in_a_planted_switch_crossings_of_the_kick_group_become_switches_and_those_of_others_do_not(switch):
    network = switch.network
    groups = [kick_group(a, switch.kick_of(a), n=network.n_neurons) for a in range(2)]
    found = predict_leave_rates(network, found_with(network, *groups), controls=60, runs=24, steps=600)
    assert (found.missed < 0.2).all()
    assert (found.missed < np.nanmedian(found.null_missed, axis=1)).all()
    assert (found.chance > 2 * np.nanmedian(found.null_chance, axis=1)).all()
    assert (found.null_share <= 0.05).all()
    assert (np.abs(np.log(found.ratio)) < np.log(2)).all()
    assert (found.without_memory > found.predicted).all()


def test_without_biases_nothing_but_the_scale_depends_on_sigma():
    network = random_network()
    groups = found_with(network, kick_group(0, (1, 2), n=16), kick_group(2, (3, 5), to=1, n=16))
    one, three = (
        predict_leave_rates(network, groups, sigma=sigma, controls=5, runs=8, steps=400) for sigma in (1.0, 3.0)
    )
    for name in ("chance", "missed", "predicted", "from_silenced", "without_memory", "measured", "null_chance"):
        np.testing.assert_allclose(getattr(three, name), getattr(one, name), rtol=1e-6)
    for of in ("intact", "silenced"):
        np.testing.assert_allclose(getattr(three, of).distance, 3 * getattr(one, of).distance, rtol=1e-6)
        np.testing.assert_allclose(getattr(three, of).noise, 3 * getattr(one, of).noise, rtol=1e-6)
        np.testing.assert_allclose(getattr(three, of).memory, getattr(one, of).memory, rtol=1e-6)


def test_a_silenced_group_has_no_prediction(switch):
    network = switch.network
    group = kick_group(0, switch.kick_of(0), n=network.n_neurons)
    silenced = intervene(network, Intervention(group.neurons))
    found = predict_leave_rates(silenced, found_with(network, group), controls=5, runs=8, steps=400)
    assert np.isnan(found.predicted[0])
    assert np.isnan(found.ratio[0])


def test_it_needs_kick_neurons_and_bounded_activity():
    network = random_network()
    with pytest.raises(ValueError, match="no kick neurons whose noise"):
        predict_leave_rates(network, found_with(network, kick_group(0, (), n=16)))
    growing = Network(1.6 * np.eye(4), np.eye(4), np.eye(3, 4))
    with pytest.raises(ValueError, match="32 of 32 runs diverge within 1000 steps under noise of sigma = 1"):
        predict_leave_rates(growing, found_with(growing, kick_group(0, (1,), n=4)))
