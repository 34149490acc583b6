"""Shared parts of the analyses: progress, threads, means with standard errors, and long runs.

    delete-one jackknife    s.e.^2 = (B - 1) / B  sum over b of (x_b - mean of x)^2      x_b: the result without run b
    ratio of sums           r = sum n_b / sum d_b,  s.e.^2 = B / (B - 1)  sum (n_b - r d_b)^2 / (sum d_b)^2

Steps of one run depend on each other; only whole runs are independent.

Source: the delete-one jackknife (Quenouille, Tukey); the delta method for a ratio.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.orbit import Plane, check_plane
from hmmrnn.model.network import Floats, Network, rollout
from hmmrnn.model.simulation import first_divergence

T = TypeVar("T")
R = TypeVar("R")

# Gets the share of an analysis that is done, 0 to 1, about once a second. What it raises is passed through, and so ends
# the analysis.
ProgressCallback = Callable[[float], None]

# One thread more than cores gains nothing, and each holds arrays of its own.
THREADS = min(4, os.cpu_count() or 1)
# Steps after h_0 = 0 in which a run may still lie far from what it does in the long run.
TRANSIENT = 100
# Steps between two reports of progress: about a second for the largest network.
SEGMENT_STEPS = 100


def no_progress(_share: float) -> None:
    """Do nothing with the share done."""


def progress_part(on_progress: ProgressCallback, first: float, last: float) -> ProgressCallback:
    """Make the callback for one part of an analysis, which covers the shares `first` to `last` of the whole."""

    def report(share: float) -> None:
        on_progress(first + (last - first) * share)

    return report


def on_all_cores(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results of a function for each item, in their order.

    What one of the calls raises is raised here, once the other running calls have ended.
    """
    waiting = list(items)
    if len(waiting) < 2 or THREADS < 2:
        return [work(item) for item in waiting]
    with ThreadPoolExecutor(min(THREADS, len(waiting))) as threads:
        return list(threads.map(work, waiting))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Turn rows with the same names, one for each value of a sweep, into an array for each name."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


# ---- standard errors ----


def mean_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Mean (...) of independent values (B, ...) and its standard error; NaN where there are too few."""
    nan = np.full(values.shape[1:], np.nan)
    mean = values.mean(axis=0) if len(values) else nan
    # The spread of infinite values is not a number.
    with np.errstate(invalid="ignore"):
        return mean, values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else nan


def jackknife_error(without: Floats) -> Floats:
    """Standard error of a result from its values (B, ...) without each of B runs; NaN for a single run."""
    runs = len(without)
    if runs < 2:
        return np.full(without.shape[1:], np.nan)
    return np.sqrt((runs - 1) / runs * ((without - without.mean(axis=0)) ** 2).sum(axis=0))


def ratio_of_sums(numerator: NDArray[np.number], denominator: NDArray[np.number]) -> tuple[Floats, Floats]:
    """Pool (B, ...) numerators and denominators over runs; returns the ratio and its standard error.

    The error is the delta method's, from the spread between runs; NaN where the denominator is zero or there
    is a single run.
    """
    runs = len(numerator)
    total = denominator.sum(axis=0).astype(np.float64)
    nan = np.full(total.shape, np.nan)
    ratio = np.divide(numerator.sum(axis=0), total, out=nan.copy(), where=total > 0)
    if runs < 2:
        return ratio, nan
    deviation = np.sqrt(((numerator - ratio * denominator) ** 2).sum(axis=0) * runs / (runs - 1))
    return ratio, np.divide(deviation, total, out=nan, where=total > 0)


# ---- long runs ----


@dataclass(frozen=True, eq=False)
class Visited:
    """B runs of T steps from h_0 = 0."""

    h: Floats  # (B, T, N) activity
    output: NDArray[np.int64]  # (B, T) argmax of the logits
    state: Floats  # (B, T, S) what a further run goes on from (see `Rollout`)


def visit(network: Network, noise: Floats, on_progress: ProgressCallback = no_progress) -> Visited | None:
    """Run a network from h_0 = 0 on noise (B, T, M); None as soon as a run diverges (see `simulate`)."""
    batch, steps, _ = noise.shape
    start = np.zeros((batch, network.n_state))
    # Time runs first in memory, as in the rollout itself.
    states = np.empty((steps, batch, network.n_state))
    state = start
    for first in range(0, steps, SEGMENT_STEPS):
        drive = network.drive(noise[:, first : first + SEGMENT_STEPS])
        found = rollout(network, drive, state)
        if (first_divergence(found.h, drive, start) >= 0).any():
            return None
        states[first : first + SEGMENT_STEPS] = found.state.swapaxes(0, 1)
        state = found.state[:, -1]
        on_progress(min(first + SEGMENT_STEPS, steps) / steps)
    visited = states.swapaxes(0, 1)
    return Visited(visited[..., : network.n_neurons], network.logits(visited).argmax(axis=-1), visited)


def check_sizes(network: Network, plane: Plane, steps: int) -> None:
    """Check that runs of a network can be projected and their switches counted.

    Raises:
        ValueError: the plane is of a network of another size or has fewer than 2 directions, or steps is below 2.
    """
    check_plane(network, plane)
    if steps < 2:
        raise ValueError(f"steps must be >= 2, or no switch can be seen; got {steps}")
