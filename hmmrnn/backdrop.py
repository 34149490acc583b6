"""What lies behind the runs of a network in its plane? How often each place is visited, and which region it is of.

    share of a cell  = visited states in it / all visited states        region of a cell = the commonest label in it

Source: Torre et al. (2025), section 4 (plane of PC1 and PC2; cluster, kick zone, transition).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.landscape import SAMPLED_STATES
from hmmrnn.network import Floats, Network
from hmmrnn.regions import REGIONS, residency
from hmmrnn.simulation import simulate
from hmmrnn.statespace import Plane, fit_plane

# Runs, steps and first steps left out, as for the plane of the dashboard.
EXPLORED_RUNS, EXPLORED_STEPS, TRANSIENT = 16, 1000, 100
CELLS = 48
# Of the extent, on each side of the outermost points.
MARGIN = 0.04


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A plane in G x G cells: how often each is visited, and which region it is of.

    Attributes:
        x, y: (2,) lowest and highest coordinate, in units of activity.
        share: (G, G) share of the visited states in each cell; rows along y, from low to high.
        region: (G, G) index in `REGIONS` of the commonest label in the cell; where it holds only visited states without
            a label, of the nearest label; -1 elsewhere.
        states: number of visited states.
    """

    x: Floats
    y: Floats
    share: NDArray[np.float32]
    region: NDArray[np.int8]
    states: int


def backdrop(visited: ArrayLike, points: ArrayLike, region: ArrayLike, cells: int = CELLS) -> Backdrop:
    """Divide a plane into cells.

    Args:
        visited: (V, C) coordinates of visited states, of which the first two count; those that are not finite are
            left out.
        points: (S, C) coordinates of the states with a label, some of the visited ones or others.
        region: (S,) their labels, of `REGIONS`.
        cells: G, number of cells along each axis.

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
    arrays = {
        "x": np.array([low[0], high[0]]),
        "y": np.array([low[1], high[1]]),
        "share": (counts / len(seen)).astype(np.float32),
        "region": _commonest(_position(there, low, high, cells), label, counts > 0),
    }
    for array in arrays.values():
        array.setflags(write=False)
    return Backdrop(**arrays, states=len(seen))


def coordinates(name: str, given: ArrayLike) -> Floats:
    """(V, 2) the first two coordinates of points (..., C).

    Args:
        name: what the points are called in the sentence of a refusal.
        given: the points.

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
class Explored:
    """A network as it is looked at without further questions.

    Attributes:
        plane: of its states.
        visited: (V, C) coordinates of the states of its runs.
        backdrop: None if it diverges so fast that no state could be labelled.
    """

    plane: Plane
    visited: Floats
    backdrop: Backdrop | None


def explore(network: Network, seed: int = 0) -> Explored:
    """Run a network under noise of sigma = 1, fit its plane, and label some of the states.

    Args:
        network: the network, intact or intervened upon.
        seed: of the runs and of the realisations behind the labels.

    Raises:
        ValueError: the network has a single neuron or stays in one state, so there is no plane; or seed is negative.
    """
    if network.n_neurons < 2:
        raise ValueError("a plane takes at least 2 neurons; got a network of 1")
    run = simulate(network, EXPLORED_STEPS, EXPLORED_RUNS, seed=seed)
    settled = run.h[:, TRANSIENT:][run.valid[:, TRANSIENT:]]
    # A network that diverges before that has no other states than those of the transient.
    states = settled if len(settled) > 1 else run.h[run.valid]
    plane = fit_plane(states)
    visited = plane.project(states)
    some = np.random.default_rng(seed).permutation(len(states))[:SAMPLED_STATES]
    try:
        label = residency(network, states[some], seed=seed).region
    except FloatingPointError:
        return Explored(plane, visited, None)
    return Explored(plane, visited, backdrop(visited, visited[some], label))
