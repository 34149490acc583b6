"""Beliefs by brute force; what a map of the belief, and dimensions beside it, tell of each other."""

from itertools import product

import numpy as np
import pytest

from hmmrnn.lenses.belief_states import belief, beliefs
from hmmrnn.lenses.cross_validation import explained, predict_by_ridge
from hmmrnn.model.hmm import HMM
from tests.lenses.known_answers import knowing, shift_register, two_states
from tests.networks import random_network


def test_beliefs_are_those_of_all_paths():
    hmm = HMM([[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [0.3, 0.3, 0.4]], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    y = np.array([[0, 1, 1, 0, 1]])
    smoothed, filtered = beliefs(hmm, y)
    for t in range(5):
        both = []
        for seen in (5, t + 1):
            weight = np.zeros(3)
            for path in product(range(3), repeat=seen):
                p = hmm.stationary[path[0]] * hmm.B[path[0], y[0, 0]]
                for s in range(1, seen):
                    p *= hmm.A[path[s - 1], path[s]] * hmm.B[path[s], y[0, s]]
                weight[path[t]] += p
            both.append(weight / weight.sum())
        np.testing.assert_allclose(smoothed[0, t], both[0], atol=1e-12)
        np.testing.assert_allclose(filtered[0, t], both[1], atol=1e-12)


def test_a_symbol_that_cannot_be_says_nothing():
    hmm = HMM([[0.9, 0.1], [0.1, 0.9]], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    smoothed, filtered = beliefs(hmm, np.array([[0, 2, 1]]))
    np.testing.assert_allclose(filtered[0, 0], [1, 0])
    np.testing.assert_allclose(filtered[0, 1], hmm.A[0])
    assert np.isfinite(smoothed).all()


def test_a_map_of_the_belief_tells_both_and_more_dimensions_cost_their_share():
    hmm = HMM.preset("linear-3")
    emissions = hmm.sample(16, 300, seed=0)[0]
    held = beliefs(hmm, emissions)[0]
    rng = np.random.default_rng(0)
    h = held @ rng.standard_normal((3, 10))
    assert explained(held, predict_by_ridge(h, held))[0] == pytest.approx(1, abs=1e-4)
    assert explained(h, predict_by_ridge(held, h))[0] == pytest.approx(1, abs=1e-4)
    more = np.concatenate([h, 2.0 * rng.standard_normal((16, 300, 4))], axis=-1)
    share = h.reshape(-1, 10).var(axis=0).sum() / more.reshape(-1, 14).var(axis=0).sum()
    assert explained(held, predict_by_ridge(more, held))[0] == pytest.approx(1, abs=1e-3)
    assert explained(more, predict_by_ridge(held, more))[0] == pytest.approx(share, abs=0.01)


@pytest.fixture(scope="module")
def shifted():
    # Softmax of large logits: emissions are the signs of the noise, so the state of the chain is in h.
    network = shift_register(0)
    loud = type(network)(network.W_hh, network.W_ih, 1e4 * network.W_out)
    return belief(knowing(loud, two_states(0.5)))


def test_a_network_that_holds_the_state_is_seen_to(shifted):
    # h is |x| on the side of the sign: the sign's part of its variance is 1 / (pi - 1) of twice the whole.
    assert shifted.r2_belief_from_h > 0.6
    assert abs(shifted.r2_belief_from_h_null) < 0.01
    x = np.abs(np.random.default_rng(0).standard_normal(200_000))
    within, between = x.var() / 2, (x.mean() / 2) ** 2
    assert shifted.r2_h_from_belief == pytest.approx(between / (between + within), abs=0.01)
    assert shifted.r2_filtered_from_h == pytest.approx(shifted.r2_belief_from_h, abs=0.001)


def test_a_random_network_knows_nothing_of_the_belief():
    found = belief(knowing(random_network(n=12, o=3), HMM.preset("fully-connected")))
    assert abs(found.r2_belief_from_h_null) < 0.02
    assert abs(found.r2_h_from_belief_null) < 0.02
    assert 0 < found.r2_belief_from_h_se < 0.1
    assert found.region_counts.sum() == 1600


def test_without_an_hmm_it_says_what_is_missing():
    with pytest.raises(ValueError, match="compares the network with its HMM, and none is known"):
        belief(random_network())
