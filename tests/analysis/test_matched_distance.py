"""Matched distances against all permutations, and on networks that are their HMM or are not."""

from itertools import permutations

import numpy as np
import pytest

from hmmrnn.analysis.matched_distance import TRANSIENT, WINDOWS_PER_RUN, match_sequences, matched_distance
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from tests.networks import coincidence_network, constant_network, random_network

SIGMAS = 4.5


def symbols(batch: int, steps: int, n_outputs: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(n_outputs, size=(batch, steps))


def one_hot(batch: np.ndarray, n_outputs: int) -> np.ndarray:
    """(B, T, O), symbol by symbol."""
    coded = np.zeros((*batch.shape, n_outputs))
    for b, row in enumerate(batch):
        for t, symbol in enumerate(row):
            coded[b, t, symbol] = 1
    return coded


class TestMatchedDistance:
    @pytest.mark.parametrize("n_outputs", [2, 3, 8])
    @pytest.mark.parametrize("batch", [1, 2, 5])
    def test_it_is_the_least_over_all_pairings(self, batch, n_outputs):
        for seed in range(5):
            one, other = symbols(batch, 7, n_outputs, seed), symbols(batch, 7, n_outputs, seed + 100)
            x, y = one_hot(one, n_outputs), one_hot(other, n_outputs)
            least = min(
                np.mean([np.linalg.norm(x[i] - y[j]) for i, j in enumerate(order)])
                for order in permutations(range(batch))
            )
            assert matched_distance(one, other) == pytest.approx(least, rel=1e-6)

    def test_the_same_sequences_in_another_order_are_no_way_apart(self):
        one = symbols(30, 12, 3, seed=1)
        assert matched_distance(one, one[np.random.default_rng(2).permutation(30)]) == 0

    def test_it_is_symmetric_and_does_not_depend_on_names_of_symbols(self):
        one, other = symbols(40, 20, 4, seed=1), symbols(40, 20, 4, seed=2)
        there = matched_distance(one, other)
        assert matched_distance(other, one) == pytest.approx(there, rel=1e-6)
        renamed = np.array([2, 0, 3, 1])
        assert matched_distance(renamed[one], renamed[other]) == pytest.approx(there, rel=1e-6)

    def test_each_differing_step_counts_two(self):
        one = np.zeros((1, 9), dtype=int)
        other = one.copy()
        for differing in range(10):
            assert matched_distance(one, other) == pytest.approx(np.sqrt(2 * differing))
            other[0, min(differing, 8)] = 1

    @pytest.mark.parametrize(
        ("one", "other"), [((3, 4), (3, 5)), ((3, 4), (2, 4)), ((4,), (4,)), ((0, 4), (0, 4)), ((3, 0), (3, 0))]
    )
    def test_batches_that_cannot_be_paired_are_refused(self, one, other):
        with pytest.raises(ValueError, match=r"both batches must have the same shape \(B, T\); got \("):
            matched_distance(np.zeros(one, dtype=int), np.zeros(other, dtype=int))


class TestMatching:
    def test_a_network_that_is_its_hmm_is_at_the_floor(self):
        matched = match_sequences(*coincidence_network(), seed=1, batches=10, size=40, length=30)
        assert abs(matched.excess) < SIGMAS * matched.excess_se
        assert matched.floor > 1
        assert matched.diverged == 0

    def test_a_network_without_its_memory_is_above_it(self):
        # The right shares of symbols at every step, but symbols do not persist.
        matched = match_sequences(constant_network([0.495, 0.01, 0.495]), HMM.preset("linear-2"), batches=6, size=40)
        assert matched.excess > 10 * matched.excess_se

    def test_a_network_that_emits_one_symbol_is_as_far_as_counted(self):
        # Nothing is to be chosen: each sequence of the HMM is as far from the constant one as it has other symbols.
        hmm = HMM(A=[[1.0]], B=[[0.75, 0.25]])
        matched = match_sequences(constant_network([1.0, 1e-300]), hmm, seed=4, batches=20, size=8, length=6)
        counts = np.arange(7)
        chance = [1, 6, 15, 20, 15, 6, 1] * 0.25**counts * 0.75 ** (6 - counts)
        assert matched.distance == pytest.approx((chance * np.sqrt(2 * counts)).sum(), abs=SIGMAS * matched.distance_se)

    def test_sequences_are_windows_of_the_runs_of_a_simulation(self):
        network, hmm = random_network(), HMM.preset("linear-3")
        matched = match_sequences(network, hmm, seed=3, batches=3, size=8, length=10, sigma=0.7)
        run = simulate(network, TRANSIENT + 10 * WINDOWS_PER_RUN, 3 * 8 // WINDOWS_PER_RUN, sigma=0.7, seed=3)
        own = HMM(hmm.A, hmm.B, hmm.stationary).sample(2 * 3 * 8, 10, 3)[0]
        for batch in range(3):
            windows = [
                run.emission[2 * batch + k // WINDOWS_PER_RUN, TRANSIENT + k % WINDOWS_PER_RUN * 10 :][:10]
                for k in range(8)
            ]
            first = own[8 * batch : 8 * batch + 8]
            assert matched.distances[batch] == matched_distance(np.array(windows), first)
            assert matched.floors[batch] == matched_distance(first, own[24 + 8 * batch : 24 + 8 * batch + 8])

    def test_means_and_errors_are_those_of_the_batches(self):
        matched = match_sequences(random_network(), HMM.preset("linear-3"), batches=5, size=8, length=10)
        for values, mean, error in (
            (matched.distances, matched.distance, matched.distance_se),
            (matched.floors, matched.floor, matched.floor_se),
            (matched.distances - matched.floors, matched.excess, matched.excess_se),
        ):
            assert mean == pytest.approx(values.mean())
            assert error == pytest.approx(values.std(ddof=1) / np.sqrt(5))

    def test_standard_errors_are_the_spread_between_seeds(self):
        network, hmm = coincidence_network()
        repeats = [match_sequences(network, hmm, seed=seed, batches=8, size=16, length=12) for seed in range(40)]
        for value in ("distance", "floor", "excess"):
            spread = np.std([getattr(matched, value) for matched in repeats], ddof=1)
            stated = np.mean([getattr(matched, f"{value}_se") for matched in repeats])
            # A standard deviation from 40 repeats is itself uncertain by 11 %: this is four times that.
            assert abs(spread / stated - 1) < 0.45, value

    def test_networks_are_matched_with_the_same_sequences(self):
        hmm = HMM.preset("linear-2")
        one, other = (
            match_sequences(random_network(seed=s), hmm, seed=5, batches=2, size=8, length=10) for s in (0, 1)
        )
        np.testing.assert_array_equal(one.floors, other.floors)
        assert (one.distances != other.distances).all()

    def test_a_single_batch_has_no_error(self):
        matched = match_sequences(random_network(), HMM.preset("linear-2"), batches=1, size=8, length=10)
        assert matched.distance > 0
        for error in (matched.distance_se, matched.floor_se, matched.excess_se):
            assert np.isnan(error)


class TestDivergence:
    def test_a_network_that_always_diverges_has_a_floor_only(self):
        doubling = Network(W_hh=[[2.0]], W_ih=[[1.0]], W_out=np.zeros((3, 1)))
        matched = match_sequences(doubling, HMM.preset("linear-2"), batches=3, size=8, length=10)
        assert matched.diverged == 3 * 8 // WINDOWS_PER_RUN
        assert len(matched.distances) == 0
        assert np.isnan([matched.distance, matched.distance_se, matched.excess, matched.excess_se]).all()
        assert matched.floor > 0

    def test_runs_that_diverge_leave_fewer_batches_of_the_same_size(self):
        # One neuron that rests below 4 and doubles without end above it; strong noise takes some runs there.
        network = Network(W_hh=[[2.0]], W_ih=[[1.0]], W_out=[[0.1], [0.0], [0.0]], b_h=[-4.0])
        matched = match_sequences(network, HMM.preset("linear-2"), batches=10, size=16, length=40, sigma=2.4)
        runs = 10 * 16 // WINDOWS_PER_RUN
        assert 5 < matched.diverged < runs - 4, "the test means to have runs of both kinds"
        assert len(matched.distances) == (runs - matched.diverged) * WINDOWS_PER_RUN // 16
        assert np.isfinite(matched.distances).all()
        assert matched.excess == pytest.approx((matched.distances - matched.floors[: len(matched.distances)]).mean())


@pytest.mark.parametrize(("asked", "sentence"), [
    ({"size": 10}, "size must be a multiple of 4, the windows of a run; got 10"),
    ({"size": 0}, "size must be a multiple of 4, the windows of a run; got 0"),
    ({"batches": 0}, "batches and length must be >= 1; got 0 and 100"),
    ({"length": 0}, "batches and length must be >= 1; got 8 and 0"),
    ({"seed": -1}, "seed must be >= 0; got -1"),
])  # fmt: skip
def test_refuses_numbers_that_make_no_batches(asked, sentence):
    with pytest.raises(ValueError, match=sentence):
        match_sequences(random_network(), HMM.preset("linear-2"), **asked)


def test_refuses_what_cannot_be_compared():
    with pytest.raises(ValueError, match="network and HMM must have equally many outputs; got 2 and 3"):
        match_sequences(random_network(o=2), HMM.preset("linear-2"))
