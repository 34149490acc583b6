"""Averages around switches, against a loop over all moments, and of a planted kick circuit."""

import numpy as np
import pytest

from hmmrnn.analysis.populations import INTEGRATING, KICK
from hmmrnn.analysis.switch_average import Averaged, _draw, average_around_switches
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from tests.networks import planted_switch, random_network

BEFORE, AFTER, FIRST = 4, 3, 5


def naive_moments(run, first, before, after):
    """Every switch, the same without those near an end, and every moment of a stay, one step after the other."""
    switches, stays, left_out = {}, {}, 0
    for b, output in enumerate(run.output):
        end = len(output) if run.diverged_at[b] < 0 else run.diverged_at[b]
        for t in range(first + 1, end):
            near = t - before < first or t + after >= end
            old, new = int(output[t - 1]), int(output[t])
            if old != new:
                left_out += near
            if not near:
                kind = stays.setdefault(old, []) if old == new else switches.setdefault((old, new), [])
                kind.append((b, t))
    return switches, stays, left_out


def naive_average(run, neurons, moments, before, after):
    windows = [
        [sum(run.pre_activation[b, t + k, i] for i in neurons) / len(neurons) for k in range(-before, after + 1)]
        for b, t in moments
    ]
    mean = np.mean(windows, axis=0)
    variance = sum((window - mean) ** 2 for window in np.array(windows)) / max(len(windows) - 1, 1)
    return mean, np.sqrt(variance / len(windows))


@pytest.fixture(scope="module", params=[2, 3, 5])
def noisy(request):
    """A run that switches all the time, and one that diverges on its way."""
    return simulate(random_network(9, 4, request.param), 60, 5, seed=1)


POPULATIONS = (Averaged(KICK, 0, 1, (2, 5)), Averaged(INTEGRATING, 1, None, (0, 1, 8)))


def averaged(run, **more):
    return average_around_switches(run, POPULATIONS, FIRST, BEFORE, AFTER, **{"min_switches": 2, **more})


def test_means_and_errors_are_those_of_every_switch_once(noisy):
    found = averaged(noisy)
    switches, _, left_out = naive_moments(noisy, FIRST, BEFORE, AFTER)
    assert found.left_out == left_out > 0
    assert found.rare == {exit: 1 for exit, moments in switches.items() if len(moments) < 2}
    assert found.exits == tuple(sorted(exit for exit, moments in switches.items() if len(moments) >= 2))
    np.testing.assert_array_equal(found.counts, [len(switches[exit]) for exit in found.exits])
    np.testing.assert_array_equal(found.steps, [-4, -3, -2, -1, 0, 1, 2, 3])
    for e, exit in enumerate(found.exits):
        for p, population in enumerate(POPULATIONS):
            mean, se = naive_average(noisy, population.neurons, switches[exit], BEFORE, AFTER)
            np.testing.assert_allclose(found.mean[e, :, p], mean)
            np.testing.assert_allclose(found.se[e, :, p], se)


def test_the_null_is_over_moments_of_stays_in_the_output_that_is_left(noisy):
    found = averaged(noisy)
    _, stays, _ = naive_moments(noisy, FIRST, BEFORE, AFTER)
    for e, (a, _) in enumerate(found.exits):
        there = stays.get(a, [])
        assert found.null_counts[e] == min(found.counts[e], len(there))
        if len(there) <= found.counts[e]:
            # Then it is of all of them.
            neurons = POPULATIONS[0].neurons
            expected = naive_average(noisy, neurons, there, BEFORE, AFTER)[0] if there else np.full(8, np.nan)
            np.testing.assert_allclose(found.null[e, :, 0], expected)


def test_the_seed_draws_the_random_moments_and_nothing_else():
    run = simulate(planted_switch(hold=4, integrators=8, idle=3).network, 600, 8, seed=1)
    one, same, other = (averaged(run, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.null, same.null)
    assert (one.null != other.null).all()
    np.testing.assert_array_equal(one.mean, other.mean)


def test_random_moments_are_where_they_may_be_and_each_is_drawn_once():
    there = np.random.default_rng(0).random((6, 30)) < 0.3
    drawn = _draw(there, np.zeros((20, 2), int), (0, 1))
    assert len({(b, t) for b, t in drawn}) == 20
    assert all(there[b, t - 1] for b, t in drawn)


def test_exits_with_too_few_switches_are_counted_only(noisy):
    every, found = averaged(noisy, min_switches=1), averaged(noisy, min_switches=10_000)
    assert (found.exits, found.mean.shape, found.crossing.shape) == ((), (0, 8, 2), (0, 2))
    assert found.rare == dict(zip(every.exits, every.counts, strict=True))


def test_crossings_are_the_first_from_below_0(noisy):
    found = averaged(noisy)
    for e in range(len(found.exits)):
        for p in range(len(POPULATIONS)):
            positive = [value > 0 for value in found.mean[e, :, p]]
            changes = [k for k in range(1, len(positive)) if positive[k] and not positive[k - 1]]
            np.testing.assert_equal(found.crossing[e, p], found.steps[changes[0]] if changes else np.nan)


def test_steps_after_a_divergence_are_not_used():
    W_hh = np.diag([1.9, 0.2, 0.2])
    network = Network(W_hh, np.random.default_rng(0).standard_normal((3, 2)), [[0, 1, 0], [0, 0, 1]])
    run = simulate(network, 80, 6, seed=2)
    assert run.diverged
    found = average_around_switches(run, (Averaged(KICK, 0, None, (1,)),), 0, BEFORE, AFTER, 1)
    switches, _, left_out = naive_moments(run, 0, BEFORE, AFTER)
    assert dict(zip(found.exits, found.counts, strict=True)) == {exit: len(at) for exit, at in switches.items()}
    assert found.left_out == left_out
    assert np.isfinite(found.mean).all()


def test_planted_kick_neurons_cross_zero_before_the_switch_and_at_no_random_moment():
    switch = planted_switch(hold=8, integrators=20, idle=3)
    kicks = [Averaged(KICK, a, None, switch.kick_of(a)) for a in range(2)]
    feeds = [Averaged(INTEGRATING, a, None, switch.integrators[a, 1 - a]) for a in range(2)]
    found = average_around_switches(simulate(switch.network, 1000, 16, seed=0), (*kicks, *feeds), 100)
    assert found.exits == ((0, 1), (1, 0))
    for e, (a, b) in enumerate(found.exits):
        assert -10 < found.crossing[e, a] < 0
        assert (found.null[e, :BEFORE, a] < 0).all()
        # The integrators rise towards the switch, and are reset after it.
        feed = found.mean[e, :, 2 + a]
        assert feed[found.steps == -1] > feed[found.steps == -20]
        assert feed[-1] < 0
        # The other group stays silent until its own output is on.
        assert (found.mean[e, found.steps < 0, b] < 0).all()
