"""Recovered HMMs: exact joints, exact likelihoods, estimates that get better with the data, order of states."""

import numpy as np
import pytest

pytest.importorskip("hmmlearn")

from hmmrnn.lenses import hmm_recovery
from hmmrnn.lenses.hmm_recovery import (
    CONTRASTS,
    RATES,
    align,
    baum_welch,
    exact_joints,
    fit_to_joints,
    joint_landscape,
    lag_joints,
    recovered,
    split_state,
    stationary_sample,
)
from hmmrnn.model.hmm import HMM, PRESETS
from tests.lenses.known_answers import knowing, two_states
from tests.networks import coincidence_network, random_network

LAGS = (1, 2, 3, 5, 8)


@pytest.mark.parametrize("name", PRESETS)
def test_exact_joints_are_those_of_the_hmm(name):
    hmm = HMM.preset(name)
    np.testing.assert_allclose(exact_joints(hmm.A, hmm.B, LAGS), [hmm.joint(lag) for lag in LAGS], atol=1e-12)


def test_counted_joints_are_those_of_a_loop():
    y = np.random.default_rng(0).integers(3, size=(4, 30))
    expected = np.zeros((2, 3, 3))
    for place, lag in enumerate((1, 4)):
        for run in y:
            for t in range(30 - lag):
                expected[place, run[t], run[t + lag]] += 1 / (4 * (30 - lag))
    np.testing.assert_allclose(lag_joints(y, 3, (1, 4)), expected)


def test_exact_joints_lead_to_the_truth_where_the_loss_is_zero():
    hmm = HMM.preset("linear-2")
    exact = exact_joints(hmm.A, hmm.B)
    found = align(fit_to_joints(exact, 2), hmm)
    assert ((exact_joints(found.A, found.B) - exact) ** 2).sum() < 1e-10
    np.testing.assert_allclose(found.A, hmm.A, atol=2e-3)
    np.testing.assert_allclose(found.B, hmm.B, atol=2e-3)


def test_joints_of_pairs_leave_emissions_open_where_rates_are_equal():
    """All states are left at the same rate: the joints are met exactly, by other emissions than the truth."""
    hmm = HMM.preset("fully-connected")
    exact = exact_joints(hmm.A, hmm.B)
    found = align(fit_to_joints(exact, 3, starts=1), hmm)
    assert ((exact_joints(found.A, found.B) - exact) ** 2).sum() < 1e-9
    np.testing.assert_allclose(found.A, hmm.A, atol=5e-3)


@pytest.mark.parametrize("name", PRESETS)
def test_the_landscape_is_zero_at_the_truth(name):
    hmm = HMM.preset(name)
    landscape = joint_landscape(hmm, exact_joints(hmm.A, hmm.B))
    r, c = np.unravel_index(np.nanargmin(landscape), landscape.shape)
    assert RATES[r] == pytest.approx(1)
    assert CONTRASTS[c] == pytest.approx(1)
    assert landscape[r, c] < 1e-24


def test_the_likelihood_of_one_parameter_is_largest_at_the_truth():
    q = 0.1
    y = stationary_sample(two_states(q), 60, 100, seed=0)
    grid = np.linspace(0.05, 0.2, 31)
    likelihood = [two_states(one).log_likelihood(y).sum() for one in grid]
    swaps = (y[:, 1:] != y[:, :-1]).mean()
    assert grid[np.argmax(likelihood)] == pytest.approx(swaps, abs=0.006)
    assert np.all(np.diff(np.sign(np.diff(likelihood))) <= 0)
    # The estimate of the chain is its share of swaps, exactly.
    found = align(baum_welch(y, two_states(0.3)), two_states(q))
    np.testing.assert_allclose(1 - np.diag(found.A).mean(), swaps, atol=1e-3)


def test_the_error_from_own_samples_falls_as_the_root_of_their_number():
    hmm = HMM.preset("linear-2")
    error = []
    for size in (500, 8000):
        fits = [baum_welch(stationary_sample(hmm, 1, size, seed), hmm, 15) for seed in range(10)]
        error.append(np.sqrt(np.mean([(fit.A[0, 1] - 0.05) ** 2 for fit in fits])))
    # Sixteen times as many: a quarter of the error, to within what ten samples tell.
    assert 0.12 < error[1] / error[0] < 0.5


def test_states_are_put_in_the_order_of_the_target():
    hmm = HMM.preset("linear-4")
    order = [2, 0, 3, 1]
    mixed = HMM(hmm.A[np.ix_(order, order)], hmm.B[order])
    found = align(mixed, hmm)
    np.testing.assert_array_equal(found.A, hmm.A)
    np.testing.assert_array_equal(found.B, hmm.B)


def test_a_split_state_says_nearly_the_same():
    hmm = HMM.preset("linear-2")
    y = stationary_sample(hmm, 4, 500, seed=0)
    more = split_state(hmm)
    assert more.n_states == 3
    assert more.log_likelihood(y).sum() / y.size == pytest.approx(hmm.log_likelihood(y).sum() / y.size, abs=0.1)
    assert baum_welch(y, more).log_likelihood(y).sum() > hmm.log_likelihood(y).sum() - 1


@pytest.fixture(scope="module")
def short():
    """Sizes that take a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hmm_recovery, "RUNS", 24)
        patch.setattr(hmm_recovery, "STEPS", 400)
        patch.setattr(hmm_recovery, "MOST_STATES", 3)
        patch.setattr(hmm_recovery, "JOINT_STEPS", 8)
        patch.setattr(hmm_recovery, "EACH", 12)
        patch.setattr(hmm_recovery, "LENGTHS", (400, 1600))
        yield


def test_an_exact_network_is_as_near_its_hmm_as_the_hmm_itself(short):
    network, hmm = coincidence_network()
    found = recovered(knowing(network, hmm))
    # Two of the four states look alike: what is recovered says as much of the emissions.
    assert found.emissions == 24 * 400
    assert found.hmm.n_states == 4
    for name in ("transition_error", "emission_error"):
        assert getattr(found, name) >= 0
        assert np.isfinite(getattr(found, f"{name}_se"))
    assert found.bic.min(axis=0) == pytest.approx([0, 0])
    assert np.abs(found.held_out[:, 0] - found.held_out[:, 1]).max() < 0.03


def test_a_network_of_another_hmm_is_farther_than_the_floor(short):
    found = recovered(knowing(random_network(n=10, o=3), HMM.preset("linear-2")))
    assert found.transition_error > found.transition_error_null + 5 * found.transition_error_se
    assert found.states_by_bic_null == 2
    assert found.error_by_length[-1, 1] < found.error_by_length[-1, 0]


def test_without_an_hmm_it_says_what_is_missing():
    with pytest.raises(ValueError, match="none is known"):
        recovered(random_network())
