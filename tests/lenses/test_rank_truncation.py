"""Rank: truncations against linear algebra, a planted network of rank 2, and behaviour against simulations."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn import Network, simulate
from hmmrnn.lenses import rank_truncation
from hmmrnn.lenses.rank_truncation import (
    participation_ratio,
    rank,
    second_moments,
    truncate_random,
    truncate_svd,
    truncate_weighted,
)
from hmmrnn.lenses.runs import settled_runs
from tests.lenses.planted import LIFT, linear_network
from tests.networks import random_network

N = 14


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network(N)


@pytest.fixture(scope="module")
def moments(network):
    return second_moments(settled_runs(network, 3, runs=8, steps=200).h)


def weighted_error(W, lower, M) -> float:
    return float(np.trace((W - lower) @ M @ (W - lower).T))


def test_rank_n_is_the_network_and_lower_ranks_have_their_rank(network, moments) -> None:
    for cut in (truncate_svd, truncate_random, lambda net, r: truncate_weighted(net, r, moments)):
        assert np.array_equal(cut(network, N).W_hh, network.W_hh)
        assert np.allclose(cut(network, N - 1).W_hh @ np.zeros(N), 0)
        for r in (1, 3, 7):
            assert np.linalg.matrix_rank(cut(network, r).W_hh) == r
        with pytest.raises(ValueError, match="the rank must be from 1 to N = 14; got 15"):
            cut(network, 15)


def test_the_plain_truncation_is_the_nearest(network) -> None:
    """Eckart and Young: what is left out are the squares of the smaller singular values."""
    values = np.linalg.svd(network.W_hh, compute_uv=False)
    for r in range(1, N):
        left = np.linalg.norm(network.W_hh - truncate_svd(network, r).W_hh) ** 2
        assert left == pytest.approx((values[r:] ** 2).sum())


def test_the_weighted_truncation_leaves_least_of_what_the_weights_do(network, moments) -> None:
    W, rng = network.W_hh, np.random.default_rng(0)
    root = np.linalg.cholesky(moments + 1e-12 * np.eye(N))
    for r in range(1, N):
        left = weighted_error(W, truncate_weighted(network, r, moments).W_hh, moments)
        assert left <= weighted_error(W, truncate_svd(network, r).W_hh, moments) + 1e-9
        assert left <= weighted_error(W, truncate_random(network, r).W_hh, moments) + 1e-9
        # No matrix of the rank does better than the singular values of W M^(1/2) allow.
        assert left == pytest.approx((np.linalg.svd(W @ root, compute_uv=False)[r:] ** 2).sum(), abs=1e-6)
        other = rng.standard_normal((N, r)) @ rng.standard_normal((r, N))
        assert left < weighted_error(W, other, moments)


@pytest.fixture(scope="module")
def planted():
    """A process of rank 2 that switches its output, within random inputs to all neurons."""
    rng = np.random.default_rng(1)
    left, _ = np.linalg.qr(rng.standard_normal((10, 2)))
    W = 0.9 * left @ left.T
    readout = np.stack([left[:, 0], -left[:, 0]])
    return linear_network(W, rng.standard_normal((10, 3)), readout)


def test_a_planted_rank_is_recovered(planted) -> None:
    seen = rank(planted, seed=2)
    assert seen.ranks == (1, 2, 3, 4, 5, 8)
    assert np.linalg.matrix_rank(planted.W_hh) == 2
    at = seen.ranks.index(2)
    for kind in ("weighted", "svd"):
        assert seen.left_out[kind][at:] == pytest.approx(0, abs=1e-12)
        assert seen.left_out[kind][0] > 1e-6
        assert seen.overlap[kind][at] == pytest.approx(1.0)
        assert seen.transition_error[kind][at] == pytest.approx(0.0)
        assert np.allclose(seen.leave_rate[kind][at], seen.leave_rate_full)
    for rates in (seen.switch_rate_weighted, seen.switch_rate_svd):
        assert rates["2"] == rates["8"] == seen.switch_rate_full
    # The floor: two random directions are not those.
    assert seen.left_out["random"][at] > 0.5
    assert np.allclose(seen.singular_values[:3], [0.9, 0.9, 0], atol=1e-12)


def test_the_behaviour_is_that_of_simulations(planted) -> None:
    from hmmrnn.lenses.behaviour import RUNS, STEPS

    seen = rank(planted, seed=2)
    output = simulate(planted, 100 + STEPS, RUNS, seed=2).output[:, 100:]
    changed = output[:, 1:] != output[:, :-1]
    assert seen.switch_rate_full == pytest.approx(changed.mean())
    assert seen.switch_rate_full_se == pytest.approx(changed.mean(axis=1).std(ddof=1) / np.sqrt(RUNS))
    assert seen.leave_rate_full[0] == pytest.approx(changed[output[:, :-1] == 0].mean())


def test_a_rank_at_which_the_network_diverges_has_no_value() -> None:
    # Without its second direction, which holds the first one back, activity doubles.
    W = np.array([[1.2, -1.0], [1.0, 0.0]])
    network = Network(np.pad(W, (0, 1)), np.eye(3), np.eye(2, 3), b_h=[0.5, 0.5, 0.5])
    seen = rank(network, seed=0)
    for name, rates in (("weighted", seen.switch_rate_weighted), ("svd", seen.switch_rate_svd)):
        diverged = seen.diverges_at[name] > 0
        assert np.array_equal(np.isnan(list(rates.values())), diverged)
        assert np.array_equal(np.isnan(seen.overlap[name]), diverged)


def test_the_participation_ratio_counts_directions() -> None:
    rng = np.random.default_rng(0)
    h = rng.standard_normal((12, 3000, 6)) * [1, 1, 1, 0, 0, 0] + LIFT
    ratio, error = participation_ratio(h)
    assert ratio == pytest.approx(3, abs=4 * error + 0.01)
    assert 0 < error < 0.02
    # Neurons that do the same are one direction; by their variances they would be six.
    same = np.repeat(rng.standard_normal((4, 500, 1)), 6, axis=2)
    assert participation_ratio(same)[0] == pytest.approx(1)
    centred = h.reshape(-1, 6) - h.mean(axis=(0, 1))
    values = np.linalg.eigvalsh(centred.T @ centred)
    assert ratio == pytest.approx(values.sum() ** 2 / (values**2).sum())


def test_the_null_of_the_participation_ratio_is_of_neurons_that_move_alone() -> None:
    alone = linear_network(0.5 * np.eye(6), np.eye(6))
    seen = rank(alone, seed=1)
    assert seen.participation_ratio_null == pytest.approx(6, rel=0.02)
    assert seen.participation_ratio == pytest.approx(
        seen.participation_ratio_null, abs=4 * seen.participation_ratio_se + 0.1
    )
    assert rank_truncation.RANKS[:5] == seen.ranks
