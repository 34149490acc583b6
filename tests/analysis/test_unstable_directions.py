"""Kinds of fixed points and unstable directions: planted saddles, spirals and repellors."""

import numpy as np
import pytest

from hmmrnn.analysis.orbit import fit_plane
from hmmrnn.analysis.stability import fixed_points
from hmmrnn.analysis.unstable_directions import REPELLOR, SADDLE, STABLE, SeenPoints, see_points
from hmmrnn.model.network import Network

PLANE = fit_plane(np.random.default_rng(0).normal(size=(200, 2)) * [3, 1])


def linear(W: np.ndarray) -> Network:
    return Network(W, np.eye(len(W)), np.eye(len(W)), cell="linear")


def test_two_neurons_that_inhibit_each_other_have_a_saddle_between_two_stable_points():
    network = Network(np.array([[0.5, -0.8], [-0.8, 0.5]]), np.eye(2), np.eye(2), b_h=np.ones(2))
    found = see_points(network, PLANE, fixed_points(network).points)
    assert sorted(found.kind) == [SADDLE, STABLE, STABLE]
    assert found.words == "2 stable, 1 saddle"
    (owner,) = found.owner
    assert found.kind[owner] == SADDLE
    # It is left along the difference of the two.
    apart = PLANE.components @ (np.array([1.0, -1.0]) / np.sqrt(2))
    assert abs(found.directions[0] @ apart) == pytest.approx(np.linalg.norm(apart) ** 2)


def test_a_spiral_is_left_in_a_plane_and_a_repellor_in_all_directions():
    turn = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    out = see_points(linear(1.2 * turn), PLANE, np.zeros((1, 2)))
    assert (list(out.kind), len(out.owner)) == ([REPELLOR], 2)
    assert abs(np.linalg.det(out.directions)) == pytest.approx(1.0)
    still = see_points(linear(0.9 * turn), PLANE, np.zeros((1, 2)))
    assert (still.words, len(still.owner)) == ("1 stable", 0)


def test_a_direction_out_of_the_plane_is_seen_short():
    W = np.diag([0.5, 0.5, 1.5])
    plane = fit_plane(np.random.default_rng(0).normal(size=(300, 3)) * [5, 3, 1e-3])
    found = see_points(linear(W), plane, np.zeros((1, 3)))
    assert found.kind[0] == SADDLE
    assert np.linalg.norm(found.directions[0, :2]) < 1e-2


def test_places_alone_are_plain():
    assert SeenPoints.plain(np.zeros((2, 3))).words == "2 stable"
    assert SeenPoints.plain(np.empty((0, 3))).words == ""
