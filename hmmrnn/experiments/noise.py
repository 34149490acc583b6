"""What does the strength of the noise decide? Size of the orbit and times between switches against sigma.

    without biases, from h_0 = 0:   h(sigma) = (sigma / sigma_0) h(sigma_0),   exactly

as a ReLU is positively homogeneous: the orbit grows in proportion to the noise, and no switch comes sooner or later.
How far a network is from that is measured, not assumed. All sigmas see the same noise, scaled.

Source: Torre et al. (2025), section 4 (orbit radius and residency against the noise) and section 6 (resonance).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.experiments.errors import jackknife
from hmmrnn.experiments.intervals import intervals
from hmmrnn.experiments.runs import TRANSIENT, check_sizes, visit
from hmmrnn.network import Floats, Network, few_threads
from hmmrnn.progress import Tell, ignore, part_of
from hmmrnn.simulation import draw_noise
from hmmrnn.statespace import Plane

SIGMAS = np.linspace(0.25, 2, 8)
SIGMAS.setflags(write=False)
# The occupancy is shown at the strongest noise and nearest to these shares of it.
CONTOUR_SHARES_OF_SIGMA = (0.25, 0.5, 1.0)
CELLS = 48
REFERENCE_RUNS = 4
# Shares of the steps that lie inside the contours.
ENCLOSED = (0.5, 0.9)


@dataclass(frozen=True, eq=False)
class NoiseSweep:
    """What a network does at S strengths of the noise. NaN where the runs diverge.

    Attributes:
        sigmas: (S,) standard deviation of each noise input.
        radius: (S,) root mean square distance of the state in the plane of PC1 and PC2 from its mean, in units of
            activity; the transient is left out.
        radius_se: (S,) its standard error, as those below by leaving out one run at a time.
        interval, interval_se: (S,) steps per switch of the output; NaN where it never switches.
        interval_cv, interval_cv_se: (S,) coefficient of variation of the complete intervals, within outputs; NaN
            where they are few or long beside a run (`intervals`).
        intervals, switches: (S,) number of complete intervals, and of switches.
        slope, slope_se, intercept, intercept_se: of the line radius = intercept + slope sigma, weighted by
            1 / radius_se^2; NaN with fewer than two radii that have an error above 0. Their errors count in that all
            sigmas share their noise.
        r_squared: share of the weighted variance of the radii that the line explains.
        deviation: (S,) largest |h(sigma) - (sigma / sigma_0) h(sigma_0)| of any neuron at any step of the first 4 runs,
            relative to the largest activity of the scaled ones; infinite if that is 0 and h(sigma) is not.
        relative_deviation: the largest of the deviations that are known.
        reference_sigma: sigma_0, that of the sigmas that is nearest to 1.
        biased: whether the network has a bias, without which the deviation is rounding.
        contour_sigma: (D,) sigmas whose occupancy is given.
        edges_x, edges_y: (X + 1,), (Y + 1,) edges of the cells in PC1 and PC2, for all of them.
        density: (D, Y, X) share of the steps per unit of area.
        contour_levels: (D, 2) density above which 50 % and 90 % of the steps lie.
        diverged: (S,) whether any run leaves all bounds.
        seed: of the noise.
        trajectories, steps: number of runs, and of the steps that are counted in each, after 100 that are not.
    """

    sigmas: Floats
    radius: Floats
    radius_se: Floats
    interval: Floats
    interval_se: Floats
    interval_cv: Floats
    interval_cv_se: Floats
    intervals: NDArray[np.int64]
    switches: NDArray[np.int64]
    slope: float
    slope_se: float
    intercept: float
    intercept_se: float
    r_squared: float
    deviation: Floats
    relative_deviation: float
    reference_sigma: float
    biased: bool
    contour_sigma: Floats
    edges_x: Floats
    edges_y: Floats
    density: Floats
    contour_levels: Floats
    diverged: NDArray[np.bool_]
    seed: int
    trajectories: int
    steps: int


def noise_sweep(
    network: Network,
    plane: Plane,
    sigmas: ArrayLike = SIGMAS,
    seed: int = 0,
    trajectories: int = 24,
    steps: int = 1500,
    tell: Tell = ignore,
) -> NoiseSweep:
    """Run a network under the same noise at S strengths.

    Args:
        network: intact or intervened upon.
        plane: of the intact network, with at least 2 directions.
        sigmas: (S,) standard deviations of each noise input, rising.
        seed: of the noise.
        trajectories: B, number of runs, each from h_0 = 0.
        steps: T, steps counted in each run, after a transient of 100.
        tell: told the share that is done; may raise to stop.

    Raises:
        ValueError: sigmas are not rising, finite and above 0, the plane is of another network, steps is below 2,
            or seed or trajectories are bad.

    Source: Torre et al. (2025), sections 4 and 6.
    """
    strengths = _checked(sigmas)
    check_sizes(network, plane, steps)
    unit = draw_noise(network.n_inputs, TRANSIENT + steps, trajectories, 1.0, seed)
    nearest = int(np.abs(strengths - 1).argmin())
    parts = np.linspace(0, 1, len(strengths) + 2)
    with few_threads(network):
        reference = _reference(network, strengths[nearest] * unit, part_of(tell, 0, parts[1]))
        values = [
            _value(
                network, plane, sigma * unit, reference, sigma / strengths[nearest], part_of(tell, *parts[i : i + 2])
            )
            for i, sigma in enumerate(strengths, start=1)
        ]
    columns = {name: np.array(column) for name, column in zip(_Value._fields, zip(*values, strict=True), strict=True)}
    without, points = columns.pop("radius_without"), columns.pop("points")
    shown = np.unique([np.abs(strengths - share * strengths[-1]).argmin() for share in CONTOUR_SHARES_OF_SIGMA])
    edges_x, edges_y, density = _occupancy(points[shown])
    known = columns["deviation"][~np.isnan(columns["deviation"])]
    arrays = {
        "sigmas": strengths,
        **columns,
        "contour_sigma": strengths[shown],
        "edges_x": edges_x,
        "edges_y": edges_y,
        "density": density,
        "contour_levels": _levels(density),
    }
    for array in arrays.values():
        array.setflags(write=False)
    return NoiseSweep(
        **arrays,
        **_fit(strengths, columns["radius"], columns["radius_se"], without.T)._asdict(),
        relative_deviation=float(known.max()) if len(known) else float("nan"),
        reference_sigma=float(strengths[nearest]),
        biased=network.has_bias,
        seed=int(seed),
        trajectories=int(trajectories),
        steps=int(steps),
    )


class _Value(NamedTuple):
    """What is measured at one sigma; most names are those of `NoiseSweep`. Nothing but NaN where the runs diverge.

    `radius_without` (B,) is the radius without each of the runs, `points` (B, T, 2) are in plane coordinates.
    """

    diverged: bool
    radius_without: Floats
    points: Floats
    radius: float = np.nan
    radius_se: float = np.nan
    interval: float = np.nan
    interval_se: float = np.nan
    interval_cv: float = np.nan
    interval_cv_se: float = np.nan
    intervals: int = 0
    switches: int = 0
    deviation: float = np.nan


class _Line(NamedTuple):
    slope: float
    slope_se: float
    intercept: float
    intercept_se: float
    r_squared: float


def _checked(sigmas: ArrayLike) -> Floats:
    strengths = np.array(sigmas, dtype=np.float64)
    if strengths.ndim != 1 or not len(strengths):
        raise ValueError(f"sigmas must be a list (S,) of at least one sigma; got shape {strengths.shape}")
    if not np.isfinite(strengths).all() or strengths[0] <= 0 or (np.diff(strengths) <= 0).any():
        raise ValueError(f"sigmas must be above 0 and rise; got {', '.join(f'{sigma:g}' for sigma in strengths)}")
    return strengths


def _reference(network: Network, noise: Floats, tell: Tell) -> Floats | None:
    """Activity (B', T, N) of the first runs; None if any run diverges."""
    visited = visit(network, noise, tell)
    # All the runs are made, as the last bit of each depends on how many there are; a few are kept.
    return None if visited is None else visited.h[:REFERENCE_RUNS].copy()


def _value(network: Network, plane: Plane, noise: Floats, reference: Floats | None, ratio: float, tell: Tell) -> _Value:
    visited = visit(network, noise, tell)
    if visited is None:
        runs, steps = len(noise), noise.shape[1] - TRANSIENT
        return _Value(True, np.full(runs, np.nan), np.full((runs, steps, 2), np.nan))
    points = plane.project(visited.h[:, TRANSIENT:])[..., :2]
    radius, without = _radius(points)
    between = intervals(visited.output[:, TRANSIENT:], network.n_outputs)
    return _Value(
        diverged=False,
        radius_without=without,
        points=points,
        radius=radius,
        radius_se=float(jackknife(without)),
        interval=between.mean,
        interval_se=between.mean_se,
        interval_cv=between.cv,
        interval_cv_se=between.cv_se,
        intervals=between.complete,
        switches=between.switches,
        deviation=np.nan if reference is None else _deviation(visited.h, reference, ratio),
    )


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
    largest = ratio * float(reference.max())
    if not furthest:
        return 0.0
    return furthest / largest if largest else float("inf")


def _fit(sigmas: Floats, radius: Floats, error: Floats, without: Floats) -> _Line:
    """Line through radii (S,); its errors are from the radii (B, S) without each of the runs."""
    sure = error > 0
    if sure.sum() < 2:
        return _Line(*[float("nan")] * 5)
    x, y, weights = sigmas[sure], radius[sure], 1 / error[sure] ** 2
    slope, intercept = _line(x, y, weights)
    slope_se, intercept_se = (jackknife(one) for one in _line(x, without[:, sure], weights))
    rest = (weights * (y - intercept - slope * x) ** 2).sum()
    spread = (weights * (y - np.average(y, weights=weights)) ** 2).sum()
    r_squared = 1 - rest / spread if spread else np.nan
    return _Line(float(slope), float(slope_se), float(intercept), float(intercept_se), float(r_squared))


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
