"""Noise sweep: the size of the orbit and the intervals between switches against the strength sigma of the noise.

    without biases, from h_0 = 0:   h(sigma) = (sigma / sigma_0) h(sigma_0),   exactly

because a ReLU is positively homogeneous: the orbit grows in proportion to the noise, and switches happen at the same
steps. The deviation of a network from this is measured. All sigmas see the same noise, scaled.

Source: Torre et al. (2025), section 4 (orbit radius and residency against the noise) and section 6 (resonance).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hmmrnn.analysis.numerics import (
    TRANSIENT,
    ProgressCallback,
    check_sizes,
    columns_of,
    jackknife_error,
    no_progress,
    progress_part,
    visit,
)
from hmmrnn.analysis.orbit import Plane
from hmmrnn.analysis.switching import NO_INTERVALS, SwitchingSweep, measure_intervals
from hmmrnn.model.network import Floats, Network, few_threads
from hmmrnn.model.simulation import draw_noise

SIGMAS = np.linspace(0.25, 2, 8)
SIGMAS.setflags(write=False)
# The occupancy is shown at the strongest noise and nearest to these shares of it.
CONTOUR_SHARES_OF_SIGMA = (0.25, 0.5, 1.0)
CELLS = 48
REFERENCE_RUNS = 4
# Shares of the steps that lie inside the contours.
ENCLOSED = (0.5, 0.9)


@dataclass(frozen=True, eq=False)
class NoiseSweep(SwitchingSweep):
    """Orbit size and switching of a network at S strengths of the noise; NaN where the runs diverge."""

    sigmas: Floats  # (S,) standard deviation of each noise input
    # (S,) root mean square distance of the state in the plane of PC1 and PC2 from its mean, in units of activity; the
    # transient is left out.
    radius: Floats
    radius_se: Floats  # (S,) its standard error, as those below by leaving out one run at a time
    # slope, slope_se, intercept, intercept_se: of the line radius = intercept + slope sigma, weighted by 1 /
    # radius_se^2; NaN with fewer than two radii that have an error above 0. Their errors count in that all sigmas
    # share their noise.
    slope: float
    slope_se: float
    intercept: float
    intercept_se: float
    r_squared: float  # share of the weighted variance of the radii that the line explains
    # (S,) largest |h(sigma) - (sigma / sigma_0) h(sigma_0)| of any neuron at any step of the first 4 runs, relative
    # to the largest activity of the scaled ones; infinite if that is 0 and h(sigma) is not.
    deviation: Floats
    relative_deviation: float  # the largest of the deviations that are known
    reference_sigma: float  # sigma_0, that of the sigmas that is nearest to 1
    # Whether the network has a bias, or a cell that is not homogeneous; without either the deviation is rounding.
    biased: bool
    contour_sigma: Floats  # (D,) sigmas whose occupancy is given
    # edges_x, edges_y: (X + 1,), (Y + 1,) edges of the cells in PC1 and PC2, for all of them.
    edges_x: Floats
    edges_y: Floats
    density: Floats  # (D, Y, X) share of the steps per unit of area
    contour_levels: Floats  # (D, 2) density above which 50 % and 90 % of the steps lie


def sweep_noise(
    network: Network,
    plane: Plane,
    sigmas: ArrayLike = SIGMAS,
    seed: int = 0,
    trajectories: int = 24,
    steps: int = 1500,
    on_progress: ProgressCallback = no_progress,
) -> NoiseSweep:
    """Run a network under the same noise at S rising strengths.

    Args:
        plane: of the intact network, with at least 2 directions.
        steps: T, steps counted in each run, after a transient of 100.

    Raises:
        ValueError: sigmas are not rising, finite and above 0, the plane is of another network, steps is below 2,
            or seed or trajectories are bad.

    Source: Torre et al. (2025), sections 4 and 6.
    """
    strengths = _checked(sigmas)
    check_sizes(network, plane, steps)
    unit = draw_noise(network.n_inputs, TRANSIENT + steps, trajectories, 1.0, seed)
    nearest = int(np.abs(strengths - 1).argmin())
    first, *parts = (progress_part(on_progress, *ends) for ends in pairwise(np.linspace(0, 1, len(strengths) + 2)))
    with few_threads(network):
        reference = _reference(network, strengths[nearest] * unit, first)
        values = [
            _value(network, plane, sigma * unit, reference, sigma / strengths[nearest], part)
            for sigma, part in zip(strengths, parts, strict=True)
        ]
    columns = columns_of(values)
    without, points = columns.pop("radius_without"), columns.pop("points")
    shown = np.unique([np.abs(strengths - share * strengths[-1]).argmin() for share in CONTOUR_SHARES_OF_SIGMA])
    edges_x, edges_y, density = _occupancy(points[shown])
    known = columns["deviation"][~np.isnan(columns["deviation"])]
    return NoiseSweep(
        sigmas=strengths,
        **columns,
        contour_sigma=strengths[shown],
        edges_x=edges_x,
        edges_y=edges_y,
        density=density,
        contour_levels=_levels(density),
        **_fit(strengths, columns["radius"], columns["radius_se"], without.T),
        relative_deviation=float(known.max()) if len(known) else float("nan"),
        reference_sigma=float(strengths[nearest]),
        biased=not network.scales_with_noise,
        seed=int(seed),
        trajectories=int(trajectories),
        steps=int(steps),
    )


def _checked(sigmas: ArrayLike) -> Floats:
    strengths = np.array(sigmas, dtype=np.float64)
    if strengths.ndim != 1 or not len(strengths):
        raise ValueError(f"sigmas must be a list (S,) of at least one sigma; got shape {strengths.shape}")
    if not np.isfinite(strengths).all() or strengths[0] <= 0 or (np.diff(strengths) <= 0).any():
        raise ValueError(f"sigmas must be above 0 and rise; got {', '.join(f'{sigma:g}' for sigma in strengths)}")
    return strengths


def _reference(network: Network, noise: Floats, on_progress: ProgressCallback) -> Floats | None:
    """Activity (B', T, N) of the first runs; None if any run diverges."""
    visited = visit(network, noise, on_progress)
    # All the runs are made, as the last bit of each depends on how many there are; a few are kept.
    return None if visited is None else visited.h[:REFERENCE_RUNS].copy()


def _value(
    network: Network, plane: Plane, noise: Floats, reference: Floats | None, ratio: float, on_progress: ProgressCallback
) -> dict[str, Any]:
    """What is measured at one sigma, by the names of `NoiseSweep`.

    Beside it the radius without each of the runs (B,), and their points in the plane (B, T, 2).
    """
    visited = visit(network, noise, on_progress)
    if visited is None:
        points = np.full((len(noise), noise.shape[1] - TRANSIENT, 2), np.nan)
        without, radius, between, deviation = points[:, 0, 0], np.nan, NO_INTERVALS, np.nan
    else:
        points = plane.project(visited.h[:, TRANSIENT:])[..., :2]
        radius, without = _radius(points)
        between = measure_intervals(visited.output[:, TRANSIENT:], network.n_outputs)
        deviation = np.nan if reference is None else _deviation(visited.h, reference, ratio)
    error = float(jackknife_error(without))
    own = {"radius": radius, "radius_se": error, "radius_without": without, "points": points, "deviation": deviation}
    return {"diverged": visited is None, **own, **between.by_field()}


def _radius(points: Floats) -> tuple[float, Floats]:
    """Root mean square distance of points (B, T, 2) from their mean, and (B,) the same without each of the runs."""
    centred = points - points.mean(axis=(0, 1))
    square, place = (centred**2).sum(axis=2).mean(axis=1), centred.mean(axis=1)
    others = len(points) - 1
    if not others:
        return float(np.sqrt(square.mean())), np.full(1, np.nan)
    without = (square.sum() - square) / others - (((place.sum(axis=0) - place) / others) ** 2).sum(axis=1)
    return float(np.sqrt(square.mean())), np.sqrt(np.maximum(without, 0.0))


def _deviation(h: Floats, reference: Floats, ratio: float) -> float:
    """Largest distance of activity (B, T, N) from `ratio` times the reference (B', T, N), relative to its largest."""
    furthest = float(np.abs(h[: len(reference)] - ratio * reference).max())
    largest = ratio * float(np.abs(reference).max())
    if not furthest:
        return 0.0
    return furthest / largest if largest else float("inf")


def _fit(sigmas: Floats, radius: Floats, error: Floats, without: Floats) -> dict[str, Any]:
    """Line through radii (S,), by the names of `NoiseSweep`; errors from the radii (B, S) without each of the runs."""
    names = ("slope", "slope_se", "intercept", "intercept_se", "r_squared")
    sure = error > 0
    if sure.sum() < 2:
        return dict.fromkeys(names, float("nan"))
    x, y, weights = sigmas[sure], radius[sure], 1 / error[sure] ** 2
    slope, intercept = _line(x, y, weights)
    slope_se, intercept_se = (jackknife_error(one) for one in _line(x, without[:, sure], weights))
    rest = (weights * (y - intercept - slope * x) ** 2).sum()
    spread = (weights * (y - np.average(y, weights=weights)) ** 2).sum()
    r_squared = 1 - rest / spread if spread else np.nan
    return dict(zip(names, map(float, (slope, slope_se, intercept, intercept_se, r_squared)), strict=True))


def _line(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Slope and intercept (...) of the weighted least squares line through y (..., S)."""
    share = weights / weights.sum()
    mean_x, mean_y = (share * x).sum(), (share * y).sum(axis=-1)
    slope = (share * (x - mean_x) * y).sum(axis=-1) / (share * (x - mean_x) ** 2).sum()
    return slope, mean_y - slope * mean_x


def _occupancy(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Edges in both directions, and density (D, Y, X) of points (D, B, T, 2) in the cells; NaN where they diverge."""
    x, y = np.moveaxis(points.reshape(len(points), -1, 2), -1, 0)
    edges_x, edges_y = (_edges(values) for values in (x, y))
    density = np.full((len(points), CELLS, CELLS), np.nan)
    for cells, one_x, one_y in zip(density, x, y, strict=True):
        if np.isfinite(one_x).all():
            cells[:] = np.histogram2d(one_y, one_x, (edges_y, edges_x), density=True)[0]
    return edges_x, edges_y, density


def _edges(values: Floats) -> Floats:
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    # A state that never moves has a cell around it.
    margin = 0.0 if high > low else max(abs(low), 1.0)
    return np.linspace(low - margin, high + margin, CELLS + 1)


def _levels(density: Floats) -> Floats:
    """(D, 2) density of the emptiest of the fullest cells that hold the shares `ENCLOSED` of the steps."""
    falling = -np.sort(-density.reshape(len(density), -1), axis=1)
    held = np.cumsum(falling, axis=1) / falling.sum(axis=1, keepdims=True)
    place = np.stack([(held < share).sum(axis=1) for share in ENCLOSED], axis=1)
    return np.take_along_axis(falling, np.minimum(place, falling.shape[1] - 1), axis=1)
