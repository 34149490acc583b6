"""Fixed points that are known: saddles between inhibiting neurons, flip-flops, ghosts of a bifurcation; brute force."""

from itertools import product

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.optimize import root

from hmmrnn.analysis.stability import fixed_points, jacobian
from hmmrnn.model.network import Network, rollout
from tests.networks import network_of_cell

INHIBITION = np.array([[0.5, -1.0], [-1.0, 0.5]])
SADDLE = (2 / 3, 2 / 3)


def network_of(W_hh: np.ndarray, b_h: np.ndarray, **more) -> Network:
    n = len(W_hh)
    return Network(W_hh=W_hh, W_ih=np.eye(n), W_out=np.ones((1, n)), b_h=b_h, **more)


def step(network: Network, h: np.ndarray) -> np.ndarray:
    return rollout(network, network.drive_bias[None, None], h[None]).state[0, 0]


def rows(points: np.ndarray) -> list[tuple[float, ...]]:
    return sorted(map(tuple, np.round(points, 6) + 0.0))


def test_the_saddle_between_two_inhibiting_neurons():
    found = fixed_points(network_of(INHIBITION, np.ones(2)))
    assert rows(found.points) == rows(np.array([(0, 2), SADDLE, (2, 0)]))
    at = {tuple(np.round(point, 3)): i for i, point in enumerate(found.points)}
    saddle = at[0.667, 0.667]
    assert found.stable.sum() == 2
    assert not found.stable[saddle]
    np.testing.assert_array_equal(found.saddles, ~found.stable)
    np.testing.assert_allclose(found.eigenvalues[saddle], [1.5, -0.5], atol=1e-9)
    for ends in ((2.0, 0.0), (0.0, 2.0)):
        np.testing.assert_allclose(found.eigenvalues[at[ends]], [0.5, 0.0], atol=1e-9)
    assert found.searched == "all 4 regions"


@pytest.mark.parametrize("leak", ["rate", "total", "current"])
def test_a_leak_moves_no_point_and_slows_its_eigenvalues(leak):
    found = fixed_points(network_of(INHIBITION, np.ones(2), alpha=0.1, leak=leak))
    rates = np.maximum(found.points, 0) if leak == "current" else found.points
    assert rows(rates) == rows(np.array([(0, 2), SADDLE, (2, 0)]))
    np.testing.assert_allclose(found.eigenvalues[found.saddles], [[1.05, 0.85]], atol=1e-9)


def test_a_constant_input_moves_the_points_and_can_leave_one():
    network = network_of(INHIBITION, np.zeros(2))
    assert rows(fixed_points(network, [1.0, 1.0]).points) == rows(np.array([(0, 2), SADDLE, (2, 0)]))
    assert rows(fixed_points(network, [3.0, 1.0]).points) == [(6.0, 0.0)]
    assert rows(fixed_points(network).points) == [(0.0, 0.0)]


def test_regions_that_runs_visit_and_their_neighbours_hold_all_points_of_two_flip_flops():
    """Two pairs that inhibit each other beside eight neurons that follow them: 3 x 3 points."""
    rng = np.random.default_rng(0)
    W = block_diag(INHIBITION, INHIBITION, np.zeros((8, 8)))
    W[4:, :4] = rng.standard_normal((8, 4))
    found = fixed_points(network_of(W, np.concatenate([np.ones(4), 0.1 * rng.standard_normal(8)])))
    one = [(0.0, 2.0), SADDLE, (2.0, 0.0)]
    assert rows(found.points[:, :4]) == rows(np.array([(*a, *b) for a, b in product(one, one)]))
    assert found.stable.sum() == 4
    assert "regions that runs visit, and all that differ from one of them by one neuron" in found.searched


def test_a_few_neurons_equal_brute_force_over_all_regions():
    rng = np.random.default_rng(3)
    for _ in range(6):
        W, b = 1.5 * rng.standard_normal((6, 6)) / np.sqrt(6), rng.standard_normal(6)
        expected = []
        for active in product([0.0, 1.0], repeat=6):
            h = np.linalg.solve(np.eye(6) - np.diag(active) @ W, active * b)
            if np.allclose(h, np.maximum(W @ h + b, 0), atol=1e-9):
                expected.append(h)
        found = fixed_points(network_of(W, b))
        assert rows(found.points) == rows(np.array(expected).reshape(-1, 6))


