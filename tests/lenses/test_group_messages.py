"""Messages between groups: exact sums, planted blocks that send nothing, and a block taken out."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn import Network, run
from hmmrnn.lenses.group_messages import BEFORE, NOISE, find_communities, message, messages, receive
from hmmrnn.lenses.runs import settled_runs
from tests.lenses.planted import linear_network
from tests.networks import planted_switch, random_network

GROUPS = {"a": (0, 2, 4), "b": (1, 3)}


def blocks(within: float = 0.5, across: float = 0.0) -> Network:
    """Three neurons and two, each group with its own noise; the first sends to the second."""
    rng = np.random.default_rng(0)
    W = np.zeros((5, 5))
    a, b = map(list, GROUPS.values())
    W[np.ix_(a, a)] = within * rng.random((3, 3)) / 2
    W[np.ix_(b, b)] = within * rng.random((2, 2))
    W[np.ix_(b, a)] = across * rng.random((2, 3))
    return linear_network(W, np.eye(5))


def test_messages_and_noise_sum_to_the_pre_activation() -> None:
    network = random_network(9, bias=True)
    seen = settled_runs(network, 1, runs=4, steps=150)
    members = {"a": [0, 5], "b": [1, 2, 8], "rest": [3, 4, 6, 7]}
    for rows in members.values():
        sent = receive(network, seen, rows, members)
        assert np.allclose(sum(sent.values()), seen.pre_activation[:, 1:, rows], atol=1e-12)
        by_hand = seen.h[:, :-1] @ network.W_hh[rows].T
        assert np.allclose(sum(sent.values()) - sent[NOISE], by_hand, atol=1e-12)


def test_blocks_that_are_apart_send_nothing_across() -> None:
    seen = messages(blocks(), seed=2, groups=GROUPS)
    assert seen.found == "given"
    assert seen.shares["a<-b"] == seen.shares["b<-a"] == seen.dimensions["a<-b"] == 0
    assert not seen.around_switch["a<-b"].any()
    for to in GROUPS:
        assert sum(share for key, share in seen.shares.items() if key.startswith(f"{to}<-")) == pytest.approx(1)


def test_a_message_is_a_share_beyond_its_error_and_null() -> None:
    seen = messages(blocks(across=0.8), seed=2, groups=GROUPS)
    assert seen.shares["b<-a"] > 0.1
    assert seen.shares["b<-a"] > seen.shares_null["b<-a"] + 10 * seen.shares_se["b<-a"]
    assert all(abs(null) < 0.05 for null in seen.shares_null.values())
    assert seen.shares["a<-b"] == 0
    assert 1 <= seen.dimensions["b<-a"] <= 2


def test_a_block_taken_out_takes_its_message_away_at_the_next_step() -> None:
    network = random_network(9)
    a, b = [0, 3, 4], [1, 2]
    h = settled_runs(network, 4, runs=3, steps=100).h[:, 50]
    cut = network.W_hh.copy()
    cut[np.ix_(a, b)] = 0
    still = np.zeros((3, 1, network.n_inputs))
    whole = run(network, still, h).pre_activation[:, 0]
    without = run(Network(cut, network.W_ih, network.W_out), still, h).pre_activation[:, 0]
    assert np.allclose((whole - without)[:, a], message(network, h, a, b), atol=1e-12)
    others = [i for i in range(9) if i not in a]
    assert np.array_equal(whole[:, others], without[:, others])


def test_planted_communities_are_found() -> None:
    rng = np.random.default_rng(5)
    place = rng.permutation(12)
    groups = [sorted(place[:4].tolist()), sorted(place[4:8].tolist()), sorted(place[8:].tolist())]
    W = 0.01 * rng.random((12, 12))
    for group in groups:
        W[np.ix_(group, group)] += 0.2 * rng.random((4, 4))
    network = linear_network(W, np.eye(12))
    found = find_communities(network)
    assert list(found) == ["community 0", "community 1", "community 2"]
    assert sorted(map(sorted, found.values())) == sorted(groups)
    assert 0 in found["community 0"]
    seen = messages(network, seed=0)
    assert seen.found == "communities of the weights"
    assert {name: list(members) for name, members in seen.groups.items()} == found
    assert find_communities(random_network(2)) == {"community 0": [0, 1]}


def test_neurons_that_no_group_names_are_the_rest() -> None:
    seen = messages(blocks(), seed=0, groups={"a": (0, 2)})
    assert seen.groups == {"a": (0, 2), "rest": (1, 3, 4)}
    with pytest.raises(ValueError, match="no group may be named 'noise'"):
        messages(blocks(), groups={"noise": (0,)})
    with pytest.raises(ValueError, match="neuron 5 does not exist"):
        messages(blocks(), groups={"a": (5,)})


def test_around_a_switch_the_kick_neurons_speak_up() -> None:
    switch = planted_switch(hold=6, integrators=10, kick=3, echoes=0, idle=0)
    groups = {"kick": switch.kick_of(0), "hold": switch.hold[0]}
    seen = messages(switch.network, seed=1, groups=groups)
    assert seen.switches > 20
    said = seen.around_switch["hold<-kick"]
    assert said[BEFORE - 3 : BEFORE + 2].max() > 3 * seen.all_steps["hold<-kick"]
    assert seen.gain["cluster"].keys() == {f"{to}<-{of}" for to in seen.groups for of in seen.groups}


def test_the_jacobian_of_a_linear_network_is_its_weights() -> None:
    network = blocks(across=0.8)
    seen = messages(network, seed=0, groups=GROUPS)
    region = next(iter(seen.gain.values()))
    a, b = map(list, GROUPS.values())
    assert region["b<-a"] == pytest.approx(np.linalg.svd(network.W_hh[np.ix_(b, a)], compute_uv=False)[0])
