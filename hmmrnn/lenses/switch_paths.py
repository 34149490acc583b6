"""Paths: the most likely way from one output's cluster to another's in the plane, and where half of the runs switch.

    P(c, d)      share of the steps from cell c of the plane that end in cell d
    way          the cells c_0 .. c_n from a's core to b's with the smallest -sum ln P(c_i, c_i+1)    (Bellman, 1958)
    committor    q(c): probability of reaching b's core before a's; q = P q outside, 0 in a's core, 1 in b's
    observed     the share of the visits to c after which b's core comes before a's

The core of an output are the cells that have it in at least 90 of 100 steps and together hold the densest half of its
steps. The chain of cells forgets where a run came from; what is observed does not, and so tests it.

Source: E and Vanden-Eijnden (2006), transition path theory; Metzner, Schuette and Vanden-Eijnden (2009) for chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, mean_and_error, no_progress, ratio_of_sums
from hmmrnn.analysis.orbit import Plane, check_plane, fit_plane
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.model.network import Floats, Network, Result

RUNS, STEPS, BINS = 64, 1000, 24
# Steps before and after a switch whose mean is the observed path.
AROUND = 15
CORE_SHARE, CORE_MASS = 0.9, 0.5
# Exits with fewer switches have no path, and cells with fewer visits no part in the line of half.
MIN_SWITCHES = 20
MIN_VISITS = 20


@dataclass(frozen=True, eq=False)
class ExitPath(Result):
    """The ways from one output to another, over G x G cells of the plane; NaN in cells that were not visited."""

    exit: tuple[int, int]  # from one output to another
    switches: int  # number of switches
    way: Floats  # (L, 2) middles of the cells of the most likely way, in units of activity
    log_probability: float  # of the way, in nats
    offset: NDArray[np.int64]  # (F,) steps after the switch
    # mean, mean_se: (F, C) mean state around the switches, in units of activity, and its standard error; C is 2 or 3.
    mean: Floats
    mean_se: Floats
    committor: Floats  # (G, G) by the chain of cells
    # observed, observed_se: (G, G) share of the visits after which the other core comes first, and its standard error.
    observed: Floats
    observed_se: Floats
    observed_null: float  # that share over all cells together: what it would be if the place said nothing


@dataclass(frozen=True, eq=False)
class SwitchPaths(Result):
    """The paths of each exit that is taken."""

    edges: Floats  # (2, G + 1) edges of the cells along each axis, in units of activity
    counts: NDArray[np.int64]  # (G, G) visits of each cell
    cores: NDArray[np.int64]  # (G, G) output whose core a cell belongs to; -1: none
    paths: tuple[ExitPath, ...]  # by exit
    seed: int  # seed of the noise
    # (G, G) mean third coordinate of the visits of each cell, NaN without any; None where the states have two.
    depth: Floats | None = None

    def with_depth(self, points: Floats) -> Floats:
        """Places (..., 2) of the plane as places of the space (..., 3): the mean depth of their cells.

        Raises:
            ValueError: the states have two coordinates only.
        """
        if self.depth is None:
            raise ValueError("the ways were found in a plane, and have no third coordinate")
        rows, columns = np.divmod(_cells(points, self.edges), len(self.depth))
        return np.concatenate([points, self.depth[rows, columns][..., None]], axis=-1)

    def half_line(self, path: ExitPath) -> Floats:
        """(S, 2, 2) pieces of the line on which a path's committor is 0.5, in units of activity."""
        middle = (self.edges[:, 1:] + self.edges[:, :-1]) / 2
        return level_line(np.where(self.counts >= MIN_VISITS, path.committor, np.nan), *middle)

    @property
    def committor_error(self) -> tuple[float, float]:
        """How far committor and observed shares lie apart over the visits outside both cores, and its null.

        The null has the same share in every cell. Both are NaN without such visits.
        """
        off = np.zeros(3)
        for path in self.paths:
            known = np.isfinite(path.committor) & np.isfinite(path.observed) & ~np.isin(self.cores, path.exit)
            counts, observed = self.counts[known], path.observed[known]
            differences = (np.abs(path.committor[known] - observed), np.abs(path.observed_null - observed))
            off += [counts.sum(), *(float((counts * difference).sum()) for difference in differences)]
        return (float(off[1] / off[0]), float(off[2] / off[0])) if off[0] else (float("nan"), float("nan"))


