"""Drift, diffusion and probability current of a network in its plane.

    drift              f(z) = E[z' - z | z]                      z' one step after z
    diffusion          D(z) = 1/2 Cov[z' - z | z]
    reversible part    u(z) = 1/2 (E[z' - z | z] - E[z - z- | z])    z- before z; for small steps D grad ln p
    irreversible part  v(z) = 1/2 (E[z' - z | z] + E[z - z- | z])    current J = p v; f = u + v
    area rate          a = 1/2 E[z x z']
    entropy production e >= E[g] + 1 - E[exp(-g)],  g(z, z') = -g(z', z)

Both parts and the current are exact for steps of any size. The bound on the entropy production is tight for
g = ln p(z, z') / p(z', z); g is fitted to some of the runs and the bound is measured on others. It is a sum of
f_k(z) f_l(z') - f_l(z) f_k(z') for monomials f up to second order, which hold the whole of a linear process, and of the
log ratio of the fluxes between cells.

Source: Drift-Diffusion Matching; Nelson (1967) for the two velocities; Kim et al. (2020), Phys. Rev. Lett. 125, 140604,
for the bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, mean_and_error, no_progress, ratio_of_sums
from hmmrnn.analysis.orbit import Plane, check_plane, fit_plane, pair_stretches
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.model.network import Floats, Network, Result

RUNS, STEPS = 64, 1000
# Cells of the fields that are drawn, and of the fluxes in the bound, along each axis.
BINS, FLUX_BINS = 24, 8
MIN_STEPS_PER_CELL = 20
# Parts of the runs: fluxes are counted in one, weights fitted in two, the bound measured in the last, in turn.
FOLDS = 4
# Exponents of the monomials; the constant makes functions of one end alone.
MONOMIALS = tuple((i, order - i) for order in range(3) for i in range(order + 1))
RIDGE, NEWTON_STEPS = 1e-6, 12
# No step tells the directions of time apart by more than this, in nats: bounds what one rare step can do.
MAX_LOG_RATIO = 6.0
# A pair of outputs has an orbit of its own only if stretches that visit no other are longer than this.
PAIR_LONGER_THAN, MIN_PAIR_STEPS = 60, 1000


@dataclass(frozen=True, eq=False)
class PairCirculation(Result):
    """Circulation in the stretches that visit two outputs and no other, in the plane of these stretches."""

    pair: tuple[int, int]  # the outputs
    steps: int  # number of steps in the stretches
    area_rate: float  # area circled in a step, in squared units of activity
    area_rate_se: float  # its standard error, over runs


@dataclass(frozen=True, eq=False)
class DriftDiffusion(Result):
    """Drift, diffusion and current over G x G cells of the plane, and how irreversible the process in it is.

    Cells with fewer than 20 steps hold NaN.
    """

    area_rate: float  # in squared units of activity a step; above 0 it turns from the first axis to the second
    area_rate_se: float  # standard error over runs
    area_rate_null: float  # with half of the runs reversed in time
    entropy_production: float  # lower bound, in nats a step
    entropy_production_se: float  # standard error over runs
    entropy_production_null: float  # with half of the runs reversed in time
    edges: Floats  # (2, G + 1) edges of the cells along each axis, in units of activity
    counts: NDArray[np.int64]  # (G, G) steps that start in the cell, by first and second axis
    density: Floats  # (G, G) probability of a state, per squared unit of activity
    drift: Floats  # (G, G, 2) in units of activity a step
    diffusion: Floats  # (G, G, 2, 2) in squared units of activity a step
    reversible: Floats  # (G, G, 2) part of the drift that no current belongs to, in units of activity a step
    irreversible: Floats  # (G, G, 2) part of the drift that carries the current, in units of activity a step
    irreversible_se: Floats  # (G, G, 2) its standard error, over runs
    pairs: tuple[PairCirculation, ...]  # for each pair of outputs with long stretches of their own
    runs: int  # number of runs
    steps: int  # steps of each
    seed: int  # of the noise

    @property
    def current(self) -> Floats:
        """(G, G, 2) probability current, in probability per unit of activity and step."""
        return self.density[..., None] * self.irreversible


def current(
    network: Network, seed: int = 0, *, plane: Plane | None = None, on_progress: ProgressCallback = no_progress
) -> DriftDiffusion:
    """Measure drift, diffusion, current and irreversibility of a network in a plane.

    Args:
        plane: where it is seen; fitted to the states of the network if None.

    Raises:
        ValueError: the network diverges, stays in one state, or the plane is of a network of another size.
    """
    run = settled_runs(network, seed, RUNS, STEPS)
    on_progress(0.4)
    plane = fit_plane(run.h, n_components=2) if plane is None else plane
    check_plane(network, plane)
    points = plane.project(run.h)[..., :2]
    rates, reversed_half = _area_rates(points), np.where(_reversed(len(points)), -1.0, 1.0)
    area_rate, area_rate_se = mean_and_error(rates)
    produced, produced_se = mean_and_error(entropy_bounds(points))
    on_progress(0.7)
    return DriftDiffusion(
        area_rate=float(area_rate),
        area_rate_se=float(area_rate_se),
        area_rate_null=float((rates * reversed_half).mean()),
        entropy_production=float(produced),
        entropy_production_se=float(produced_se),
        entropy_production_null=float(entropy_bounds(_half_reversed(points)).mean()),
        **measure_fields(points),
        pairs=_pairs(run.h, run.output),
        runs=len(points),
        steps=points.shape[1],
        seed=seed,
    )


def _area_rates(points: Floats) -> Floats:
    """(B,) mean area circled in a step, of points (B, T, 2)."""
    x, y = points[..., 0], points[..., 1]
    return (x[:, :-1] * y[:, 1:] - y[:, :-1] * x[:, 1:]).mean(axis=1) / 2


def _half_reversed(points: Floats) -> Floats:
    """The same points with half of the runs reversed in time: a process without a direction of time."""
    return np.where(_reversed(len(points))[:, None, None], points[:, ::-1], points)


def _reversed(runs: int) -> NDArray[np.bool_]:
    """(B,) the half of the runs that the null reverses: as many in each of the parts that bounds are fitted to."""
    return np.asarray(np.arange(runs) // FOLDS % 2 == 1)


# ---- fields ----


def measure_fields(points: Floats, bins: int = BINS) -> dict[str, Any]:
    """The fields of `DriftDiffusion` from points (B, T, 2), over bins x bins cells of the rectangle that holds them."""
    edges = _edges(points, bins)
    cell = _cells(points[:, 1:-1], edges)
    after, before = np.diff(points[:, 1:], axis=1), np.diff(points[:, :-1], axis=1)
    counts = _sums(cell, np.ones(cell.shape), bins)
    total = counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rare = np.where(total >= MIN_STEPS_PER_CELL, 1.0, np.nan)
        forward, backward = (_means(cell, step, total, bins) * rare[:, None] for step in (after, before))
        squares = np.stack([_means(cell, after * after[..., [axis]], total, bins) for axis in (0, 1)], axis=-2)
        diffusion = (squares - forward[:, :, None] * forward[:, None, :]) / 2
    velocity = np.stack([_sums(cell, (after + before)[..., axis] / 2, bins) for axis in (0, 1)], axis=-1)
    _, error = ratio_of_sums(velocity, np.broadcast_to(counts[..., None], velocity.shape))
    area = np.prod(np.diff(edges, axis=1)[:, 0])
    fields = {
        "counts": total.astype(np.int64),
        "density": total / (total.sum() * area),
        "drift": forward,
        "diffusion": diffusion,
        "reversible": (forward - backward) / 2,
        "irreversible": (forward + backward) / 2,
        "irreversible_se": error * rare[:, None],
    }
    return {"edges": edges, **{name: field.reshape(bins, bins, *field.shape[1:]) for name, field in fields.items()}}


def _edges(points: Floats, bins: int) -> Floats:
    """(2, bins + 1) edges of equal cells along each axis."""
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    high = np.where(high > low, high, low + 1.0)
    return np.linspace(low, high, bins + 1, axis=1)


def _cells(points: Floats, edges: Floats) -> NDArray[np.int64]:
    """Number of the cell of each point."""
    bins = edges.shape[1] - 1
    column, row = (
        np.clip(np.searchsorted(edges[axis], points[..., axis], side="right") - 1, 0, bins - 1) for axis in (0, 1)
    )
    return np.asarray(column * bins + row)


def _sums(cell: NDArray[np.int64], values: Floats, bins: int) -> Floats:
    """(B, cells) sums of the values of each run in each cell."""
    runs, size = len(cell), bins**2
    numbers = cell + size * np.arange(runs)[:, None]
    sums = np.bincount(numbers.ravel(), weights=values.ravel(), minlength=runs * size)
    return np.asarray(sums, dtype=np.float64).reshape(runs, size)


def _means(cell: NDArray[np.int64], values: Floats, total: Floats, bins: int) -> Floats:
    """(cells, 2) means of two values over all runs in each cell."""
    return np.stack([_sums(cell, values[..., axis], bins).sum(axis=0) / total for axis in (0, 1)], axis=-1)


# ---- entropy production ----


def entropy_bounds(points: Floats) -> Floats:
    """(B,) lower bounds on the entropy production in nats a step, each from what was fitted to other runs."""
    scale = points.std(axis=(0, 1))
    points = (points - points.mean(axis=(0, 1))) / np.where(scale > 0, scale, 1.0)
    basis = _monomials(points)
    cell = _cells(points, _quantile_edges(points))
    parts = [np.arange(first, len(points), FOLDS) for first in range(FOLDS)]
    bounds = np.empty(len(points))
    for k, measured in enumerate(parts):
        counted, fitted = parts[k - 1], np.concatenate([parts[k - 2], parts[k - 3]])
        ratio = _log_flux_ratio(cell[counted])
        weights = _fit(_features(basis[fitted], cell[fitted], ratio))
        for b in measured:
            g = _features(basis[[b]], cell[[b]], ratio) @ weights
            g = np.clip(g, -MAX_LOG_RATIO, MAX_LOG_RATIO)
            bounds[b] = (g + 1 - np.exp(-g)).mean()
    return bounds


def _monomials(points: Floats) -> Floats:
    """(B, T, K) monomials of the coordinates up to second order."""
    x, y = points[..., 0], points[..., 1]
    return np.stack([x**i * y**j for i, j in MONOMIALS], axis=-1)


def _quantile_edges(points: Floats) -> Floats:
    """(2, FLUX_BINS + 1) edges of cells that are visited equally often along each axis."""
    edges: Floats = np.quantile(points.reshape(-1, 2), np.linspace(0, 1, FLUX_BINS + 1), axis=0).T
    return edges


def _log_flux_ratio(cell: NDArray[np.int64]) -> Floats:
    """(cells, cells) ln of how often a step was seen over how often its reverse was, one of each added."""
    size = FLUX_BINS**2
    steps = np.bincount((cell[:, :-1] * size + cell[:, 1:]).ravel(), minlength=size**2).reshape(size, size)
    ratio: Floats = np.log((steps + 1.0) / (steps.T + 1.0))
    return ratio


def _features(basis: Floats, cell: NDArray[np.int64], ratio: Floats) -> Floats:
    """(S, F) antisymmetric functions of the two ends of each step."""
    start, end = (part.reshape(-1, basis.shape[-1]) for part in (basis[:, :-1], basis[:, 1:]))
    pairs = [start[:, k] * end[:, m] - start[:, m] * end[:, k] for k, m in combinations(range(basis.shape[-1]), 2)]
    return np.stack([*pairs, ratio[cell[:, :-1], cell[:, 1:]].ravel()], axis=1)


def _fit(features: Floats) -> Floats:
    """(F,) weights w that maximise E[w f] + 1 - E[exp(-w f)], a concave function, by Newton's method."""
    scale = np.sqrt((features**2).mean(axis=0))
    scaled = features / np.where(scale > 0, scale, 1.0)
    weights, best = np.zeros(scaled.shape[1]), 0.0
    for _ in range(NEWTON_STEPS):
        odds = np.exp(np.clip(-scaled @ weights, -MAX_LOG_RATIO, MAX_LOG_RATIO))
        gradient = scaled.T @ (1 + odds) / len(scaled)
        curvature = (scaled * odds[:, None]).T @ scaled / len(scaled) + RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        for shrink in (1.0, 0.5, 0.25, 0.125, 0.0625):
            reached = _bound(scaled @ (weights + shrink * step))
            if reached > best:
                break
        else:
            break
        weights, gained, best = weights + shrink * step, reached - best, reached
        if gained < 1e-6:
            break
    return weights / np.where(scale > 0, scale, 1.0)


