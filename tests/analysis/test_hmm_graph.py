"""An HMM as a graph, against a loop over its matrices."""

import numpy as np
import pytest

from hmmrnn.analysis.hmm_graph import MIN_PROBABILITY, describe_graph
from hmmrnn.model.hmm import HMM, PRESETS


def random_hmm(n_states: int, n_outputs: int, seed: int = 0) -> HMM:
    rng = np.random.default_rng(seed)
    A = rng.random((n_states, n_states)) ** 6
    A[0, -1] = 1e-4 * A[0].sum()
    A[-1, 0] = 0
    B = rng.random((n_states, n_outputs))
    return HMM(A / A.sum(axis=1, keepdims=True), B / B.sum(axis=1, keepdims=True))


def check_by_a_loop(hmm: HMM) -> None:
    found = describe_graph(hmm)
    edges = {(int(i), int(j)): p for i, j, p in zip(found.start, found.end, found.probability, strict=True)}
    assert len(edges) == len(found.start)
    left_out = 0
    for i in range(hmm.n_states):
        best = 0
        for o in range(hmm.n_outputs):
            best = o if hmm.B[i, o] > hmm.B[i, best] else best
        assert (found.emission[i], found.emission_probability[i]) == (best, hmm.B[i, best])
        for j in range(hmm.n_states):
            likely = hmm.A[i, j] >= MIN_PROBABILITY
            assert edges.get((i, j)) == (hmm.A[i, j] if likely else None)
            left_out += 0 < hmm.A[i, j] < MIN_PROBABILITY
    assert found.left_out == left_out


@pytest.mark.parametrize("n_outputs", [2, 3, 5])
def test_states_and_transitions_are_those_of_the_matrices(n_outputs):
    hmm = random_hmm(6, n_outputs)
    check_by_a_loop(hmm)
    assert describe_graph(hmm).left_out > 0


@pytest.mark.parametrize("name", PRESETS)
def test_the_linear_families_are_chains(name):
    hmm = HMM.preset(name)
    check_by_a_loop(hmm)
    assert describe_graph(hmm).is_chain == name.startswith("linear")
    assert describe_graph(hmm).name == name
