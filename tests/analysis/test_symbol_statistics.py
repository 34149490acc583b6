"""Statistics of sequences against naive counts, and of data beside those of their own HMM and of a network."""

from itertools import groupby, pairwise

import numpy as np
import pytest

from hmmrnn import HMM
from hmmrnn.analysis.fidelity import LAGS
from hmmrnn.analysis.symbol_statistics import RUN_STEPS, compare_symbols, measure_symbols
from hmmrnn.model.sequences import sequences_of
from tests.networks import random_network

HMM_3 = HMM([[0.9, 0.1], [0.3, 0.7]], [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])


def test_statistics_are_those_of_naive_counts():
    lengths = (50, 80, 33)
    sequences = [HMM_3.sample(1, T, seed)[0][0] for seed, T in enumerate(lengths)]
    found = measure_symbols(sequences, HMM_3)
    every = np.concatenate(sequences)
    np.testing.assert_allclose(found.marginal, [(every == o).mean() for o in range(3)])
    pairs = [(a, b) for one in sequences for a, b in pairwise(one)]
    for i in range(3):
        after = [b for a, b in pairs if a == i]
        np.testing.assert_allclose(found.transitions[i], [np.mean([b == j for b in after]) for j in range(3)])
    for at, lag in enumerate(LAGS):
        equal = [one[t] == one[t + lag] for one in sequences for t in range(len(one) - lag)]
        assert found.agreement[at] == pytest.approx(np.mean(equal))
    runs = [run for one in sequences for run in [(symbol, len(list(steps))) for symbol, steps in groupby(one)][1:-1]]
    np.testing.assert_allclose(found.run_length, [np.mean([n for s, n in runs if s == o]) for o in range(3)])
    np.testing.assert_allclose(found.runs_longer, [np.mean([n > r for _, n in runs]) for r in range(RUN_STEPS)])
    likelihood = sum(HMM_3.log_likelihood(one)[0] for one in sequences)
    assert found.log_likelihood == pytest.approx(likelihood / sum(lengths))
    assert (found.sequences, found.symbols) == (3, sum(lengths))


def test_errors_are_those_of_many_samples():
    samples = [measure_symbols(list(HMM_3.sample(20, 60, seed)[0]), HMM_3) for seed in range(30)]
    for name in ("marginal", "agreement", "run_length"):
        spread = np.std([getattr(one, name) for one in samples], axis=0)
        told = np.mean([getattr(one, f"{name}_se") for one in samples], axis=0)
        np.testing.assert_allclose(told, spread, rtol=0.5)


def test_data_of_an_hmm_are_like_it_and_unlike_the_null():
    data = sequences_of(list(HMM_3.sample(60, 120, 5)[0]))
    found = compare_symbols(data, HMM_3, random_network(6, 3, 3))
    for name in ("marginal", "transitions", "agreement", "run_length", "log_likelihood"):
        difference = getattr(found.data, name) - getattr(found.hmm, name)
        error = np.hypot(getattr(found.data, f"{name}_se"), getattr(found.hmm, f"{name}_se"))
        assert (np.abs(difference) < 4.5 * error).all(), name
    apart = np.abs(found.data.agreement - found.null.agreement) / np.hypot(
        found.data.agreement_se, found.null.agreement_se
    )
    assert apart[0] > 6
    np.testing.assert_allclose(found.null.marginal, found.data.marginal, atol=0.02)
    assert found.network is not None
    assert found.network.sequences == 64
    assert compare_symbols(data, HMM_3).network is None


def test_a_single_sequence_has_no_errors_and_an_impossible_one_no_likelihood():
    one = np.array([0, 1, 1, 0])
    found = measure_symbols([one], HMM([[1.0]], [[1.0, 0.0]]))
    assert found.log_likelihood == -np.inf
    assert np.isnan(found.marginal_se).all()
    assert found.agreement[-1:].tolist() != found.agreement[:1].tolist()


def test_another_number_of_symbols_is_refused():
    with pytest.raises(ValueError, match="equally many outputs"):
        compare_symbols(sequences_of([np.array([0, 1])]), HMM_3)
