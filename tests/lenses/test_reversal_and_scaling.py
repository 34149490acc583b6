"""Reversible and irreversible chains are told apart, and switches scale with the noise only without a bias."""

import numpy as np
import pytest

from hmmrnn.lenses.reversal_and_scaling import asymmetry_of, hidden_entropy_production, noise_scaling, reversibility
from hmmrnn.model.hmm import HMM, PRESETS
from tests.networks import random_network


def one_hot(hmm: HMM, seed: int) -> np.ndarray:
    return np.eye(hmm.n_outputs)[HMM(hmm.A, hmm.B, hmm.stationary).sample(60, 400, seed)[0]]


def turning(p: float) -> HMM:
    """Three states that go round, mostly one way."""
    return HMM(0.6 * np.eye(3) + 0.4 * (p * np.eye(3)[[1, 2, 0]] + (1 - p) * np.eye(3)[[2, 0, 1]]), np.eye(3))


@pytest.mark.parametrize("name", PRESETS)
def test_the_target_hmms_look_the_same_backwards(name):
    assert hidden_entropy_production(HMM.preset(name)) == pytest.approx(0, abs=1e-12)


def test_a_chain_that_turns_does_not():
    expected = 0.4 * (0.8 - 0.2) * np.log(4)
    assert hidden_entropy_production(turning(0.8)) == pytest.approx(expected)
    assert hidden_entropy_production(turning(1.0)) == np.inf


def test_asymmetry_is_seen_where_it_is_and_not_where_it_is_not():
    turned, still = (asymmetry_of(one_hot(turning(p), seed=1)) for p in (0.8, 0.5))
    assert turned.asymmetry > 10 * turned.asymmetry_null
    assert turned.asymmetry > 20 * turned.asymmetry_se
    assert still.asymmetry < 3 * still.asymmetry_null
    exact = turning(0.8).joint(1) - turning(0.8).joint(1).T
    assert turned.largest == pytest.approx(np.abs(exact).max(), rel=0.2)


def test_asymmetry_is_that_of_counted_pairs():
    p = np.eye(2)[[[0, 1, 1, 0, 1] * 6, [1, 0, 0, 0, 1] * 6]]
    odd = []
    for k in (1, 2, 5, 10, 20):
        pairs = [(run[t].argmax(), run[t + k].argmax()) for run in p for t in range(30 - k)]
        odd.append((sum(pair == (0, 1) for pair in pairs) - sum(pair == (1, 0) for pair in pairs)) / len(pairs))
    assert asymmetry_of(p).asymmetry == pytest.approx(np.linalg.norm(odd))


def test_noise_of_any_strength_gives_the_same_outputs_without_a_bias():
    found = noise_scaling(random_network(n=12))
    np.testing.assert_array_equal(found.same, 1.0)
    assert len(set(found.switch_rate.tolist())) == 1
    assert found.with_bias[0] < found.with_bias[2] - 5 * found.with_bias_se[2]


def test_with_a_bias_of_its_own_outputs_change_with_the_noise():
    assert noise_scaling(random_network(n=12, bias=True)).same[0] < 1


def test_a_network_is_judged_by_its_probabilities():
    found = reversibility(random_network(n=12))
    assert 0 < found.asymmetry_se
    assert 0 < found.asymmetry_null < 0.05
