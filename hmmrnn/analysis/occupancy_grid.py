"""Occupancy of the plane: how often each cell of a grid is visited, and which region it belongs to.

    share of a cell  = visited states in it / all visited states        region of a cell = the commonest label in it

Source: Torre et al. (2025), section 4 (plane of PC1 and PC2; cluster, kick zone, transition).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.analysis.orbit import Plane, fit_plane, run_for_plane, settled_states
from hmmrnn.analysis.regions import REGIONS, residency
from hmmrnn.analysis.state_survey import SAMPLED_STATES
from hmmrnn.model.network import Floats, Network, Result

CELLS = 48
# Of the extent, on each side of the outermost points.
MARGIN = 0.04


@dataclass(frozen=True, eq=False)
class OccupancyGrid(Result):
    """A plane in G x G cells: how often each is visited, and which region it is of."""

    # x, y: (2,) lowest and highest coordinate, in units of activity.
    x: Floats
    y: Floats
    share: NDArray[np.float32]  # (G, G) share of the visited states in each cell; rows along y, from low to high
    # (G, G) index in `REGIONS` of the commonest label in the cell; where it holds only visited states without a
    # label, of the nearest label; -1 elsewhere.
    region: NDArray[np.int8]
    states: int  # number of visited states


def build_occupancy_grid(visited: ArrayLike, points: ArrayLike, region: ArrayLike, cells: int = CELLS) -> OccupancyGrid:
    """Divide a plane into cells.

    Args:
        visited: (V, C) coordinates of visited states, of which the first two count; those that are not finite are
            left out.

    Raises:
        ValueError: a shape does not fit, a label is unknown, cells is below 1, or no visited state is finite.
    """
    seen, there = coordinates("visited", visited), coordinates("points", points)
    label = np.asarray(region)
    if label.shape != there.shape[:1]:
        raise ValueError(f"region must have shape ({len(there)},), one label for each point; got {label.shape}")
    unknown = sorted({str(name) for name in label} - set(REGIONS))
    if unknown:
        raise ValueError(f"region must hold labels of {', '.join(REGIONS)}; got {unknown[0]!r}")
    if cells < 1:
        raise ValueError(f"cells must be >= 1; got {cells}")
    finite = np.isfinite(there).all(axis=1)
    seen, there, label = seen[np.isfinite(seen).all(axis=1)], there[finite], label[finite]
    if not len(seen):
        raise ValueError("visited must hold at least one finite point; got none")
    low, high = extent(np.concatenate([seen, there]), MARGIN)
    counts = _counts(_position(seen, low, high, cells), cells)
    x, y = np.stack([low, high], axis=1)
    commonest = _commonest(_position(there, low, high, cells), label, counts > 0)
    return OccupancyGrid(x, y, (counts / len(seen)).astype(np.float32), commonest, states=len(seen))


def coordinates(name: str, given: ArrayLike) -> Floats:
    """(V, 2) the first two coordinates of points (..., C).

    Raises:
        ValueError: there are fewer than two coordinates.
    """
    points = np.asarray(given, dtype=np.float64)
    if points.ndim < 2 or points.shape[-1] < 2:
        raise ValueError(f"{name} must have two coordinates or more, as in (V, 2); got shape {points.shape}")
    return points.reshape(-1, points.shape[-1])[:, :2]


def extent(points: Floats, margin: float) -> tuple[Floats, Floats]:
    """(2,) lowest and (2,) highest coordinates of finite points; never the same."""
    low, high = points.min(axis=0), points.max(axis=0)
    flat = high <= low
    low, high = np.where(flat, low - 1.0, low), np.where(flat, high + 1.0, high)
    return low - margin * (high - low), high + margin * (high - low)


def _position(points: Floats, low: Floats, high: Floats, cells: int) -> Floats:
    """Coordinates in units of cells, from 0 to G."""
    return (points - low) / (high - low) * cells


def _counts(position: Floats, cells: int) -> NDArray[np.int64]:
    """(G, G) number of points in each cell; rows along y."""
    column, row = np.clip(position.astype(np.int64), 0, cells - 1).T
    return np.bincount(row * cells + column, minlength=cells * cells).reshape(cells, cells)


def _commonest(position: Floats, label: NDArray[np.str_], visited: NDArray[np.bool_]) -> NDArray[np.int8]:
    """(G, G) index in `REGIONS` of the label of each cell; -1 where there is none and none is needed."""
    cells = len(visited)
    counts = np.array([_counts(position[label == name], cells) for name in REGIONS])
    region = np.where(counts.any(axis=0), counts.argmax(axis=0), -1).astype(np.int8)
    if len(position):
        index = np.array([REGIONS.index(name) for name in label])
        # Cells are as far apart as they are drawn: both axes of the plane are shown equally long.
        for row, column in np.argwhere(visited & (region < 0)):
            apart = ((position - (column + 0.5, row + 0.5)) ** 2).sum(axis=1)
            region[row, column] = index[apart.argmin()]
    return region


@dataclass(frozen=True, eq=False)
class VisitedStates:
    """Where a network goes under noise of sigma = 1, in a plane of its own."""

    plane: Plane  # fitted to its states
    visited: Floats  # (V, C) coordinates of the states of its runs
    grid: OccupancyGrid | None  # None if it diverges so fast that no state could be labelled


def visit_states(network: Network, seed: int = 0) -> VisitedStates:
    """Run a network under noise of sigma = 1, fit its plane, and label some of the states.

    Raises:
        ValueError: the network has a single neuron or stays in one state, so there is no plane; or seed is negative.
    """
    if network.n_neurons < 2:
        raise ValueError("a plane takes at least 2 neurons; got a network of 1")
    states = settled_states(run_for_plane(network, seed))
    plane = fit_plane(states)
    visited = plane.project(states)
    some = np.random.default_rng(seed).permutation(len(states))[:SAMPLED_STATES]
    try:
        label = residency(network, states[some], seed=seed).region
    except FloatingPointError:
        return VisitedStates(plane, visited, None)
    return VisitedStates(plane, visited, build_occupancy_grid(visited, visited[some], label))
