"""Potential landscape of a network: minima, saddles and barriers between outputs.

    U(z) = -ln p(z)                                      in nats, of the smoothed histogram over the plane
    barrier a -> b = U(saddle of a and b) - U(minimum of a)

The minimum of an output is the lowest cell in which that output is the commonest. The saddle of two minima is the
lowest level at which cells below it join them: cells are added from the lowest up, and basins that touch are merged.

    inertia = R^2 of z' from z and v = z - z-, less R^2 from z alone      on runs that were held out

Without a bias the dynamics scale with the noise: U is the same at every sigma, up to a constant. So a barrier in nats
sets no leave rate; there is no regime of weak noise.

Source: Langevin Flows for Modeling Neural Latent Dynamics; Kramers (1940) for what does not hold here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, mean_and_error, no_progress
from hmmrnn.analysis.orbit import Plane, check_plane, fit_plane, orbit_phase
from hmmrnn.analysis.switching import count_switches
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.model.network import Floats, Network, Result

RUNS, STEPS = 64, 1000
BINS, BINS_1D, PHASE_BINS = 32, 48, 36
# Standard deviation of the smoothing, in cells.
SMOOTHING = 1.0
BOOTSTRAPS = 30
# An output has a minimum of its own if it is the commonest in cells with so much of all steps.
MIN_SHARE = 0.01
# Cells that hold fewer steps, after smoothing, belong to no basin.
MIN_COUNT = 1.0
ORDER = 3


@dataclass(frozen=True, eq=False)
class Potential(Result):
    """U over G x G cells of the plane, and along one direction, with what separates the outputs."""

    barriers: Mapping[str, float]  # by "from->to", in nats; 0 where no barrier is left
    barriers_se: Mapping[str, float]  # bootstrap over runs
    # The same, between the same cells, of a linear process with one well and the same first and second moments of z and
    # of its step: what a slope, and as many steps, give without a barrier. NaN where it does not visit them.
    barriers_null: Mapping[str, float]
    leave_rates: Mapping[str, float]  # probability per step of going from one output to another, by "from->to"
    inertia: float  # R^2 that the last step adds
    inertia_se: float  # standard error over runs
    inertia_null: float  # that the last step of another run adds
    edges: Floats  # (2, G + 1) edges of the cells, in units of activity
    potential: Floats  # (G, G) U by first and second axis, in nats above the lowest; NaN where no state is seen
    minima: Mapping[str, Floats]  # (2,) place of the minimum of each output
    saddles: Mapping[str, Floats]  # (2,) place of the saddle of two outputs, by "a-b"
    line_edges: Floats  # (L + 1,) edges along PC1
    line: Floats  # (L,) U along PC1, in nats above the lowest
    line_se: Floats  # (L,) bootstrap over runs
    phase: Floats  # (P,) U along the phase of the orbit, over equal bins of 0 to 2 pi
    phase_se: Floats  # (P,) bootstrap over runs
    runs: int
    steps: int
    seed: int


class Saddle(NamedTuple):
    """Where two basins touch."""

    level: float  # U there
    cell: int  # number of the cell


def potential(
    network: Network, seed: int = 0, *, plane: Plane | None = None, on_progress: ProgressCallback = no_progress
) -> Potential:
    """Measure the potential of a network in a plane, and the barriers between its outputs.

    Args:
        plane: where it is seen; fitted to the states of the network if None.

    Raises:
        ValueError: the network diverges, stays in one state, or the plane is of a network of another size.
    """
    run = settled_runs(network, seed, RUNS, STEPS)
    plane = fit_plane(run.h, n_components=2) if plane is None else plane
    check_plane(network, plane)
    points = plane.project(run.h)[..., :2]
    on_progress(0.3)
    rng = np.random.default_rng([seed, 3])
    edges, counts = histograms(points, BINS)
    owner = _owners(points, edges, run.output, network.n_outputs)
    found = _barriers(counts.sum(axis=0), owner)
    drawn = [
        _barriers(counts[rng.integers(len(counts), size=len(counts))].sum(axis=0), owner) for _ in range(BOOTSTRAPS)
    ]
    on_progress(0.8)
    single = _barriers(_single_well(points, edges, rng), owner).heights
    line_edges, along = histograms(points[..., :1], BINS_1D)
    turns = histograms(orbit_phase(points, plane)[..., None], PHASE_BINS, np.array([[0.0, 2 * np.pi]]))[1]
    centres = (edges[:, 1:] + edges[:, :-1]) / 2
    inertia, inertia_se = mean_and_error(inertia_gains(points))
    return Potential(
        barriers=found.heights,
        barriers_se={
            pair: _spread([one.heights[pair] for one in drawn if pair in one.heights]) for pair in found.heights
        },
        barriers_null={pair: single.get(pair, np.nan) for pair in found.heights},
        leave_rates=_leave_rates(run.output, network.n_outputs),
        inertia=float(inertia),
        inertia_se=float(inertia_se),
        inertia_null=float(inertia_gains(points, shuffled=True).mean()),
        edges=edges,
        potential=_shown(found.surface),
        minima={str(a): _place(cell, centres) for a, cell in found.minima.items()},
        saddles={f"{a}-{b}": _place(saddle.cell, centres) for (a, b), saddle in found.saddles.items()},
        line_edges=line_edges[0],
        **_along("line", along, False, rng),
        **_along("phase", turns, True, rng),
        runs=len(points),
        steps=points.shape[1],
        seed=seed,
    )


# ---- landscape ----


def histograms(points: Floats, bins: int, ends: Floats | None = None) -> tuple[Floats, Floats]:
    """Edges (D, bins + 1), and the histogram of each run over bins^D equal cells, of points (B, T, D)."""
    D = points.shape[-1]
    if ends is None:
        low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
        # Smoothing must not lose anything beyond the first and the last cell.
        margin = np.where(high > low, high - low, 1.0) * 2 * SMOOTHING / bins
        ends = np.stack([low - margin, high + margin], axis=1)
    edges = np.linspace(ends[:, 0], ends[:, 1], bins + 1, axis=1)
    place = np.clip((points - ends[:, 0]) / (ends[:, 1] - ends[:, 0]) * bins, 0, bins - 1).astype(np.int64)
    cell = np.ravel_multi_index(tuple(np.moveaxis(place, -1, 0)), (bins,) * D)
    size = bins**D
    number = cell + size * np.arange(len(points))[:, None]
    counts = np.bincount(number.ravel(), minlength=size * len(points)).astype(np.float64)
    return edges, counts.reshape(len(points), *(bins,) * D)


def potential_of(counts: Floats, wrapped: bool = False) -> Floats:
    """-ln p of a histogram (any shape), smoothed, in nats; inf where less than one step is left in a cell."""
    # Only a worker measures potentials.
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(counts, SMOOTHING, mode="wrap" if wrapped else "constant")
    with np.errstate(divide="ignore"):
        surface: Floats = np.where(smooth >= MIN_COUNT, -np.log(smooth / smooth.sum()), np.inf)
    return surface


def merge_basins(surface: Floats, minima: Mapping[int, int]) -> dict[tuple[int, int], Saddle]:
    """The saddle of each two minima, given as numbers of cells of a surface of any shape; none for separate ones."""
    size = surface.size
    values, neighbours = surface.ravel(), _neighbours(surface.shape)
    root = np.arange(size)
    names: dict[int, set[int]] = {}
    for name, cell in minima.items():
        names.setdefault(cell, set()).add(name)
    added = np.zeros(size, dtype=bool)
    saddles: dict[tuple[int, int], Saddle] = {
        (a, b): Saddle(float(values[cell]), cell)
        for cell, both in names.items()
        for a, b in combinations(sorted(both), 2)
    }
    for cell in np.argsort(values, kind="stable")[: int(np.isfinite(values).sum())]:
        added[cell] = True
        for other in neighbours[cell]:
            if added[other]:
                _join(
                    _find(root, cell), _find(root, other), root, names, saddles, Saddle(float(values[cell]), int(cell))
                )
    return saddles


def _join(
    one: int, other: int, root: NDArray[np.int64], names: dict[int, set[int]], saddles: dict[Any, Saddle], here: Saddle
) -> None:
    if one == other:
        return
    for a, b in product(names.get(one, ()), names.get(other, ())):
        saddles[min(a, b), max(a, b)] = here
    root[other] = one
    names[one] = names.get(one, set()) | names.pop(other, set())


def _find(root: NDArray[np.int64], cell: int) -> int:
    while root[cell] != cell:
        root[cell] = root[root[cell]]
        cell = root[cell]
    return int(cell)


def _neighbours(shape: tuple[int, ...]) -> list[list[int]]:
    """Numbers of the cells that share an edge or a corner with each cell."""
    steps = [step for step in product((-1, 0, 1), repeat=len(shape)) if any(step)]
    found = []
    for place in np.ndindex(*shape):
        beside = (tuple(p + s for p, s in zip(place, step, strict=True)) for step in steps)
        inside = (b for b in beside if all(0 <= x < n for x, n in zip(b, shape, strict=True)))
        found.append([int(np.ravel_multi_index(b, shape)) for b in inside])
    return found


class _Found(NamedTuple):
    surface: Floats
    minima: dict[int, int]
    saddles: dict[tuple[int, int], Saddle]
    heights: dict[str, float]


def _barriers(counts: Floats, owner: NDArray[np.int64]) -> _Found:
    """Minima of the outputs, their saddles and barriers; two outputs whose basins never touch have none."""
    surface = potential_of(counts)
    minima = {}
    for a in np.unique(owner[owner >= 0]):
        inside = np.where(owner == a, surface, np.inf).ravel()
        if np.isfinite(inside.min()):
            minima[int(a)] = int(inside.argmin())
    saddles = merge_basins(surface, minima)
    heights = {
        f"{a}->{b}": saddles[min(a, b), max(a, b)].level - float(surface.ravel()[minima[a]])
        for a in minima
        for b in minima
        if a != b and (min(a, b), max(a, b)) in saddles
    }
    return _Found(surface, minima, saddles, heights)


def _owners(points: Floats, edges: Floats, output: NDArray[np.int64], n_outputs: int) -> NDArray[np.int64]:
    """(G, G) the commonest output of each cell; -1 where no step is, or for outputs that own too little."""
    chosen = (points[output == a] for a in range(n_outputs))
    counts = np.array([np.histogram2d(one[:, 0], one[:, 1], bins=(edges[0], edges[1]))[0] for one in chosen])
    owner = np.where(counts.sum(axis=0) > 0, counts.argmax(axis=0), -1)
    own = np.array([counts[a][owner == a].sum() for a in range(n_outputs)])
    for a in np.flatnonzero(own < MIN_SHARE * counts.sum()):
        owner[owner == a] = -1
    return np.asarray(owner)


def _place(cell: int, centres: Floats) -> Floats:
    column, row = divmod(cell, centres.shape[1])
    return np.array([centres[0, column], centres[1, row]])


def _shown(surface: Floats) -> Floats:
    return np.where(np.isfinite(surface), surface - surface.min(), np.nan)


def _along(name: str, counts: Floats, wrapped: bool, rng: np.random.Generator) -> dict[str, Floats]:
    """U along one direction above its lowest value, and its bootstrap error."""
    drawn = [
        _shown(potential_of(counts[rng.integers(len(counts), size=len(counts))].sum(axis=0), wrapped))
        for _ in range(BOOTSTRAPS)
    ]
    return {name: _shown(potential_of(counts.sum(axis=0), wrapped)), f"{name}_se": np.std(drawn, axis=0, ddof=1)}


def _single_well(points: Floats, edges: Floats, rng: np.random.Generator) -> Floats:
    """(G, G) steps in each cell of a linear process with the moments of these points."""
    centre = points.mean(axis=(0, 1))
    centred = points - centre
    start, end = centred[:, :-1].reshape(-1, 2), centred[:, 1:].reshape(-1, 2)
    A = np.linalg.lstsq(start, end, rcond=None)[0].T
    left = end - start @ A.T
    noise = rng.multivariate_normal(np.zeros(2), left.T @ left / len(left), size=points.shape[:2])
    walk = np.empty_like(points)
    walk[:, 0] = centred[:, 0]
    for t in range(1, points.shape[1]):
        walk[:, t] = walk[:, t - 1] @ A.T + noise[:, t]
    flat = (walk + centre).reshape(-1, 2)
    counts: Floats = np.histogram2d(flat[:, 0], flat[:, 1], bins=(edges[0], edges[1]))[0]
    return counts


def _spread(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def _leave_rates(output: NDArray[np.int64], n_outputs: int) -> dict[str, float]:
    counts = count_switches(output, n_outputs).counts
    return {
        f"{a}->{b}": float(counts[a, b] / counts[a].sum())
        for a in range(n_outputs)
        for b in range(n_outputs)
        if a != b and counts[a].sum()
    }


# ---- inertia ----


def inertia_gains(points: Floats, shuffled: bool = False) -> Floats:
    """(B,) R^2 of the next step from place and last step, less that from the place alone; each run held out once.

    Args:
        shuffled: whether the last steps are those of the next run, for the null.
    """
    place, last, step = points[:, 1:-1], np.diff(points[:, :-1], axis=1), np.diff(points[:, 1:], axis=1)
    last = np.roll(last, 1, axis=0) if shuffled else last
    scale = np.where(place.std(axis=(0, 1)) > 0, place.std(axis=(0, 1)), 1.0)
    x, y = np.moveaxis((place - place.mean(axis=(0, 1))) / scale, -1, 0)
    alone = np.stack([x**i * y**j for i in range(ORDER + 1) for j in range(ORDER + 1 - i)], axis=-1)
    gains = np.empty(len(points))
    for fold in (0, 1):
        fitted = np.arange(len(points)) % 2 == fold
        left = [_left(features, step, fitted) for features in (alone, np.concatenate([alone, last], axis=-1))]
        spread = ((step[~fitted] - step[fitted].mean(axis=(0, 1))) ** 2).sum(axis=(1, 2))
        gains[~fitted] = (left[0] - left[1]) / np.where(spread > 0, spread, 1.0)
    return gains


def _left(features: Floats, target: Floats, fitted: NDArray[np.bool_]) -> Floats:
    """Squared error of each run that was not fitted."""
    F = features.shape[-1]
    weights = np.linalg.lstsq(features[fitted].reshape(-1, F), target[fitted].reshape(-1, 2), rcond=None)[0]
    errors: Floats = ((target[~fitted] - features[~fitted] @ weights) ** 2).sum(axis=(1, 2))
    return errors