def _bound(g: Floats) -> float:
    g = np.clip(g, -MAX_LOG_RATIO, MAX_LOG_RATIO)
    return float((g + 1 - np.exp(-g)).mean())


# ---- pairs of outputs ----


def _pairs(h: Floats, output: NDArray[np.int64]) -> tuple[PairCirculation, ...]:
    """Circulation of each pair of outputs that long stretches visit alone; none for a network with a single pair."""
    seen = np.unique(output)
    found = [_circulation(h, output, (int(a), int(b))) for a, b in combinations(seen, 2)]
    return tuple(pair for pair in found if pair is not None) if len(seen) > 2 else ()


def _circulation(h: Floats, output: NDArray[np.int64], pair: tuple[int, int]) -> PairCirculation | None:
    inside = pair_stretches(output, pair, PAIR_LONGER_THAN)
    joined = inside[:, :-1] & inside[:, 1:]
    if joined.sum() < MIN_PAIR_STEPS:
        return None
    points = fit_plane(h[inside], n_components=2).project(h)
    x, y = points[..., 0], points[..., 1]
    areas = np.where(joined, x[:, :-1] * y[:, 1:] - y[:, :-1] * x[:, 1:], 0.0) / 2
    rate, error = ratio_of_sums(areas.sum(axis=1), joined.sum(axis=1))
    return PairCirculation(pair, int(joined.sum()), float(rate), float(error))