def find_paths(
    network: Network,
    seed: int = 0,
    plane: Plane | None = None,
    on_progress: ProgressCallback = no_progress,
    sigma: float = 1.0,
) -> SwitchPaths:
    """Find the ways between the clusters of a network, in a plane.

    Args:
        plane: where they are seen; fitted to the states of the network if None.
        sigma: of each noise input.

    Raises:
        ValueError: the network diverges, or the plane is of a network of another size.
    """
    run = settled_runs(network, seed, RUNS, STEPS, sigma)
    on_progress(0.5)
    plane = fit_plane(run.h) if plane is None else plane
    check_plane(network, plane)
    return paths_of(plane.project(run.h)[..., :3], run.output, network.n_outputs, seed=seed)


def paths_of(
    points: Floats, output: NDArray[np.integer], n_outputs: int, bins: int = BINS, seed: int = 0
) -> SwitchPaths:
    """The same for points (B, T, 2 or 3) with outputs (B, T); cells are those of the first two coordinates."""
    columns = points.reshape(-1, points.shape[-1]).T[:2]
    edges = np.stack([np.linspace(column.min(), column.max(), bins + 1) for column in columns])
    cell = _cells(points, edges)
    core = _cores(cell, output, n_outputs, bins)
    steps = np.bincount((cell[:, :-1] * bins**2 + cell[:, 1:]).ravel(), minlength=bins**4).reshape(bins**2, -1)
    found = []
    for a, b in permutations(range(n_outputs), 2):
        switched = (output[:, :-1] == a) & (output[:, 1:] == b)
        if switched.sum() >= MIN_SWITCHES and (core == a).any() and (core == b).any():
            found.append(_path(a, b, points, cell, core, steps, switched, edges))
    counts = np.bincount(cell.ravel(), minlength=bins**2).reshape(bins, bins)
    return SwitchPaths(edges, counts, core.reshape(bins, bins), tuple(found), seed, _depth(points, cell, counts))


