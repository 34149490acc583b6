"""Symmetric and skew halves: identities of the weights, matrices whose halves are known, mixtures that run."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn import Network
from hmmrnn.lenses.weight_halves import GRID, departure_from_normality, halves, mix_halves, split_halves
from tests.lenses.planted import linear_network, own_axes, rotation
from tests.networks import random_network


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network(12, bias=True)


def test_both_halves_sum_to_the_weights_and_are_what_they_are_called(network) -> None:
    S, K = split_halves(network.W_hh)
    assert np.allclose(S + K, network.W_hh, atol=1e-15)
    assert np.array_equal(S, S.T)
    assert np.array_equal(K, -K.T)
    assert np.abs(np.linalg.eigvals(K).real).max() < 1e-12


def test_one_and_one_is_the_network_bit_for_bit(network) -> None:
    signed = Network(np.where(np.eye(12) > 0, -0.0, network.W_hh), network.W_ih, network.W_out)
    assert mix_halves(signed, 1, 1).W_hh.tobytes() == signed.W_hh.tobytes()
    S, K = split_halves(network.W_hh)
    assert np.allclose(mix_halves(network, 0.3, -1.2).W_hh, 0.3 * S - 1.2 * K)
    assert np.array_equal(mix_halves(network, 0.3, 0.5).b_h, network.b_h)
    with pytest.raises(ValueError, match="alpha and beta must be finite; got nan and 1"):
        mix_halves(network, np.nan, 1)


def test_departure_from_normality() -> None:
    rng = np.random.default_rng(0)
    turned, _ = np.linalg.qr(rng.standard_normal((9, 9)))
    symmetric = rng.standard_normal((9, 9))
    for normal in (turned, symmetric + symmetric.T, symmetric - symmetric.T):
        assert departure_from_normality(normal) == pytest.approx(0, abs=1e-6)
    # Of a triangular matrix it is the norm of what is off the diagonal.
    triangle = np.triu(symmetric)
    assert departure_from_normality(triangle) == pytest.approx(np.linalg.norm(np.triu(triangle, 1)))


def test_a_rotation_is_skew_but_for_its_cosine() -> None:
    rho, theta = 0.9, 0.6
    seen = halves(rotation(rho, theta), seed=1, plane=own_axes())
    assert seen.norm_symmetric == pytest.approx(np.sqrt(2) * rho * np.cos(theta))
    assert seen.norm_skew == pytest.approx(np.sqrt(2) * rho * np.sin(theta))
    assert seen.departure_from_normality == pytest.approx(0, abs=1e-6)
    assert np.allclose(seen.in_plane, rotation(rho, theta).W_hh)


def test_the_grid_says_where_mixtures_diverge() -> None:
    # S has the eigenvalue 0.9, and 1.25 S one above 1; with the skew half the activity turns, and stays bounded.
    W = np.array([[0.0, 2.2], [-0.4, 0.0]])
    seen = halves(Network(W, np.eye(2), np.eye(2), b_h=[1.0, 1.0]), seed=1)
    alone, neither = GRID.index(1.0), GRID.index(0.0)
    assert seen.diverges_at[GRID.index(1.25), neither] > 0
    assert seen.diverges_at[alone, alone] == 0
    assert np.array_equal(np.isnan(seen.switch_rate), seen.diverges_at > 0)
    assert seen.size[alone, alone] == pytest.approx(1.0)
    assert seen.switch_rate[alone, alone] > 0


@pytest.mark.parametrize(("told", "null"), [
    ({"orthogonal": "True"}, "orthogonal start"), ({"orthogonal": "False"}, "uniform start"), ({}, "shuffled weights"),
])  # fmt: skip
def test_the_null_is_of_the_recipe(told, null) -> None:
    n, plain = 40, random_network(40)
    seen = halves(Network(plain.W_hh, plain.W_ih, plain.W_out, metadata=told), seed=2)
    assert seen.null == null
    together = seen.norm_symmetric_null**2 + seen.norm_skew_null**2
    wanted = {"orthogonal start": n, "uniform start": n / 3, "shuffled weights": np.linalg.norm(plain.W_hh) ** 2}[null]
    assert together == pytest.approx(wanted, rel=0.03)
    # A matrix without structure has halves of about one size, and so does a random network.
    assert seen.norm_symmetric_null == pytest.approx(seen.norm_skew_null, rel=0.1)
    if null == "shuffled weights":
        assert seen.norm_symmetric == pytest.approx(seen.norm_symmetric_null, rel=0.1)


def test_blocks_share_the_whole_of_each_half() -> None:
    S = np.zeros((4, 4))
    S[:2, :2], S[2:, :2], S[:2, 2:] = 0.2, 0.3, -0.3
    groups = {"a": (0, 1), "b": (2, 3)}
    seen = halves(linear_network(S, 0.3 * np.eye(4)), seed=0, groups=groups)
    assert seen.blocks_symmetric == pytest.approx({"a<-a": 1.0, "a<-b": 0.0, "b<-a": 0.0, "b<-b": 0.0})
    assert seen.blocks_skew == pytest.approx({"a<-a": 0.0, "a<-b": 0.5, "b<-a": 0.5, "b<-b": 0.0})
    with pytest.raises(ValueError, match="each neuron may be in one group; neuron 1 is in more than one"):
        halves(linear_network(S, np.eye(4)), groups={"a": (0, 1), "b": (1,)})
