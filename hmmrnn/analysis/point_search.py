"""Search for fixed points that attract nothing: saddles and repellors, of any cell.

Piecewise-linear cells: within a region, in which the same neurons are active, h = f(W h + d) is linear, and its
solution is a fixed point if it lies in that region. Solved are all regions of a small network; else each region that
runs visit, and each that differs from one of these by one neuron. With A = I - S W of a region and M = A^-1, switching
neuron i by delta = +1 or -1 moves the solution to

    x' = x + M_i delta (d_i + w_i x) / (1 - delta w_i M_i)        M_i: column i of M, w_i: row i of W

so that all N neighbours cost one inverse and one product. From each region a walk goes on to the region in which its
solution lies, until that is the same one.

Smooth cells: the speed |F(h) - h|^2 / 2 is minimised by damped Gauss-Newton steps with the exact Jacobian, from the
origin, from visited states, from middles between two of them, and from the same states under noise.

Source: Sussillo & Barak (2013), for the speed; Sherman & Morrison (1950), for the neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.model.cells import CURRENT, step_jacobian
from hmmrnn.model.network import Floats, Network, rollout
from hmmrnn.model.simulation import simulate

Patterns = NDArray[np.bool_]

# Up to so many neurons, every region is solved.
SMALL = 10
VISITED_RUNS, VISITED_STEPS = 16, 300
# Products of all inverses; a network of 150 neurons has room for about 300 regions, with 150 neighbours each.
MAX_PRODUCTS = 3e9
FEWEST_REGIONS, WALK_STEPS = 32, 20
# A neuron this close to its kink, relative to the size of the point, may count as on either side.
ON_KINK = 1e-9
DESCENT_STEPS, DESCENT_STARTS, DESCENT_PRODUCTS = 120, 256, 6e10
FIRST_DAMPING, MOST_DAMPING = 1e-3, 1e8
# Further rounds of descents, from lines between the points found so far, which are told apart by so much of their size.
ROUNDS, ROUGHLY = 3, 1e-3
# A slow point moves at most this share of the median speed of the starts.
SLOW_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search has found."""

    points: Floats  # (P, n_state) fixed points, some of them twice
    slow: Floats  # (K, n_state) slow points
    words: str  # what was searched

    @classmethod
    def nothing(cls, network: Network) -> Searched:
        """Where nothing was searched."""
        return cls(np.empty((0, network.n_state)), np.empty((0, network.n_state)), "")


def search_points(network: Network, drive: Floats, starts: Floats, ends: Floats, tolerance: float) -> Searched:
    """Search for the fixed points of a network under a constant drive (D,).

    Args:
        starts: (S, n_state) visited states.
        ends: (E, n_state) fixed points that are known.
        tolerance: largest change of a neuron in one step from a fixed point, relative to its size.
    """
    if network.kind.piecewise_linear:
        return _in_regions(network, drive, starts, ends, tolerance)
    return _by_descent(network, drive, np.concatenate([starts, ends]), tolerance)


# ---- piecewise-linear cells ----


def _in_regions(network: Network, drive: Floats, starts: Floats, ends: Floats, tolerance: float) -> Searched:
    n = network.n_neurons
    d, nothing = drive[:n], Searched.nothing(network)
    if not d.any():
        words = "every region: without bias and input, the only fixed point off a line through the origin is the origin"
        return Searched(_confirmed(network, drive, np.zeros((1, n)), tolerance), nothing.slow, words)
    if not network.kind.rectified:
        regions, words = np.ones((1, n), dtype=bool), "the one region that a linear cell has"
    elif n <= SMALL:
        regions = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)
        words = f"all {len(regions):,} regions"
    else:
        visited = _visited_regions(network, d, starts, ends)
        most = max(FEWEST_REGIONS, int(MAX_PRODUCTS / (3 * n**3)))
        regions = visited[:most]
        which = "all" if len(visited) <= most else f"the {most:,} most visited of"
        words = f"{which} {len(visited):,} regions that runs visit, and all that differ from one of them by one neuron"
    rates = [point for region in regions for point in _around(network.W_hh, d, region, n > SMALL)]
    found = np.array(rates).reshape(-1, n)
    return Searched(_confirmed(network, drive, found, tolerance), nothing.slow, words)


