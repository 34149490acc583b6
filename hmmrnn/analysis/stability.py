"""Fixed points of a network without noise, and the eigenvalues of its Jacobian at any state.

    h* = max(W_hh h* + b_h, 0)        J(h) = diag(W_hh h + b_h > 0) W_hh

J is exact away from the kinks of the ReLU. An intervened network is a `Network`, so its J is the Jacobian of the
intervened dynamics. The Moebius map m = (lambda - 1) / (lambda + 1) turns the unit circle into the imaginary
axis: |lambda| > 1 becomes Re m > 0, and a slow rotation lies just above 0 on that axis.

Source: Torre et al. (2025), section 4 (local stability) and section 5 (critical pairs under a gain).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.analysis.regions import checked_states
from hmmrnn.model.network import Floats, Network, Result, rollout
from hmmrnn.model.simulation import DIVERGENCE_RATIO, simulate

Complexes = NDArray[np.complex128]

CONVERGED = "converged"
DIVERGED = "diverged"
CYCLE = "cycle"
UNSETTLED = "unsettled"

MAX_PERIOD = 64
# A segment has to hold the longest cycle that is looked for.
SEGMENT_STEPS = MAX_PERIOD
# Starts that are run at once: a segment of all starts of a long simulation would take gigabytes.
BLOCK_STARTS = 256

# Distance, relative to the largest start, below which two ends are one fixed point.
SAME_POINT = 1e-5
# Where the search starts unless it is given starts: states that noise leads to.
START_RUNS, START_STEPS, START_TRANSIENT, START_EVERY = 16, 300, 100, 30

CRITICAL_MAX_REAL = 0.1
CRITICAL_MIN_IMAGINARY = 0.06


@dataclass(frozen=True, eq=False)
class FixedPoints(Result):
    """Where each of S starts ends without noise, and the F fixed points among these ends."""

    h: Floats  # (S, N) activity at the end; the first state out of bounds where it diverged
    outcome: NDArray[np.str_]  # (S,) "converged", "diverged", "cycle" or "unsettled"
    steps: NDArray[np.int64]  # (S,) step at which the outcome was seen; `max_steps` where it was not
    period: NDArray[np.int64]  # (S,) length of the cycle in steps; 0 where there is none
    residual: Floats  # (S,) largest change of a neuron in one more step, in units of activity; infinite if it overflows
    scale: Floats  # (S,) size of the start, which the tolerances are relative to: the largest of |h0| and |b_h|
    # (F, N) activity at each fixed point, the one that most starts converge to first. Ends that differ by less than
    # 1e-5 of the largest scale along every neuron are one point.
    points: Floats
    counts: NDArray[np.int64]  # (F,) number of starts that converge to each
    eigenvalues: Complexes  # (F, N) of the Jacobian at each, by falling magnitude; at a kink those of the silent side
    stable: NDArray[np.bool_]  # (F,) whether all of them are below 1 in magnitude


@dataclass(frozen=True, eq=False)
class Spectra(Result):
    """Eigenvalues of the noise-free Jacobian at each of S states."""

    eigenvalues: Complexes  # (S, N) complex, by falling magnitude, the upper one of a pair first; 0 for silent neurons
    unstable: NDArray[np.int64]  # (S,) number with magnitude above 1
    # (S,) number of complex pairs, each counted once, close to the unit circle and off the real axis: |Re m| < 0.1
    # and Im m > 0.06 for the Moebius image m.
    critical_pairs: NDArray[np.int64]


def fixed_points(
    network: Network,
    input: ArrayLike | None = None,
    h0: ArrayLike | None = None,
    max_steps: int = 2000,
    tolerance: float = 1e-9,
) -> FixedPoints:
    """Run a network without noise and report, per start, whether it converges, diverges, cycles or none of them.

    Sizes are relative to the start (`FixedPoints.scale`), so that without biases a scaled start has the same outcome.

    - converged: no neuron changes by more than `tolerance` times the scale in one step. A decay too slow for
      that within `max_steps` counts as well where the end can be computed: the same neurons were active
      throughout the last segment, their linear map contracts, and its fixed point, then reported as h, is one of the
      whole network and has been approached.
    - diverged: a value above 1e6 times the scale, as in `simulate`.
    - cycle: a state comes back after 2 to 64 steps, to within `tolerance` times the steps of that cycle.
    - unsettled: none of these within `max_steps`; the residual says how far from rest it is.

    Only points that attract some start, or that a start lies on, are found.

    Args:
        input: (M,) input that is the same at every step; zero if None.
        h0: (S, N) activity to start from. If None: the origin and 112 states that the network visits under noise of
            sigma = 1 and seed 0, every 30 steps of 16 runs after their first 100 steps.

    Raises:
        ValueError: input or h0 has another shape or is not finite, max_steps is below 1, or tolerance is not above 0.
    """
    start = _visited(network) if h0 is None else checked_states(network, h0, "h0")
    if max_steps < 1:
        raise ValueError(f"max_steps must be >= 1; got {max_steps}")
    if not tolerance > 0:
        raise ValueError(f"tolerance must be > 0; got {tolerance:g}")
    driven = network if input is None else _driven(network, input)
    scale = np.maximum(np.abs(start).max(axis=1), np.abs(driven.b_h).max())
    h, outcome = start.copy(), np.full(len(start), UNSETTLED)
    steps, period = np.full(len(start), max_steps), np.zeros(len(start), dtype=np.int64)
    for first in range(0, len(start), BLOCK_STARTS):
        block = slice(first, first + BLOCK_STARTS)
        ends = _settle(driven, start[block], scale[block], max_steps, tolerance)
        h[block], outcome[block], steps[block], period[block] = ends
    points, counts = _distinct(h[outcome == CONVERGED], SAME_POINT * scale.max(initial=0.0))
    eigenvalues = spectra(driven, points).eigenvalues
    stable = np.all(np.abs(eigenvalues) < 1, axis=1)
    return FixedPoints(h, outcome, steps, period, _residual(driven, h), scale, points, counts, eigenvalues, stable)


def _visited(network: Network) -> Floats:
    run = simulate(network, START_STEPS, START_RUNS)
    sampled = np.s_[:, START_TRANSIENT::START_EVERY]
    return np.concatenate([np.zeros((1, network.n_neurons)), run.h[sampled][run.valid[sampled]]])


def _driven(network: Network, input: ArrayLike) -> Network:
    """A network without input that steps as this one does under a constant input (M,)."""
    values = np.asarray(input, dtype=np.float64)
    if values.shape != (network.n_inputs,) or not np.isfinite(values).all():
        raise ValueError(f"input must be finite and have shape ({network.n_inputs},); got shape {values.shape}")
    return replace(network, b_h=network.b_h + network.W_ih @ values)


def _distinct(ends: Floats, tolerance: float) -> tuple[Floats, NDArray[np.int64]]:
    """Merge ends (S, N) that are closer than the tolerance along every neuron: points (F, N) and starts of each."""
    points, counts, n = [], [], ends.shape[1]
    while len(ends):
        near = np.abs(ends - ends[0]).max(axis=1) <= tolerance
        points.append(ends[0])
        counts.append(np.count_nonzero(near))
        ends = ends[~near]
    order = np.argsort(-np.array(counts, dtype=np.int64), kind="stable")
    return np.array(points).reshape(-1, n)[order], np.array(counts, dtype=np.int64)[order]


def jacobian(network: Network, h: ArrayLike) -> Floats:
    """Exact Jacobian (..., N, N), (to, from), of one noise-free step at states (..., N); at a kink, of the silent side.

    Raises:
        ValueError: h has another shape or is not finite.
    """
    n = network.n_neurons
    states = np.asarray(h, dtype=np.float64)
    if states.ndim < 1 or states.shape[-1] != n:
        raise ValueError(f"h must have shape (..., {n}); got {states.shape}")
    active = _active(network, checked_states(network, states.reshape(-1, n), "h"))
    return np.where(active[:, :, None], network.W_hh, 0.0).reshape(*states.shape, n)


def spectra(network: Network, states: ArrayLike) -> Spectra:
    """Eigenvalues of the noise-free Jacobian at each state (S, N), and how many of them are unstable or critical.

    Raises:
        ValueError: states has another shape or is not finite.

    Source: Torre et al. (2025), sections 4 and 5.
    """
    active = _active(network, checked_states(network, states))
    # Only the set of active neurons matters, and many states share one.
    patterns, pattern_of_state = np.unique(active, axis=0, return_inverse=True)
    found = np.zeros(patterns.shape, dtype=np.complex128)
    for row, pattern in zip(found, patterns, strict=True):
        # Rows of silent neurons are 0, so the other eigenvalues are those of the active block.
        values = np.linalg.eigvals(network.W_hh[np.ix_(pattern, pattern)])
        row[: len(values)] = values[np.argsort(-np.abs(values), kind="stable")]
    eigenvalues = found[pattern_of_state.reshape(-1)]
    image = moebius(eigenvalues)
    # Only the upper one of a pair has Im m > 0, so each pair counts once.
    critical = (np.abs(image.real) < CRITICAL_MAX_REAL) & (image.imag > CRITICAL_MIN_IMAGINARY)
    return Spectra(eigenvalues, (np.abs(eigenvalues) > 1).sum(axis=1), critical.sum(axis=1))


def moebius(eigenvalues: Complexes) -> Complexes:
    """Map eigenvalues lambda to (lambda - 1) / (lambda + 1), the unit circle to the imaginary axis; -1 to infinity."""
    values = np.asarray(eigenvalues, dtype=np.complex128)
    return np.divide(values - 1, values + 1, out=np.full_like(values, np.inf), where=values != -1)


class _Ends(NamedTuple):
    """Where each start is at its outcome (S, N), the outcome, its step and the period of a cycle, (S,) each."""

    h: Floats
    outcome: NDArray[np.str_]
    steps: NDArray[np.int64]
    period: NDArray[np.int64]


def _settle(network: Network, start: Floats, scale: Floats, max_steps: int, tolerance: float) -> _Ends:
    """Run the starts (S, N) until each has an outcome."""
    ends = _Ends(start.copy(), np.full(len(start), UNSETTLED), *np.zeros((2, len(start)), dtype=np.int64))
    rows, path = np.arange(len(start)), start[:, None]
    for done in range(0, max_steps, SEGMENT_STEPS):
        path = _without_noise(network, path[:, -1], min(SEGMENT_STEPS, max_steps - done))
        seen = _judge(path, scale[rows], tolerance)
        for whole, part in zip(ends, seen, strict=True):
            whole[rows] = part
        ends.steps[rows] += done
        running = seen.outcome == UNSETTLED
        rows, path = rows[running], path[running]
        if not len(rows):
            break
    for row, last in zip(rows, path, strict=True):
        limit = _limit(network, last, tolerance * scale[row])
        if limit is not None:
            ends.h[row], ends.outcome[row] = limit, CONVERGED
    return ends


def _judge(path: Floats, scale: Floats, tolerance: float) -> _Ends:
    """Look for the outcome in a path (S, T + 1, N) that begins with the state before the segment."""
    last = path.shape[1] - 1
    with np.errstate(invalid="ignore", over="ignore"):
        change = np.abs(np.diff(path, axis=1)).max(axis=-1)
    settled = _first(change <= tolerance * scale[:, None])
    # NaN compares as False, so it lands outside with the infinities.
    outside = _first(~(path[:, 1:].max(axis=-1) <= DIVERGENCE_RATIO * scale[:, None]))
    period = np.where(np.minimum(settled, outside) > last, _period(path, change, tolerance), 0)
    outcome = np.select(
        [settled < outside, outside <= last, period > 0], [CONVERGED, DIVERGED, CYCLE], default=UNSETTLED
    )
    step = np.minimum(np.minimum(settled, outside), last)
    return _Ends(path[np.arange(len(path)), step], outcome, step, period)


def _first(condition: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Step, from 1, at which each row (S, T) is first True; T + 1 where it never is."""
    return np.where(condition.any(axis=1), condition.argmax(axis=1) + 1, condition.shape[1] + 1)


