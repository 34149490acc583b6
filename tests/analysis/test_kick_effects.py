"""Effects of silencing kick groups: matched controls, other exits, and the correction over exits."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.kick_effects import NEAREST, correct_by_holm, match_groups, measure_effects
from hmmrnn.analysis.kick_neurons import detect_kick_neurons
from hmmrnn.analysis.kick_search import REFERENCE_RUNS, REFERENCE_STEPS, TRANSIENT
from hmmrnn.model.simulation import simulate
from tests.networks import planted_switch

CONTROLS = 30


@pytest.fixture(scope="module")
def ring():
    return planted_switch(3, [(0, 1), (1, 2), (2, 0)], hold=4, integrators=8, kick=3, echoes=1, idle=3, seed=1)


@pytest.fixture(scope="module")
def found(ring):
    return detect_kick_neurons(ring.network, controls=CONTROLS)


@pytest.fixture(scope="module")
def effects(ring, found):
    return measure_effects(ring.network, found, CONTROLS)


def test_on_their_own_exits_the_effects_are_those_of_the_verdict(found, effects):
    assert effects.exits == tuple((group.output, group.to) for group in found.groups) == ((0, 1), (1, 2), (2, 0))
    assert np.diag(effects.ratios).tolist() == [group.leave_rate_ratio for group in found.groups]


def test_planted_groups_close_their_own_exit_and_no_other(effects):
    assert (np.diag(effects.ratios) < 0.15).all()
    assert (effects.ratios[~np.eye(3, dtype=bool)] > 0.7).all()


def test_where_many_neurons_share_the_work_matched_groups_do_not_close_an_exit():
    network = planted_switch(hold=10, integrators=20, echoes=1, idle=8).network
    found = detect_kick_neurons(network, controls=CONTROLS)
    effects = measure_effects(network, found, CONTROLS)
    for group, ratios in zip(found.groups, effects.matched_ratios, strict=True):
        assert len(ratios) == CONTROLS
        assert np.median(ratios) > 0.7
        assert group.leave_rate_ratio < ratios.min()
    # 1 of 31 is the least that 30 controls can say; over two exits it counts twice.
    np.testing.assert_allclose(effects.p_random, 2 / (1 + CONTROLS))
    np.testing.assert_allclose(effects.p_matched, 2 / (1 + CONTROLS))


def test_shares_are_of_the_controls_that_are_as_low(found, effects):
    shares = [
        (1 + sum(ratio <= group.leave_rate_ratio for ratio in ratios)) / (1 + CONTROLS)
        for group, ratios in zip(found.groups, effects.matched_ratios, strict=True)
    ]
    np.testing.assert_allclose(effects.p_matched, correct_by_holm(np.array(shares)))


def test_groups_are_matched_in_the_mean_activity_of_the_reference_run(ring, found, effects):
    run = simulate(ring.network, REFERENCE_STEPS, REFERENCE_RUNS, seed=0)
    expected = [run.h[:, TRANSIENT:, i].mean() for i in range(ring.network.n_neurons)]
    np.testing.assert_allclose(effects.activity, expected)
    taken = {i for group in found.groups for i in group.neurons}
    for group, drawn in zip(found.groups, effects.matched, strict=True):
        assert drawn.shape == (CONTROLS, len(group.neurons))
        assert not taken & set(drawn.ravel().tolist())


def test_a_network_without_groups_has_no_effects(ring, found):
    none = measure_effects(ring.network, replace(found, groups=()), CONTROLS)
    assert (none.exits, none.matched, none.ratios.shape, none.p_random.shape) == ((), (), (0, 0), (0,))


def test_a_group_without_neurons_has_neither_controls_nor_effects(ring, found):
    empty = replace(found.groups[0], neurons=(), control_ratios=np.empty(0))
    some = measure_effects(ring.network, replace(found, groups=(empty, found.groups[1])), CONTROLS)
    assert np.isnan(some.ratios[0]).all()
    assert len(some.matched[0]) == len(some.matched_ratios[0]) == 0
    assert np.isnan([some.p_random[0], some.p_matched[0]]).all()
    assert np.isfinite(some.ratios[1]).all()
    # It is no test, and so is not corrected for.
    assert some.p_random[1] == pytest.approx(1 / (1 + CONTROLS))


def test_replacements_are_among_the_nearest_that_are_free():
    rng = np.random.default_rng(0)
    activity, group = rng.random(60), (3, 11, 40, 41)
    others = np.array([i for i in range(60) if i not in group])
    drawn = match_groups(group, activity, others, 200, (0, 0))
    again = match_groups(group, activity, others, 200, (0, 0))
    np.testing.assert_array_equal(drawn, again)
    assert (match_groups(group, activity, others, 200, (1, 0)) != drawn).any()
    for row in drawn:
        assert len(set(row.tolist())) == len(group)
    for place, neuron in enumerate(group):
        far = np.abs(activity[others] - activity[neuron])
        # The others of its group can have taken three nearer ones.
        nearest = set(others[np.argsort(far)[: NEAREST + len(group) - 1]].tolist())
        assert set(drawn[:, place].tolist()) <= nearest
        assert len(set(drawn[:, place].tolist())) > 5


def test_with_too_few_others_there_is_no_matched_group():
    assert match_groups((0, 1, 2), np.arange(5.0), np.array([3, 4]), 10, (0,)).shape == (0, 3)
    assert match_groups((), np.arange(5.0), np.array([3, 4]), 10, (0,)).shape == (0, 0)


def test_holm_by_hand():
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1 gives 0.03, 0.06, 0.04; no value is below the one before it.
    np.testing.assert_allclose(correct_by_holm(np.array([0.04, 0.01, np.nan, 0.03])), [0.06, 0.03, np.nan, 0.06])
    np.testing.assert_allclose(correct_by_holm(np.array([0.7, 0.6])), [1.0, 1.0])


def test_holm_rejects_too_often_in_no_more_than_its_share():
    """Under the null, the smallest corrected value of four is below 5 % in at most 5 % of the cases."""
    p = np.random.default_rng(0).random((4000, 4))
    smallest = np.array([correct_by_holm(row).min() for row in p])
    assert np.mean(smallest <= 0.05) == pytest.approx(1 - 0.9875**4, abs=0.012)