def _depth(points: Floats, cell: NDArray[np.int64], counts: NDArray[np.int64]) -> Floats | None:
    """(G, G) mean third coordinate of the points (B, T, 3) in each cell; None for points of two coordinates."""
    if points.shape[-1] < 3:
        return None
    total = np.bincount(cell.ravel(), weights=points[..., 2].ravel(), minlength=counts.size).reshape(counts.shape)
    return np.divide(total, counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def _cells(points: Floats, edges: Floats) -> NDArray[np.int64]:
    """(B, T) number of the cell of each point."""
    bins = edges.shape[1] - 1
    axes = [np.clip(np.searchsorted(edges[k], points[..., k], side="right") - 1, 0, bins - 1) for k in (0, 1)]
    return np.asarray(axes[0] * bins + axes[1])


def _cores(cell: NDArray[np.int64], output: NDArray[np.integer], n_outputs: int, bins: int) -> NDArray[np.int64]:
    """(G * G,) output whose core each cell belongs to; -1: none."""
    code = cell.ravel() * n_outputs + output.ravel()
    counts = np.bincount(code, minlength=bins**2 * n_outputs).reshape(bins**2, n_outputs)
    core = np.full(bins**2, -1)
    for a in range(n_outputs):
        own = counts[:, a]
        pure = own >= CORE_SHARE * np.maximum(counts.sum(axis=1), 1)
        order = np.argsort(-own * pure, kind="stable")
        before = np.cumsum(own[order]) - own[order]
        chosen = order[(before < CORE_MASS * own.sum()) & (own[order] > 0) & pure[order]]
        core[chosen] = a
    return core


def _path(
    a: int,
    b: int,
    points: Floats,
    cell: NDArray[np.int64],
    core: NDArray[np.int64],
    steps: NDArray[np.int64],
    switched: NDArray[np.bool_],
    edges: Floats,
) -> ExitPath:
    bins = edges.shape[1] - 1
    chance = steps / np.maximum(steps.sum(axis=1, keepdims=True), 1)
    way, log_probability = most_likely_way(chance, *(_densest(steps, core == one) for one in (a, b)))
    middle = (edges[:, 1:] + edges[:, :-1]) / 2
    offset = np.arange(-AROUND, AROUND + 1)
    mean, mean_se = _around(points, switched, offset)
    observed, observed_se, null = _observed(cell, core, a, b, bins)
    return ExitPath(
        exit=(a, b),
        switches=int(switched.sum()),
        way=np.stack([middle[0][way // bins], middle[1][way % bins]], axis=1),
        log_probability=log_probability,
        offset=offset,
        mean=mean,
        mean_se=mean_se,
        committor=solve_committor(chance, core == a, core == b).reshape(bins, bins),
        observed=observed,
        observed_se=observed_se,
        observed_null=null,
    )


def _densest(steps: NDArray[np.int64], where: NDArray[np.bool_]) -> int:
    return int(np.where(where, steps.sum(axis=1), -1).argmax())


def most_likely_way(chance: Floats, start: int, end: int) -> tuple[NDArray[np.int64], float]:
    """The cells of the most likely way from start to end, and its log-probability; staying costs nothing.

    Raises:
        ValueError: no way leads there.
    """
    moves = chance * ~np.eye(len(chance), dtype=bool)
    # Of the steps that leave a cell: how long a run stays there says nothing of the way. A sure step has a length too.
    left = moves.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        cost = np.maximum(-np.log(moves / np.where(left > 0, left, 1.0)), 1e-12)
    length, before = np.where(np.arange(len(cost)) == start, 0.0, np.inf), np.full(len(cost), -1)
    for _ in range(len(cost)):
        # Every way that is one cell longer.
        through = length[:, None] + cost
        found = through.min(axis=0)
        shorter = found < length
        if not shorter.any():
            break
        before[shorter], length[shorter] = through.argmin(axis=0)[shorter], found[shorter]
    if not np.isfinite(length[end]):
        raise ValueError(f"no way leads from cell {start} to cell {end}")
    way = [end]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return np.array(way[::-1]), -float(length[end])


def solve_committor(chance: Floats, start: NDArray[np.bool_], end: NDArray[np.bool_]) -> Floats:
    """Probability of reaching the end cells before the start cells, from each cell; NaN where it was never left."""
    known = start | end
    inner = np.flatnonzero(~known & (chance.sum(axis=1) > 0))
    q = np.where(end, 1.0, np.where(start, 0.0, np.nan))
    if len(inner):
        # A cell that leads to neither core would make the equations singular; it leads to the start as well as not.
        equations = np.eye(len(inner)) * (1 + 1e-12) - chance[np.ix_(inner, inner)]
        q[inner] = np.clip(np.linalg.solve(equations, chance[np.ix_(inner, end)].sum(axis=1)), 0.0, 1.0)
    return q


def level_line(values: Floats, x: Floats, y: Floats, level: float = 0.5) -> Floats:
    """(S, 2, 2) pieces of the line on which values (X, Y) on a grid cross a level; none beside NaN."""
    above = values - level
    pieces = []
    for i, j in np.argwhere(np.isfinite(values[:-1, :-1])):
        around = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
        height = [float(above[corner]) for corner in around]
        if not np.isfinite(height).all():
            continue
        crossed = []
        for k in range(4):
            (a, b), (h, g) = (around[k], around[(k + 1) % 4]), (height[k], height[(k + 1) % 4])
            if (h > 0) != (g > 0):
                share = h / (h - g)
                crossed.append([x[a[0]] + share * (x[b[0]] - x[a[0]]), y[a[1]] + share * (y[b[1]] - y[a[1]])])
        pieces += [crossed[k : k + 2] for k in range(0, len(crossed), 2)]
    return np.array(pieces).reshape(-1, 2, 2)


def _around(points: Floats, switched: NDArray[np.bool_], offset: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean point (F, C) around the first steps of switches, and its standard error over the switches."""
    runs, at = np.nonzero(switched)
    fits = (at + 1 + offset[0] >= 0) & (at + 1 + offset[-1] < points.shape[1])
    stretch = points[runs[fits, None], at[fits, None] + 1 + offset]
    return mean_and_error(stretch)


def _observed(
    cell: NDArray[np.int64], core: NDArray[np.int64], a: int, b: int, bins: int
) -> tuple[Floats, Floats, float]:
    """Share of the visits of each cell after which b's core comes before a's, its error, and that of all cells."""
    at = core[cell]
    ahead = np.full(at.shape, -1)
    following = np.full(len(at), -1)
    for t in range(at.shape[1] - 1, -1, -1):
        following = np.where(at[:, t] == a, 0, np.where(at[:, t] == b, 1, following))
        ahead[:, t] = following
    known = ahead >= 0
    runs = np.broadcast_to(np.arange(len(cell))[:, None], cell.shape)
    code = (runs * bins**2 + cell)[known]
    size = len(cell) * bins**2
    visits = np.bincount(code, minlength=size).reshape(len(cell), -1)
    went = np.bincount(code, weights=ahead[known], minlength=size).reshape(len(cell), -1)
    share, error = ratio_of_sums(went, visits)
    outside = ~np.isin(at, (a, b)) & known
    null = float(ahead[outside].mean()) if outside.any() else float("nan")
    return share.reshape(bins, bins), error.reshape(bins, bins), null
