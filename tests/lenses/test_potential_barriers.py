"""Potential and barriers: a double well, a Gaussian and a noisy circle, whose landscapes are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn import Network
from hmmrnn.lenses.potential_barriers import (
    _neighbours,
    histograms,
    inertia_gains,
    merge_basins,
    potential,
    potential_of,
)
from tests.lenses.planted import linear_network, own_axes, rotation
from tests.networks import planted_switch, random_network


def double_well(barrier: float, count: int) -> np.ndarray:
    """Samples of p ~ exp(-barrier (x^2 - 1)^2), by rejection."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 8 * count)
    kept = x[rng.random(len(x)) < np.exp(-barrier * (x**2 - 1) ** 2)]
    return kept[:count]


def test_a_double_well() -> None:
    height = 2.5
    x = double_well(height, 200_000)
    edges, counts = histograms(x.reshape(20, -1, 1), 60)
    surface = potential_of(counts.sum(axis=0))
    centres = (edges[0, 1:] + edges[0, :-1]) / 2
    known = np.abs(centres) < 1.25
    exact = height * (centres**2 - 1) ** 2
    off = (surface - exact)[known]
    assert np.abs(off - off.mean()).max() < 0.15
    left, right = (int(np.where(side, surface, np.inf).argmin()) for side in (centres < 0, centres > 0))
    assert centres[[left, right]] == pytest.approx([-1, 1], abs=0.15)
    saddle = merge_basins(surface, {0: left, 1: right})[0, 1]
    assert saddle.level - surface[left] == pytest.approx(height, abs=0.12)
    assert centres[saddle.cell] == pytest.approx(0, abs=0.12)


def test_a_gaussian_is_a_parabola_without_barriers() -> None:
    seen = potential(rotation(0.8, 0.3), seed=1, plane=own_axes())
    centres = (seen.edges[:, 1:] + seen.edges[:, :-1]) / 2
    X, Y = np.meshgrid(*centres, indexing="ij")
    known = np.isfinite(seen.potential) & (seen.potential < 3)
    slope = np.polyfit((X**2 + Y**2)[known], seen.potential[known], 1)[0]
    # Smoothing by one cell adds the square of its width to the variance.
    variance = 1 / (1 - 0.8**2) + np.diff(seen.edges[0])[0] ** 2
    assert slope == pytest.approx(1 / (2 * variance), rel=0.05)
    assert min(seen.barriers.values()) == pytest.approx(0, abs=0.1)
    assert max(seen.barriers_null.values()) < 0.3
    # Along the phase a process that turns evenly is flat.
    assert np.nanmax(seen.phase) < 0.1 + 4 * seen.phase_se.max()


def test_the_null_of_a_slope_is_the_slope() -> None:
    """In a single well the place of an output far from the middle lies above that of the others, without a barrier."""
    readout = np.array([[0.0, 0.0], [4.0, 0.0]])
    middle = linear_network(0.6 * np.eye(2), np.eye(2), readout)
    well = replace(middle, b_out=middle.b_out - [0.0, 6.0])
    seen = potential(well, seed=2, plane=own_axes())
    assert seen.barriers["0->1"] > 0.5
    for pair, height in seen.barriers.items():
        assert seen.barriers_null[pair] == pytest.approx(height, abs=0.15)
        assert 0 <= seen.barriers_se[pair] < 0.1


def test_basins_are_merged_as_by_flooding() -> None:
    """The saddle is the lowest level at which two cells are joined by cells that are not higher."""
    rng = np.random.default_rng(3)
    surface = rng.random((7, 7))
    surface[3, 3] = np.inf
    a, b = 0, 48
    beside = _neighbours(surface.shape)

    def joined(level: float) -> bool:
        seen, waiting = {a}, [a]
        while waiting:
            cell = waiting.pop()
            fresh = [o for o in beside[cell] if o not in seen and surface.flat[o] <= level]
            seen |= set(fresh)
            waiting += fresh
        return b in seen

    levels = sorted(level for level in surface.ravel() if level >= max(surface.flat[a], surface.flat[b]))
    lowest = next(level for level in levels if joined(level))
    assert merge_basins(surface, {5: a, 2: b})[2, 5].level == lowest
    assert sorted(beside[0]) == [1, 7, 8]
    # Two islands never meet.
    assert merge_basins(np.array([0.0, np.inf, 1.0]), {0: 0, 1: 2}) == {}


def test_two_clusters_have_a_barrier_at_every_sigma() -> None:
    switch = planted_switch(hold=6, integrators=10, kick=3, echoes=0, idle=0).network
    seen = potential(switch, seed=2)
    assert seen.barriers.keys() == seen.leave_rates.keys() == {"0->1", "1->0"}
    for pair, height in seen.barriers.items():
        assert height > seen.barriers_null[pair] + 4 * seen.barriers_se[pair]
    a, b = seen.minima["0"], seen.minima["1"]
    assert np.linalg.norm(a - b) > np.ptp(seen.edges[0]) / 3
    assert seen.saddles.keys() == {"0-1"}


def test_without_a_bias_the_potential_does_not_change_with_the_noise() -> None:
    network = random_network(10, o=2)
    quiet = Network(network.W_hh, network.W_ih / 4, network.W_out)
    loud, soft = potential(network, seed=3), potential(quiet, seed=3)
    assert soft.barriers == pytest.approx(loud.barriers, abs=1e-9)
    assert np.allclose(soft.potential, loud.potential, equal_nan=True)
    assert np.allclose(4 * soft.edges, loud.edges)


def test_inertia_is_what_the_last_step_adds() -> None:
    """z' = z + 0.8 v + noise with a pull to the middle has inertia; a process of first order has none."""
    rng = np.random.default_rng(0)
    z, v, path = np.zeros((24, 2)), np.zeros((24, 2)), []
    for _ in range(600):
        v = 0.8 * v - 0.1 * z + rng.standard_normal((24, 2))
        z = z + v
        path.append(z)
    points = np.stack(path, axis=1)
    gains = inertia_gains(points)
    assert gains.mean() > 0.4
    assert abs(inertia_gains(points, shuffled=True).mean()) < 0.01
    assert abs(potential(rotation(0.7, 0.4), plane=own_axes()).inertia) < 0.002


def test_a_network_with_one_output_in_sight_has_no_barriers() -> None:
    never = np.array([[0.0, 0.0], [0.0, 0.0]])
    seen = potential(linear_network(0.5 * np.eye(2), np.eye(2), never), seed=0)
    assert seen.barriers == {}
    assert list(seen.minima) == ["0"]