def _visited_regions(network: Network, d: Floats, starts: Floats, ends: Floats) -> Patterns:
    """(P, N) active neurons at states that runs visit, those of the ends and the most frequent ones first."""
    run = simulate(network, VISITED_STEPS, VISITED_RUNS)
    n = network.n_neurons

    def pattern(states: Floats) -> Patterns:
        rates = np.maximum(states[:, :n], 0.0)
        return np.concatenate([states[:, :n] > 0, rates @ network.W_hh.T + d > 0])

    often = np.concatenate([pattern(run.state[run.valid]), pattern(starts)])
    patterns, counts = np.unique(often, axis=0, return_counts=True)
    ordered = np.concatenate([pattern(ends), patterns[np.argsort(-counts, kind="stable")]])
    _, first = np.unique(ordered, axis=0, return_index=True)
    return ordered[np.sort(first)]


def _around(W: Floats, d: Floats, region: Patterns, neighbours: bool) -> list[Floats]:
    """Solutions (N,) of h = max(W h + d, 0) in a region, its neighbours, and where the walk from it ends."""
    found, seen = [], set[bytes]()
    for step in range(WALK_STEPS if neighbours else 1):
        seen.add(region.tobytes())
        try:
            inverse = np.linalg.inv(np.eye(len(W)) - region[:, None] * W)
        except np.linalg.LinAlgError:
            break
        x = inverse @ (region * d)
        pre = W @ x + d
        if _lies_in(pre, region, x):
            found.append(x)
        if neighbours and not step:
            found.extend(_neighbouring(W, region, inverse, x, pre))
        region = pre > 0
        if region.tobytes() in seen:
            break
    return found


def _neighbouring(W: Floats, region: Patterns, inverse: Any, x: Floats, pre: Floats) -> list[Floats]:
    """Solutions (N,) in the regions that differ from one by one neuron, those that lie there."""
    delta, through = np.where(region, -1.0, 1.0), W @ inverse
    fixed = 1 - delta * np.diagonal(through)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gamma = delta * pre / fixed
        inside = pre[:, None] + through * gamma
        solutions = x[:, None] + inverse * gamma
        bound = ON_KINK * np.abs(solutions).max(axis=0)
        wanted = np.where(region, 1.0, -1.0)[:, None] * np.where(np.eye(len(W), dtype=bool), -1.0, 1.0)
        holds = (inside * wanted >= -bound).all(axis=0) & np.isfinite(bound)
    return list(solutions[:, holds].T)


def _lies_in(pre: Floats, region: Patterns, x: Floats) -> bool:
    return bool((pre * np.where(region, 1.0, -1.0) >= -ON_KINK * np.abs(x).max()).all())


def _confirmed(network: Network, drive: Floats, rates: Floats, tolerance: float) -> Floats:
    """(P, n_state) states whose rates are solutions (P, N) of h = f(W h + d), those that one step leaves as they are.

    The leak of a cell moves no fixed point; with the leak "current", the state is what enters f.
    """
    states = np.zeros((len(rates), network.n_state))
    n = network.n_neurons
    states[:, :n] = rates @ network.W_hh.T + drive[:n] if network.leak == CURRENT else rates
    states[:, network.n_state - network.n_skip :] = drive[network.n_drive - network.n_skip :]
    return states[_change(network, drive, states) <= tolerance * _size(states, drive)]


# ---- smooth cells ----


