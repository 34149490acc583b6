"""Fixed points of a network under a constant input, and the eigenvalues of its Jacobian at any state.

    h* = F(h*)        J(h) = dF/dh; for ReLU: F(h) = max(W_hh h + b_h, 0), J(h) = diag(W_hh h + b_h > 0) W_hh

J is exact away from the kinks of the ReLU. An intervened network is a `Network`, so its J is the Jacobian of the
intervened dynamics. The Moebius map m = (lambda - 1) / (lambda + 1) turns the unit circle into the imaginary
axis: |lambda| > 1 becomes Re m > 0, and a slow rotation lies just above 0 on that axis.

Source: Torre et al. (2025), section 4 (local stability) and section 5 (critical pairs under a gain).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.analysis.point_search import Searched, search_points
from hmmrnn.analysis.regions import checked_states
from hmmrnn.model.cells import step_jacobian
from hmmrnn.model.network import Floats, Network, Result, few_threads, rollout
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

# Random pushes from a point at a kink, their size relative to the point, and the steps they are followed for.
PUSHES, PUSH_SIZE, PUSH_STEPS = 16, 1e-4, 300
# A neuron whose input is this close to zero, relative to the point, is at its kink. A push that is so small a share of
# what it was has died out: a point is known to about 1e-9 of its size.
ON_KINK, DIED_OUT = 1e-9, 1e-3

CRITICAL_MAX_REAL = 0.1
CRITICAL_MIN_IMAGINARY = 0.06


@dataclass(frozen=True, eq=False)
class FixedPoints(Result):
    """Where each of S starts ends under a constant input, and the F fixed points that were found."""

    h: Floats  # (S, N) activity at the end; the first state out of bounds where it diverged
    outcome: NDArray[np.str_]  # (S,) "converged", "diverged", "cycle" or "unsettled"
    steps: NDArray[np.int64]  # (S,) step at which the outcome was seen; `max_steps` where it was not
    period: NDArray[np.int64]  # (S,) length of the cycle in steps; 0 where there is none
    residual: Floats  # (S,) largest change of a neuron in one more step, in units of activity; infinite if it overflows
    scale: Floats  # (S,) size of the start, which the tolerances are relative to: the largest of |h0| and |b_h|
    # (F, N) activity at each fixed point, the one that most starts converge to first. Points that differ by less than
    # 1e-5 of the largest scale along every neuron are one point.
    points: Floats
    counts: NDArray[np.int64]  # (F,) number of starts that converge to each; 0 for saddles, which the search found
    eigenvalues: Complexes  # (F, N) of the Jacobian at each, by falling magnitude; at a kink those of the silent side
    # (F,) whether all of them are below 1 in magnitude and, at a kink, where no Jacobian says it, small pushes die out.
    stable: NDArray[np.bool_]
    searched: str = ""  # what was searched beside the starts, in words; empty if nothing was
    # (K, N) and (K,): slow points of a smooth cell, where the speed |F(h) - h| has a local minimum that is not zero and
    # is below a tenth of the median speed of the starts; and that speed, in units of activity per step.
    slow_points: Floats = field(default_factory=lambda: np.empty((0, 0)))
    slow_speeds: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def saddles(self) -> NDArray[np.bool_]:
        """(F,) whether some eigenvalues are below 1 in magnitude and others above."""
        size = np.abs(self.eigenvalues)
        return np.asarray((size > 1).any(axis=1) & (size < 1).any(axis=1))


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
    search: bool | None = None,
) -> FixedPoints:
    """Find the fixed points of a network under a constant input: where runs end, and those that attract none.

    Runs without noise report, per start, whether it converges, diverges, cycles or none of them. A search then looks
    for saddles and repellors as well (point_search.py): for a piecewise-linear cell by solving the linear map of each
    region that is visited and of its neighbours, for others by minimising the speed from many starts.

    Sizes are relative to the start (`FixedPoints.scale`), so that without biases a scaled start has the same outcome.

    - converged: no neuron changes by more than `tolerance` times the scale in one step. A decay too slow for
      that within `max_steps` counts as well where the end can be computed: the same neurons were active
      throughout the last segment, their linear map contracts, and its fixed point, then reported as h, is one of the
      whole network and has been approached.
    - diverged: a value above 1e6 times the scale, as in `simulate`.
    - cycle: a state comes back after 2 to 64 steps, to within `tolerance` times the steps of that cycle.
    - unsettled: none of these within `max_steps`; the residual says how far from rest it is.

    Args:
        input: (M,) input that is the same at every step; zero if None.
        search: whether points that attract no start are sought too; if None, unless h0 is given.
        h0: (S, N) states to start from. If None: the origin and 112 states that the network visits under noise of
            sigma = 1 and seed 0, every 30 steps of 16 runs after their first 100 steps.

    Raises:
        ValueError: input or h0 has another shape or is not finite, max_steps is below 1, or tolerance is not above 0.
    """
    start = _visited(network) if h0 is None else checked_states(network, h0, "h0")
    if max_steps < 1:
        raise ValueError(f"max_steps must be >= 1; got {max_steps}")
    if not tolerance > 0:
        raise ValueError(f"tolerance must be > 0; got {tolerance:g}")
    drive = network.drive_bias if input is None else _drive_of(network, input)
    scale = np.maximum(np.abs(start).max(axis=1), np.abs(drive).max())
    h, outcome = start.copy(), np.full(len(start), UNSETTLED)
    steps, period = np.full(len(start), max_steps), np.zeros(len(start), dtype=np.int64)
    for first in range(0, len(start), BLOCK_STARTS):
        block = slice(first, first + BLOCK_STARTS)
        ends = _settle(network, drive, start[block], scale[block], max_steps, tolerance)
        h[block], outcome[block], steps[block], period[block] = ends
    same = SAME_POINT * scale.max(initial=0.0)
    settled, found = h[outcome == CONVERGED], Searched.nothing(network)
    if search or (search is None and h0 is None):
        with few_threads(network):
            found = search_points(network, drive, start, settled, tolerance)
    points, counts = _distinct(np.concatenate([settled, found.points]), len(settled), same)
    eigenvalues = _spectra(network, points, drive).eigenvalues
    stable = np.all(np.abs(eigenvalues) < 1, axis=1) & holds_at_kinks(network, points, drive)
    return FixedPoints(
        *(h, outcome, steps, period, _residual(network, drive, h), scale, points, counts, eigenvalues, stable),
        **_slow(network, drive, found, same),
    )


def holds_at_kinks(network: Network, points: Floats, drive: Floats | None = None) -> NDArray[np.bool_]:
    """(F,) whether small random pushes from each fixed point (F, S) die out; True without trial away from kinks.

    At a kink the map differs from one side to the other, and the eigenvalues of the silent side say nothing of the
    rest: the origin of a ReLU network without biases has eigenvalues 0 even where activity grows from it.

    Args:
        drive: (D,) that enters at each step; without input if None.
    """
    held = np.ones(len(points), dtype=bool)
    if not network.kind.rectified:
        return held
    drive = network.drive_bias if drive is None else drive
    rng = np.random.default_rng(0)
    for at, point in enumerate(points):
        every = np.broadcast_to(drive, (1, 1, len(drive)))
        scale = float(max(np.abs(point).max(), np.abs(drive).max())) or 1.0
        close = np.abs(rollout(network, every, point[None]).pre_activation[0, 0]) <= ON_KINK * scale
        if close.any():
            pushed = point + PUSH_SIZE * scale * rng.standard_normal((PUSHES, len(point)))
            path = _without_noise(network, drive, pushed, PUSH_STEPS)
            with np.errstate(over="ignore", invalid="ignore"):
                apart = np.linalg.norm(path - point, axis=2).max(axis=0)
            # A push may grow for a while before it dies out. NaN compares as False, so it counts as leaving.
            middle, end = apart[PUSH_STEPS // 2], apart[-1]
            held[at] = end < (1 - ON_KINK) * middle or end <= DIED_OUT * PUSH_SIZE * scale
    return held


def ends_without_noise(network: Network, h0: Floats, max_steps: int, tolerance: float = 1e-9) -> Floats:
    """(F, S) the distinct states in which runs without noise or input from (B, S) come to rest within so many steps.

    Of a large network, what `fixed_points` does beside running it takes minutes.
    """
    drive = network.drive_bias
    scale = np.maximum(np.abs(h0).max(axis=1), np.abs(drive).max())
    path = _without_noise(network, drive, h0, max_steps)
    seen = _judge(path, scale, tolerance)
    return _distinct(seen.h[seen.outcome == CONVERGED], 0, SAME_POINT * scale.max(initial=0.0))[0]


def _slow(network: Network, drive: Floats, found: Searched, same: float) -> dict[str, Any]:
    """What a search adds to `FixedPoints` by itself."""
    if not found.words:
        return {}
    slow, _ = _distinct(found.slow, 0, same)
    return {"searched": found.words, "slow_points": slow, "slow_speeds": _speed(network, drive, slow)}


def _visited(network: Network) -> Floats:
    run = simulate(network, START_STEPS, START_RUNS)
    sampled = np.s_[:, START_TRANSIENT::START_EVERY]
    return np.concatenate([np.zeros((1, network.n_state)), run.state[sampled][run.valid[sampled]]])


def _drive_of(network: Network, input: ArrayLike) -> Floats:
    """(D,) the drive of a constant input (M,)."""
    values = np.asarray(input, dtype=np.float64)
    if values.shape != (network.n_inputs,):
        raise ValueError(f"input must have shape ({network.n_inputs},); got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("input must be finite; got NaN or infinite values")
    return network.drive(values)


def _distinct(ends: Floats, starts: int, tolerance: float) -> tuple[Floats, NDArray[np.int64]]:
    """Merge ends (S, N) that are closer than the tolerance along every neuron.

    Returns:
        points (F, N), and how many of the first `starts` ends each stands for.
    """
    points, counts, n = [], [], ends.shape[1]
    begun = np.arange(len(ends)) < starts
    while len(ends):
        near = np.abs(ends - ends[0]).max(axis=1) <= tolerance
        points.append(ends[0])
        counts.append(np.count_nonzero(near & begun))
        ends, begun = ends[~near], begun[~near]
    order = np.argsort(-np.array(counts, dtype=np.int64), kind="stable")
    return np.array(points).reshape(-1, n)[order], np.array(counts, dtype=np.int64)[order]


def jacobian(network: Network, h: ArrayLike, input: ArrayLike | None = None) -> Floats:
    """Exact Jacobian (..., N, N), (to, from), of one noise-free step at states (..., N); at a kink, of the silent side.

    Of a network with memory, the states and so the Jacobian have `Network.n_state` sizes instead of N.

    Args:
        input: (M,) constant input; zero if None.

    Raises:
        ValueError: h or input has another shape or is not finite.
    """
    n = network.n_state
    states = np.asarray(h, dtype=np.float64)
    if states.ndim < 1 or states.shape[-1] != n:
        raise ValueError(f"h must have shape (..., {n}); got {states.shape}")
    drive = network.drive_bias if input is None else _drive_of(network, input)
    flat = checked_states(network, states.reshape(-1, n), "h")
    return step_jacobian(network, flat, drive).reshape(*states.shape, n)


def spectra(network: Network, states: ArrayLike) -> Spectra:
    """Eigenvalues of the noise-free Jacobian at each state (S, N), and how many of them are unstable or critical.

    Raises:
        ValueError: states has another shape or is not finite.

    Source: Torre et al. (2025), sections 4 and 5.
    """
    return _spectra(network, checked_states(network, states), network.drive_bias)


def _spectra(network: Network, states: Floats, drive: Floats) -> Spectra:
    eigenvalues = _of_patterns(network, states, drive) if network.is_plain_relu else _of_states(network, states, drive)
    image = moebius(eigenvalues)
    # Only the upper one of a pair has Im m > 0, so each pair counts once.
    critical = (np.abs(image.real) < CRITICAL_MAX_REAL) & (image.imag > CRITICAL_MIN_IMAGINARY)
    return Spectra(eigenvalues, (np.abs(eigenvalues) > 1).sum(axis=1), critical.sum(axis=1))


def _of_patterns(network: Network, states: Floats, drive: Floats) -> Complexes:
    """Eigenvalues (S, N) of a plain ReLU network, where only the set of active neurons matters."""
    active = _after(network, drive, states) > 0
    # Many states share a pattern.
    patterns, pattern_of_state = np.unique(active, axis=0, return_inverse=True)
    found = np.zeros(patterns.shape, dtype=np.complex128)
    for row, pattern in zip(found, patterns, strict=True):
        # Rows of silent neurons are 0, so the other eigenvalues are those of the active block.
        values = np.linalg.eigvals(network.W_hh[np.ix_(pattern, pattern)])
        row[: len(values)] = values[np.argsort(-np.abs(values), kind="stable")]
    return found[pattern_of_state.reshape(-1)]


def _of_states(network: Network, states: Floats, drive: Floats) -> Complexes:
    """Eigenvalues (S, n_state) of any network, one Jacobian after the other."""
    found = np.zeros(states.shape, dtype=np.complex128)
    for row, state in zip(found, states, strict=True):
        values = np.linalg.eigvals(step_jacobian(network, state[None], drive)[0])
        # The upper one of a pair comes first, as eigvals gives it.
        row[:] = values[np.argsort(-np.abs(values), kind="stable")]
    return found


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


def _settle(network: Network, drive: Floats, start: Floats, scale: Floats, max_steps: int, tolerance: float) -> _Ends:
    """Run the starts (S, N) until each has an outcome."""
    ends = _Ends(start.copy(), np.full(len(start), UNSETTLED), *np.zeros((2, len(start)), dtype=np.int64))
    rows, path = np.arange(len(start)), start[:, None]
    for done in range(0, max_steps, SEGMENT_STEPS):
        path = _without_noise(network, drive, path[:, -1], min(SEGMENT_STEPS, max_steps - done))
        seen = _judge(path, scale[rows], tolerance)
        for whole, part in zip(ends, seen, strict=True):
            whole[rows] = part
        ends.steps[rows] += done
        running = seen.outcome == UNSETTLED
        rows, path = rows[running], path[running]
        if not len(rows):
            break
    for row, last in zip(rows, path, strict=True):
        limit = _limit(network, drive, last, tolerance * scale[row])
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
    outside = _first(~(np.abs(path[:, 1:]).max(axis=-1) <= DIVERGENCE_RATIO * scale[:, None]))
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


def _limit(network: Network, drive: Floats, path: Floats, tolerance: float) -> Floats | None:
    """The fixed point (N,) that a path (T + 1, N) is approaching within one linear piece of the network, if any."""
    if not network.kind.piecewise_linear:
        return None
    if network.is_plain_relu:
        active = path[-1] > 0
        if ((path[1:] > 0) != active).any():
            return None
        # The piece is F(h) = W h + rest.
        W, rest = network.W_hh[np.ix_(active, active)], drive[active]
    elif (step_jacobian(network, path[1:-1], drive) != step_jacobian(network, path[-1:], drive)).any():
        return None
    else:
        W = step_jacobian(network, path[-1:], drive)[0]
        active, rest = np.ones(len(W), dtype=bool), _after(network, drive, path[-1:])[0] - W @ path[-1]
    if np.abs(np.linalg.eigvals(W)).max(initial=0.0) >= 1:
        return None
    point = np.zeros(network.n_state)
    point[active] = np.linalg.solve(np.eye(len(W)) - W, rest)
    distance = np.linalg.norm(path[[0, -1]] - point, axis=1)
    approached = distance[1] < distance[0] and _residual(network, drive, point[None])[0] <= tolerance
    return point if approached else None


def _residual(network: Network, drive: Floats, h: Floats) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        change = np.abs(np.diff(_without_noise(network, drive, h, 1), axis=1)).max(axis=(1, 2))
    return np.where(np.isfinite(change), change, np.inf)


def _speed(network: Network, drive: Floats, states: Floats) -> Floats:
    """(S,) length of the step from each state, in units of activity."""
    return np.linalg.norm(_after(network, drive, states) - states, axis=1)


def _after(network: Network, drive: Floats, states: Floats) -> Floats:
    """(S, N) the states one step after the states (S, N)."""
    return _without_noise(network, drive, states, 1)[:, 1]


def _without_noise(network: Network, drive: Floats, h: Floats, steps: int) -> Floats:
    """Path (S, steps + 1, N) under a constant drive (D,), the start included."""
    every = np.broadcast_to(drive, (len(h), steps, len(drive)))
    return np.concatenate([h[:, None], rollout(network, every, h).state], axis=1)
