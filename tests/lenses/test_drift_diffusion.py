"""Drift, diffusion and current: linear processes whose circulation and entropy production are known."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn import Network
from hmmrnn.lenses.drift_diffusion import FLUX_BINS, current, entropy_bounds, measure_fields
from tests.lenses.planted import linear_network, own_axes, rotation
from tests.networks import random_network


@pytest.fixture(scope="module", params=[(0.5, 0.5, 1.0), (0.8, -0.4, 0.5)])
def planted(request):
    return *request.param, current(rotation(*request.param), seed=3, plane=own_axes())


class TestRotation:
    def test_area_rate(self, planted) -> None:
        rho, theta, spread, seen = planted
        assert seen.area_rate == pytest.approx(
            rho * np.sin(theta) * spread**2 / (1 - rho**2), abs=4 * seen.area_rate_se
        )
        assert abs(seen.area_rate) > 20 * seen.area_rate_se
        assert abs(seen.area_rate_null) < 4 * seen.area_rate_se

    def test_entropy_production(self, planted) -> None:
        rho, theta, _, seen = planted
        exact = 4 * rho**2 * np.sin(theta) ** 2 / (1 - rho**2)
        assert seen.entropy_production == pytest.approx(exact, rel=0.05, abs=3 * seen.entropy_production_se)
        assert abs(seen.entropy_production_null) < 0.02 * exact

    def test_the_current_circles(self, planted) -> None:
        rho, theta, _, seen = planted
        # The exact current velocity: half of what the process does forward, less half of what it does backward.
        turn = np.array([[0, -1], [1, 0]]) * rho * np.sin(theta)
        centres = np.stack(np.meshgrid(*(seen.edges[:, 1:] + seen.edges[:, :-1]) / 2, indexing="ij"), axis=-1)
        known = seen.counts > 200
        off = (seen.irreversible - centres @ turn.T)[known] / seen.irreversible_se[known]
        assert known.sum() > 50
        # Cells are not points: the mean over one is that of its middle up to the slope of the density within it.
        assert np.sqrt((off**2).mean()) < 1.6


def test_an_isotropic_walk_has_drift_and_diffusion_and_no_current() -> None:
    keep, spread = 0.9, 0.7
    seen = current(rotation(keep, 0.0, spread), seed=1, plane=own_axes())
    centres = np.stack(np.meshgrid(*(seen.edges[:, 1:] + seen.edges[:, :-1]) / 2, indexing="ij"), axis=-1)
    known = seen.counts > 500
    slope = (seen.drift * centres)[known].sum() / (centres[known] ** 2).sum()
    assert slope == pytest.approx(keep - 1, rel=0.03)
    assert np.allclose(seen.reversible + seen.irreversible, seen.drift, equal_nan=True)
    mean_diffusion = seen.diffusion[known].mean(axis=0)
    assert np.allclose(mean_diffusion, spread**2 / 2 * np.eye(2), atol=0.03 * spread**2)
    z = (seen.irreversible / seen.irreversible_se)[known]
    assert np.abs(z.mean()) < 0.3
    assert 0.7 < z.std() < 1.3
    assert abs(seen.area_rate) < 4 * seen.area_rate_se
    assert seen.entropy_production < 0.005
    area = np.prod(np.diff(seen.edges, axis=1)[:, 0])
    assert (seen.density * area).sum() == pytest.approx(1.0)


def test_fields_are_those_of_a_naive_loop() -> None:
    points = np.random.default_rng(0).standard_normal((3, 400, 2))
    fields = measure_fields(points, bins=3)
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    for i in range(3):
        for j in range(3):
            steps = []
            for run in points:
                for t in range(1, 399):
                    cell = np.minimum(3 * (run[t] - low) // (high - low), 2)
                    if tuple(cell) == (i, j):
                        steps.append((run[t + 1] - run[t], run[t] - run[t - 1]))
            assert fields["counts"][i, j] == len(steps)
            if len(steps) < 20:
                assert np.isnan(fields["drift"][i, j]).all()
                continue
            after, before = np.array(steps).swapaxes(0, 1)
            assert np.allclose(fields["drift"][i, j], after.mean(axis=0))
            assert np.allclose(fields["diffusion"][i, j], np.cov(after.T, bias=True) / 2)
            assert np.allclose(fields["irreversible"][i, j], (after + before).mean(axis=0) / 2)


def test_entropy_production_of_a_chain() -> None:
    """A ring of three places, from which a step goes on with p and back with q: (p - q) ln(p / q) a step."""
    p, q = 0.6, 0.2
    rng = np.random.default_rng(0)
    moves = rng.choice([1, -1, 0], p=[p, q, 1 - p - q], size=(40, 1500))
    place = np.cumsum(moves, axis=1) % 3
    corners = np.array([[0.0, 0.0], [1.0, 0.1], [0.3, 1.0]])
    bounds = entropy_bounds(corners[place])
    assert bounds.mean() == pytest.approx((p - q) * np.log(p / q), rel=0.03)
    assert FLUX_BINS > 3


def test_a_reversible_network_of_many_neurons_has_no_current() -> None:
    """Symmetric weights and noise that is the same for all: W commutes with the covariance of the noise."""
    rng = np.random.default_rng(2)
    basis, _ = np.linalg.qr(rng.standard_normal((12, 12)))
    W = basis @ np.diag(np.linspace(-0.6, 0.9, 12)) @ basis.T
    seen = current(linear_network(W, 0.5 * np.eye(12)), seed=4)
    assert abs(seen.area_rate) < 4 * seen.area_rate_se
    assert seen.entropy_production < 4 * seen.entropy_production_se + 0.003


def test_a_network_that_never_moves_is_refused() -> None:
    with pytest.raises(ValueError, match="all 64,000 are identical"):
        current(Network(np.eye(3), np.zeros((3, 1)), np.ones((2, 3))))


def test_the_null_of_a_random_network_is_null() -> None:
    seen = current(random_network(12), seed=5)
    assert abs(seen.area_rate_null) < 4 * seen.area_rate_se
    assert seen.entropy_production_null < 0.01
