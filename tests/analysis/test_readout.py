"""Angles of the readout against angles that were built in, and against least squares."""

import numpy as np
import pytest

from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.analysis.readout import readout_angles
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import simulate
from tests.networks import random_network


def plane_of(*directions) -> Plane:
    components = np.array(directions, dtype=float)
    return Plane(np.ones(components.shape[1]), components, np.ones(len(components)), np.ones(len(components)))


def reading(*rows) -> Network:
    n = len(rows[0])
    return Network(np.zeros((n, n)), np.ones((n, 1)), np.array(rows, dtype=float))


def test_angles_that_were_built_in_are_found():
    plane = plane_of([1, 0, 0, 0], [0, 1, 0, 0])
    angles = readout_angles(reading([3, 0, 0, 0], [0, -2, 0, 2], [0, 0, 0.5, 0], [-1, 1, 0, 0]), plane)
    np.testing.assert_allclose(angles.angle, [0, 45, 90, 0], atol=1e-5)
    np.testing.assert_allclose(angles.direction[[0, 1, 3]], [0, 270, 135], atol=1e-10)
    np.testing.assert_allclose(angles.length, [3, np.sqrt(8), 0.5, np.sqrt(2)])
    expected = [[0, 90, 90, 135], [90, 0, 90, 120], [90, 90, 0, 90], [135, 120, 90, 0]]
    np.testing.assert_allclose(angles.between, expected, atol=1e-5)


def test_the_angle_is_that_with_the_nearest_vector_of_the_plane():
    network = random_network(n=9, o=4)
    plane = fit_plane(simulate(network, steps=50, trajectories=4))
    angles = readout_angles(network, plane)
    for row, angle, direction in zip(network.W_out, angles.angle, angles.direction, strict=True):
        weights, *_ = np.linalg.lstsq(plane.components[:2].T, row)
        nearest = plane.components[:2].T @ weights
        cosine = row @ nearest / np.linalg.norm(row) / np.linalg.norm(nearest)
        np.testing.assert_allclose(angle, np.degrees(np.arccos(cosine)))
        np.testing.assert_allclose(direction, np.degrees(np.arctan2(weights[1], weights[0])) % 360)


def test_lengths_of_rows_change_no_angle():
    network, plane = random_network(n=6), plane_of(*np.eye(6)[:3])
    longer = Network(network.W_hh, network.W_ih, network.W_out * np.array([[1.0], [7.0], [0.1]]))
    one, other = readout_angles(network, plane), readout_angles(longer, plane)
    for name in ("angle", "direction", "between"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-5)


def test_an_intervention_leaves_the_readout_where_it_is():
    network, plane = random_network(), plane_of(*np.eye(16)[:2])
    silenced = readout_angles(intervene(network, Intervention((0, 1, 2))), plane)
    np.testing.assert_array_equal(silenced.angle, readout_angles(network, plane).angle)


def test_random_rows_are_at_the_random_angle():
    n = 50
    rows = np.random.default_rng(0).standard_normal((4000, n))
    angles = readout_angles(reading(*rows), plane_of(*np.eye(n)[:2]))
    share = np.cos(np.radians(angles.angle)) ** 2
    error = share.std() / np.sqrt(len(share))
    assert abs(share.mean() - np.cos(np.radians(angles.random_angle)) ** 2) < 4 * error


def test_a_row_of_zeros_has_no_angle():
    angles = readout_angles(reading([0, 0, 0], [1, 0, 1]), plane_of([1, 0, 0], [0, 1, 0]))
    assert np.isnan([angles.angle[0], angles.direction[0], *angles.between[0]]).all()
    np.testing.assert_allclose([angles.angle[1], angles.between[1, 1]], [45, 0], atol=1e-5)


def test_results_are_read_only():
    angles = readout_angles(random_network(), plane_of(*np.eye(16)[:2]))
    with pytest.raises(ValueError, match="read-only"):
        angles.between[0] = 0


@pytest.mark.parametrize("directions", [np.eye(15)[:2], np.eye(16)[:1]])
def test_bad_input_is_refused(directions):
    message = rf"at least 2 directions of 16 neurons, .* got {len(directions)} of {directions.shape[1]}"
    with pytest.raises(ValueError, match=message):
        readout_angles(random_network(), plane_of(*directions))
