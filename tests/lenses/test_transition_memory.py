"""Memory of a shift register, of a chain and of labels without a meaning; graphs and orders of known chains."""

from itertools import pairwise

import numpy as np
import pytest

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.lenses.transition_memory import bayes_limit, graph_of, measure_memory, memory, order_gain
from hmmrnn.model.hmm import HMM
from tests.lenses.known_answers import knowing, shift_register, two_states

KEPT = 3


@pytest.fixture(scope="module")
def remembered():
    return measure_memory(shift_register(KEPT), (1, KEPT, KEPT + 1, 10))


def test_a_shift_register_remembers_its_steps_and_no_more(remembered):
    for lag in ("1", str(KEPT)):
        assert remembered.accuracy[lag] > 0.995
    for lag in (str(KEPT + 1), "10"):
        assert abs(remembered.accuracy[lag] - 0.5) < 0.02


def test_labels_of_another_run_and_the_present_output_give_chance(remembered):
    for lag in remembered.accuracy:
        assert abs(remembered.accuracy_null[lag] - 0.5) < 0.02
        assert abs(remembered.naive[lag] - 0.5) < 0.02
        assert 0 < remembered.naive_se[lag] < 0.01


def test_without_an_hmm_the_limit_is_unknown_and_that_is_said(remembered):
    assert np.isnan(list(remembered.bayes.values())).all()
    assert remembered.note.startswith("No Bayes limit: ")


def test_the_limit_of_a_chain_of_two_states_falls_as_a_power():
    q = 0.07
    for lag in (1, 4, 15):
        assert bayes_limit(two_states(q), lag) == pytest.approx((1 + (1 - 2 * q) ** lag) / 2)


def test_the_limit_is_what_the_best_rule_reaches_in_samples():
    hmm = HMM.preset("linear-3")
    emissions, states = HMM(hmm.A, hmm.B, hmm.stationary).sample(200, 500, seed=1)
    joint = np.zeros((3, 3))
    np.add.at(joint, (states[:, 6:].ravel(), emissions[:, :-6].ravel()), 1)
    rule = joint.argmax(axis=1)
    reached = (rule[states[:, 6:]] == emissions[:, :-6]).mean()
    assert bayes_limit(hmm, 6) == pytest.approx(reached, abs=0.01)


def test_the_limit_is_that_of_the_networks_own_hmm():
    found = memory(knowing(shift_register(1), two_states(0.5)))
    assert found.bayes == pytest.approx(dict.fromkeys(("1", "2", "5", "10", "20", "40"), 0.5))
    assert found.note == ""


@pytest.mark.parametrize("lags", [(), (0,), (460,)])
def test_lags_that_no_run_holds_are_refused(lags):
    with pytest.raises(ValueError, match="lags must be from 1 to 450"):
        measure_memory(shift_register(1), lags)


# ---- the graph ----


def chain(P: np.ndarray, runs: int, steps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    node = np.zeros((runs, steps), dtype=int)
    for t in range(1, steps):
        node[:, t] = [rng.choice(len(P), p=P[i]) for i in node[:, t - 1]]
    return node


def test_the_graph_of_a_chain_has_its_stays_and_ways():
    P = np.array([[0.9, 0.08, 0.02], [0.1, 0.5, 0.4], [0.5, 0.0, 0.5]])
    node = chain(P, 20, 400, 0)
    found = graph_of(node)
    assert found.names == ("0 cluster", "0 kick zone", "0 transition")
    stay = np.diag(P)
    np.testing.assert_allclose(found.dwell, 1 / (1 - stay), rtol=0.08)
    leaving = (P - np.diag(stay)) / (1 - stay)[:, None]
    np.testing.assert_allclose(found.probability, leaving, atol=0.04)
    assert found.probability[2, 1] == 0
    counts = np.zeros((3, 3), dtype=int)
    for one in node:
        for a, b in pairwise(one):
            counts[a, b] += 1
    np.testing.assert_array_equal(found.counts, counts)
    assert found.order_gain < found.order_gain_band * 1.3


def test_steps_in_random_order_have_the_stays_of_the_null():
    node = np.random.default_rng(2).choice([0, 1, 4], p=[0.7, 0.2, 0.1], size=(20, 500))
    found = graph_of(node)
    np.testing.assert_allclose(found.dwell, found.dwell_null, rtol=0.05)
    np.testing.assert_allclose(found.probability, found.probability_null, atol=0.03)
    assert list(found.region) == [REGIONS[0], REGIONS[1], REGIONS[0]]
    assert list(found.output) == [0, 0, 1]


def test_memory_of_the_node_before_is_seen_beside_chains_without_it():
    rng = np.random.default_rng(3)
    node = rng.integers(2, size=(20, 300))
    for t in range(2, 300):
        keep = rng.random(20) < 0.9
        node[:, t] = np.where(keep, node[:, t - 2], 1 - node[:, t - 2])
    found = graph_of(node)
    expected = np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    assert found.order_gain == pytest.approx(expected, abs=0.02)
    assert abs(found.order_gain - expected) < 4 * found.order_gain_se
    assert found.order_gain > 10 * found.order_gain_band
    assert found.order_gain_null < found.order_gain_band


def test_the_gain_is_the_likelihood_ratio_of_two_orders():
    triples = np.random.default_rng(4).integers(1, 9, size=(3, 3, 3))
    ratio = 0.0
    for i in range(3):
        for j in range(3):
            for k in range(3):
                second = triples[i, j, k] / triples[i, j].sum()
                first = triples[:, j, k].sum() / triples[:, j].sum()
                ratio += triples[i, j, k] * np.log(second / first)
    assert order_gain(triples) == pytest.approx(ratio / triples.sum())