def _period(path: Floats, change: Floats, tolerance: float) -> NDArray[np.int64]:
    """(S,) smallest number of steps, from 2, after which the last state of each path was met before; 0 if none."""
    longest = min(MAX_PERIOD, path.shape[1] - 1)
    if longest < 2:
        return np.zeros(len(path), dtype=np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(path[:, -3 : -longest - 2 : -1] - path[:, -1:]).max(axis=-1)
    # Against the steps of the cycle, not the start: a slow spiral into a point also comes back close to itself.
    amplitude = np.maximum.accumulate(change[:, ::-1], axis=1)[:, 1:longest]
    back = _first(gap <= tolerance * amplitude)
    return np.where(back < longest, back + 1, 0)


def _limit(network: Network, path: Floats, tolerance: float) -> Floats | None:
    """The fixed point (N,) that a path (T + 1, N) is approaching within one linear piece of the network, if any."""
    active = path[-1] > 0
    if ((path[1:] > 0) != active).any():
        return None
    W = network.W_hh[np.ix_(active, active)]
    if np.abs(np.linalg.eigvals(W)).max(initial=0.0) >= 1:
        return None
    point = np.zeros(network.n_neurons)
    point[active] = np.linalg.solve(np.eye(len(W)) - W, network.b_h[active])
    distance = np.linalg.norm(path[[0, -1]] - point, axis=1)
    approached = distance[1] < distance[0] and _residual(network, point[None])[0] <= tolerance
    return point if approached else None


def _residual(network: Network, h: Floats) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        change = np.abs(np.diff(_without_noise(network, h, 1), axis=1)).max(axis=(1, 2))
    return np.where(np.isfinite(change), change, np.inf)


def _active(network: Network, states: Floats) -> NDArray[np.bool_]:
    """(S, N) neurons that one noise-free step from the states (S, N) leaves above zero."""
    return _without_noise(network, states, 1)[:, 1] > 0


def _without_noise(network: Network, h: Floats, steps: int) -> Floats:
    """Path (S, steps + 1, N) without noise, the start included."""
    drive = np.broadcast_to(network.b_h, (len(h), steps, network.n_neurons))
    return np.concatenate([h[:, None], rollout(network, drive, h).h], axis=1)
