"""Viterbi against enumeration of all paths, and tables of what was planted."""

from itertools import product

import numpy as np
import pytest
from hmmlearn.hmm import CategoricalHMM

from hmmrnn.analysis.decoding import decode_states, viterbi
from hmmrnn.analysis.numerics import ratio_of_sums
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION
from hmmrnn.model.hmm import HMM, PRESETS
from hmmrnn.model.simulation import Trajectory, simulate
from tests.networks import random_network

# Symbol 2 ends everything: nothing follows it. Symbol 0 comes from states 0 and 2, symbol 1 from states 1 and 2.
STERN = HMM(
    A=[[0.5, 0.3, 0.2, 0.0], [0.0, 0.6, 0.4, 0.0], [0.7, 0.0, 0.1, 0.2], [0.0, 0.0, 0.0, 1.0]],
    B=[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.4, 0.6, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
    start=[0.5, 0.5, 0.0, 0.0],
)
# Each state has a symbol of its own, so that the path is read off.
PLAIN = HMM(A=[[0.9, 0.1], [0.2, 0.8]], B=[[1.0, 0.0], [0.0, 1.0]])


def joint_probability(hmm: HMM, path: tuple[int, ...], symbols: np.ndarray) -> float:
    probability = hmm.start[path[0]] * hmm.B[path[0], symbols[0]]
    for before, state, symbol in zip(path, path[1:], symbols[1:], strict=False):
        probability *= hmm.A[before, state] * hmm.B[state, symbol]
    return probability


def run_of(output: list[list[int]], emission: list[list[int]], n_outputs: int, diverged_at: list[int]) -> Trajectory:
    """A run of which only the symbols matter."""
    shape = np.shape(output)
    nothing = np.zeros((*shape, 1))
    logits = np.zeros((*shape, n_outputs))
    symbols = {"output": np.array(output), "emission": np.array(emission), "diverged_at": np.array(diverged_at)}
    activity = {"h": nothing, "pre_activation": nothing, "h0": nothing[:, 0]}
    return Trajectory(**activity, logits=logits, probabilities=logits, **symbols, sigma=1.0, seed=0)


class TestViterbi:
    @pytest.mark.parametrize("hmm", [*map(HMM.preset, PRESETS), STERN], ids=[*PRESETS, "stern"])
    def test_it_is_the_likeliest_of_all_paths(self, hmm):
        for symbols in hmm.sample(12, 5, seed=2)[0]:
            every = list(product(range(hmm.n_states), repeat=5))
            probability = np.array([joint_probability(hmm, path, symbols) for path in every])
            found = viterbi(hmm, symbols[None])[0]
            assert joint_probability(hmm, tuple(found), symbols) == pytest.approx(probability.max(), rel=1e-9)
            # Where one path is likelier than every other, it is that one.
            best = np.flatnonzero(probability > probability.max() * (1 - 1e-9))
            if len(best) == 1:
                assert tuple(found) == every[best[0]]

    @pytest.mark.parametrize("family", PRESETS)
    def test_long_paths_are_those_of_hmmlearn(self, family):
        hmm = HMM.preset(family)
        other = CategoricalHMM(n_components=hmm.n_states)
        other.n_features = hmm.n_outputs
        other.startprob_, other.transmat_, other.emissionprob_ = hmm.start, hmm.A, hmm.B
        emissions = hmm.sample(6, 700, seed=4)[0]
        expected = [other.decode(symbols[:, None])[1] for symbols in emissions]
        np.testing.assert_array_equal(viterbi(hmm, emissions), expected)

    def test_a_symbol_of_its_own_gives_a_state_away(self):
        emissions, states = PLAIN.sample(4, 50, seed=1)
        np.testing.assert_array_equal(viterbi(PLAIN, emissions), states)

    def test_a_rare_symbol_is_no_reason_to_leave_a_state(self):
        hmm = HMM.preset("linear-2")
        symbols = np.array([[0, 0, 0, 2, 0, 0, 0, 2, 2, 2, 2, 1, 2, 2]])
        np.testing.assert_array_equal(viterbi(hmm, symbols), [[0] * 3 + [1] + [0] * 3 + [1] * 7])

    def test_sequences_do_not_know_of_each_other(self):
        hmm = HMM.preset("linear-5")
        emissions = hmm.sample(5, 20, seed=3)[0]
        alone = [viterbi(hmm, row[None])[0] for row in emissions]
        np.testing.assert_array_equal(viterbi(hmm, emissions), alone)

    def test_only_the_length_of_each_is_decoded(self):
        emissions, states = PLAIN.sample(3, 6, seed=1)
        found = viterbi(PLAIN, emissions, np.array([6, 1, 0]))
        np.testing.assert_array_equal(found[0], states[0])
        np.testing.assert_array_equal(found[1], [states[1, 0], -1, -1, -1, -1, -1])
        np.testing.assert_array_equal(found[2], -1)

    def test_a_sequence_that_the_hmm_cannot_emit_has_no_states(self):
        # Symbol 3 is nobody's, nothing follows symbol 2, and state 2, which alone could begin so, is no beginning.
        emissions = np.array([[0, 0, 1], [0, 3, 0], [1, 2, 0], [1, 0, 0]])
        assert np.isfinite(STERN.log_likelihood(emissions)).tolist() == [True, False, False, True]
        found = viterbi(STERN, emissions)
        assert (found >= 0).all(axis=1).tolist() == [True, False, False, True]
        np.testing.assert_array_equal(found[1:3], -1)

    def test_symbols_that_are_none_are_refused(self):
        with pytest.raises(ValueError, match="emissions must be symbols 0 to 1; got values from 0 to 2"):
            viterbi(PLAIN, np.array([[0, 2]]))
        with pytest.raises(ValueError, match=r"emissions must have shape \(B, T\); got \(3,\)"):
            viterbi(PLAIN, np.array([0, 1, 0]))


@pytest.fixture(scope="module")
def counted():
    """A run of a network with random weights, a third of its states labelled at random, and its decoding."""
    run = simulate(random_network(), 40, 6, seed=2)
    rng = np.random.default_rng(0)
    at = np.argwhere(rng.random((6, 40)) < 0.3)
    region = rng.choice(REGIONS[:3], len(at))
    return run, at, region, decode_states(HMM.preset("linear-3"), run, at, region)


class TestTables:
    def test_what_was_planted_is_counted(self):
        emission = [[0, 0, 0, 1, 1, 1], [1, 1, 0, 0, 1, 1]]
        output = [[0, 0, 1, 1, 1, 1], [1, 1, 0, 0, 0, 1]]
        at = np.array([[0, 0], [0, 2], [0, 3], [1, 0], [1, 1], [1, 3]])
        region = np.array([CLUSTER, TRANSITION, CLUSTER, CLUSTER, KICK_ZONE, CLUSTER])
        found = decode_states(PLAIN, run_of(output, emission, 2, [-1, -1]), at, region)
        np.testing.assert_array_equal(found.states, emission)
        assert dict(zip(REGIONS, found.region_counts[0], strict=True)) == {
            "cluster": 2, "kick_zone": 0, "transition": 1, "unassigned": 0,
        }  # fmt: skip
        np.testing.assert_allclose(found.region_given_state[1], [2 / 3, 1 / 3, 0, 0])
        np.testing.assert_array_equal(found.output_counts, [[4, 1], [1, 6]])
        np.testing.assert_allclose(found.state_given_output, [[4 / 5, 1 / 5], [1 / 7, 6 / 7]])
        assert found.impossible == 0

    def test_counts_are_those_of_a_loop(self, counted):
        run, at, region, found = counted
        regions, outputs = np.zeros((6, 3, 4), dtype=int), np.zeros((6, 3, 3), dtype=int)
        for (b, t), name in zip(at, region, strict=True):
            regions[b, found.states[b, t], REGIONS.index(name)] += 1
        for b in range(6):
            for t in range(40):
                outputs[b, run.output[b, t], found.states[b, t]] += 1
        np.testing.assert_array_equal(found.region_counts, regions.sum(axis=0))
        np.testing.assert_array_equal(found.output_counts, outputs.sum(axis=0))
        assert found.region_counts.sum() == len(at)
        assert found.output_counts.sum() == 6 * 40
        for counts, share, error in (
            (regions, found.region_given_state, found.region_given_state_se),
            (outputs, found.state_given_output, found.state_given_output_se),
        ):
            for row in range(3):
                expected = ratio_of_sums(counts[:, row], counts[:, row].sum(axis=1, keepdims=True) + 0 * counts[:, row])
                np.testing.assert_allclose(share[row], expected[0])
                np.testing.assert_allclose(error[row], expected[1])

    def test_rows_are_shares(self, counted):
        found = counted[-1]
        for share, counts in (
            (found.region_given_state, found.region_counts),
            (found.state_given_output, found.output_counts),
        ):
            seen = counts.sum(axis=1) > 0
            np.testing.assert_allclose(share[seen].sum(axis=1), 1)
            assert np.isnan(share[~seen]).all()

    def test_steps_after_a_divergence_do_not_count(self):
        run = run_of([[0] * 4, [1] * 4], [[0] * 4, [1] * 4], 2, [-1, 1])
        found = decode_states(PLAIN, run, np.array([[0, 2], [1, 0]]), np.array([CLUSTER, CLUSTER]))
        np.testing.assert_array_equal(found.states, [[0] * 4, [1, -1, -1, -1]])
        np.testing.assert_array_equal(found.output_counts, [[4, 0], [0, 1]])
        assert found.impossible == 0

    def test_runs_that_the_hmm_cannot_emit_are_left_out_and_counted(self):
        run = run_of([[0, 0, 0]] * 3, [[0, 0, 0], [0, 3, 0], [3, 3, 3]], 4, [-1, -1, 0])
        found = decode_states(STERN, run, np.array([[0, 0], [1, 0]]), np.array([CLUSTER, CLUSTER]))
        # The third diverges before it emits anything.
        assert found.impossible == 1
        assert found.output_counts.sum() == 3
        assert found.region_counts.sum() == 1

    def test_refuses_what_cannot_be_compared(self):
        run = run_of([[0, 0]], [[0, 0]], 2, [-1])
        with pytest.raises(ValueError, match="network and HMM must have equally many outputs; got 2 and 3"):
            decode_states(HMM.preset("linear-2"), run, np.zeros((0, 2), int), np.array([], dtype=str))
        with pytest.raises(ValueError, match=r"at must have shape \(S, 2\) for the S = 1 regions; got \(2, 2\)"):
            decode_states(PLAIN, run, np.zeros((2, 2), int), np.array([CLUSTER]))