def _by_descent(network: Network, drive: Floats, starts: Floats, tolerance: float) -> Searched:
    rng = np.random.default_rng(0)
    spread = starts.std(axis=0)
    wider = starts + spread * rng.standard_normal(starts.shape)
    # A saddle often lies between what it parts.
    middle = (starts + rng.permutation(starts)) / 2
    room = max(8, int(DESCENT_PRODUCTS / (DESCENT_STEPS * 2 * network.n_state**3)))
    others = rng.permutation(np.concatenate([starts[1:], wider, middle]))
    every = np.concatenate([np.zeros((1, starts.shape[1])), starts[:1], others])
    tried = every[: min(DESCENT_STARTS, room)]
    visited = np.concatenate([starts, wider])
    typical = float(np.median(np.linalg.norm(_next(network, drive, visited) - visited, axis=1)))
    ends = _descend(network, drive, tried, tolerance)
    for _ in range(ROUNDS):
        # Saddles lie between points that are known, and other points beyond them.
        known = _apart(ends[_is_fixed(network, drive, ends, tolerance)])
        if len(known) < 2:
            break
        one, other = rng.integers(len(known), size=(2, min(DESCENT_STARTS, room)))
        share = rng.uniform(-0.5, 1.5, size=(len(one), 1))
        again = known[one] + share * (known[other] - known[one])
        ends = np.concatenate([ends, _descend(network, drive, again, tolerance)])
    fixed = _is_fixed(network, drive, ends, tolerance)
    speed = np.linalg.norm(_next(network, drive, ends) - ends, axis=1)
    slow = ~fixed & (speed <= SLOW_SHARE * typical) & (_gradient(network, drive, ends) <= 1e-6 * speed)
    where = "the origin, visited states, their middles, the same with noise, and lines between points that are found"
    return Searched(ends[fixed], ends[slow], f"descent on the speed from {len(ends):,} starts: {where}")


def _is_fixed(network: Network, drive: Floats, states: Floats, tolerance: float) -> NDArray[np.bool_]:
    return _change(network, drive, states) <= tolerance * _size(states, drive)


def _apart(points: Floats) -> Floats:
    """Points that differ in their first digits."""
    grid = np.round(points / (ROUGHLY * max(1e-300, float(np.abs(points).max(initial=0.0)))))
    _, first = np.unique(grid, axis=0, return_index=True)
    return points[first]


def _descend(network: Network, drive: Floats, x: Floats, tolerance: float) -> Floats:
    """Minimise the speed from each start (B, S) by Levenberg-Marquardt steps; returns where they end."""
    x, damping = x.copy(), np.full(len(x), FIRST_DAMPING)
    moving = np.arange(len(x))
    identity = np.eye(x.shape[1])
    for _ in range(DESCENT_STEPS):
        at = x[moving]
        off = _next(network, drive, at) - at
        A = step_jacobian(network, at, drive) - identity
        transposed = A.swapaxes(1, 2)
        normal = transposed @ A + damping[moving, None, None] * identity
        step = -np.linalg.solve(normal, transposed @ off[:, :, None])[:, :, 0]
        then = _next(network, drive, at + step) - (at + step)
        better = (then**2).sum(axis=1) < (off**2).sum(axis=1)
        x[moving[better]] += step[better]
        damping[moving] = np.clip(np.where(better, damping[moving] / 5, damping[moving] * 4), 1e-14, MOST_DAMPING)
        left = np.where(better, np.abs(then).max(axis=1), np.abs(off).max(axis=1))
        moving = moving[(left > 1e-3 * tolerance * _size(at, drive)) & (damping[moving] < MOST_DAMPING)]
        if not len(moving):
            break
    return x


def _gradient(network: Network, drive: Floats, x: Floats) -> Floats:
    """(B,) length of the gradient of the speed, |F(x) - x|."""
    if not len(x):
        return np.empty(0)
    off = _next(network, drive, x) - x
    A = step_jacobian(network, x, drive) - np.eye(x.shape[1])
    gradient = np.linalg.norm(np.einsum("bij,bi->bj", A, off), axis=1)
    return gradient / np.maximum(np.linalg.norm(off, axis=1), np.finfo(float).tiny)


# ---- both ----


def _next(network: Network, drive: Floats, states: Floats) -> Floats:
    return rollout(network, np.broadcast_to(drive, (len(states), 1, len(drive))), states).state[:, 0]


def _change(network: Network, drive: Floats, states: Floats) -> Floats:
    """(B,) largest change of a number of the state in one step."""
    if not len(states):
        return np.empty(0)
    return np.abs(_next(network, drive, states) - states).max(axis=1)


def _size(states: Floats, drive: Floats) -> Floats:
    return np.maximum(np.abs(states).max(axis=1, initial=0.0), np.abs(drive).max(initial=0.0))