def test_a_neighbouring_region_is_solved_by_one_update():
    """More neurons than are enumerated: the region of the saddle is a neighbour of those of the two attractors."""
    n = 14
    W = block_diag(INHIBITION, 0.3 * np.eye(n - 2))
    network = Network(W, np.zeros((n, 1)), np.ones((1, n)), np.concatenate([np.ones(2), 0.5 * np.ones(n - 2)]))
    found = fixed_points(network, h0=[np.r_[2.0, 0.0, np.zeros(n - 2)]], search=True)
    assert rows(found.points[:, :2]) == rows(np.array([(0, 2), SADDLE, (2, 0)]))
    np.testing.assert_array_equal(found.counts, [1, 0, 0])


@pytest.mark.parametrize("leak", ["rate", "current"])
def test_two_tanh_flip_flops_have_nine_points(leak):
    upper = 0.9575040240772687  # tanh(2 h) = h
    found = fixed_points(network_of(2 * np.eye(2), np.zeros(2), cell="tanh", leak=leak, alpha=0.5))
    rates = np.tanh(found.points) if leak == "current" else found.points
    assert rows(rates) == rows(np.array(list(product([-upper, 0, upper], repeat=2))))
    assert (found.stable.sum(), found.saddles.sum()) == (4, 4)
    assert "descent on the speed" in found.searched


@pytest.mark.parametrize("cell", ["tanh", "gru", "lstm"])
def test_no_root_finder_finds_more(cell):
    network = network_of_cell(cell, n=4, m=2, o=2, seed=1)
    strong = Network(
        3 * network.W_hh, network.W_ih, network.W_out, network.b_h, cell=cell, gates=network.gates, b_rec=network.b_rec
    )
    found = fixed_points(strong)
    assert len(found.points)
    for i, point in enumerate(found.points):
        np.testing.assert_allclose(step(strong, point), point, atol=1e-8)
        expected = np.linalg.eigvals(jacobian(strong, point))
        np.testing.assert_allclose(np.sort(np.abs(found.eigenvalues[i])), np.sort(np.abs(expected)), atol=1e-9)
        assert (np.abs(np.delete(found.points, i, axis=0) - point).max(axis=1) > 1e-4).all()
    for start in np.random.default_rng(0).uniform(-1, 1, (100, strong.n_state)):
        end = root(lambda h: step(strong, h) - h, start)
        if end.success and np.abs(end.fun).max() < 1e-9:
            assert np.abs(found.points - end.x).max(axis=1).min() < 1e-4


def test_the_ghost_of_a_saddle_node_is_a_slow_point():
    # h = tanh(2 h + b) loses two of its points at b = -0.5328, where h = 0.7071.
    found = fixed_points(network_of([[2.0]], [-0.54], cell="tanh"))
    assert len(found.points) == 1
    assert found.points[0, 0] < -0.9
    np.testing.assert_allclose(found.slow_points, [[0.7071]], atol=0.02)
    assert 0 < found.slow_speeds[0] < 0.01


def test_a_linear_cell_has_one_point():
    W, b = np.array([[0.5, 0.2], [-0.3, 1.4]]), np.array([1.0, -2.0])
    found = fixed_points(network_of(W, b, cell="linear"), h0=[[0.0, 0.0]], search=True)
    np.testing.assert_allclose(found.points, [np.linalg.solve(np.eye(2) - W, b)])
    assert found.saddles.all()


def test_the_state_of_a_readout_that_sees_the_input_holds_what_it_sees():
    network = network_of_cell("tanh", n=4, m=2, o=2, skip=True)
    found = fixed_points(network, [1.0, -1.0])
    np.testing.assert_allclose(found.points[:, 4:], [network.W_skip @ [1.0, -1.0]] * len(found.points))
