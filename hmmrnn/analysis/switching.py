"""Switches of the output: leave rates, time in each output, and the intervals between switches.

    leave rate out of a = #{t: output_t = a, output_{t+1} != a} / #{t: output_t = a, t + 1 observed}
    mean interval       = steps / switches
    CV^2                = weighted mean over outputs of (s.d. / mean)^2 of the complete intervals with that output

The leave rate is a probability per step; its inverse is the mean stay in a.

A run ends before its last interval does, and long intervals are cut more often than short ones. Steps over switches
is free of that bias. The coefficient of variation is of complete intervals only, so it is not given unless they are
many and short beside the run: at a tenth of the run, that of exponential intervals (1) came out 2 % too low. It is
taken within each output, because outputs that are kept for different times would look irregular otherwise.
1: switches at random; 0: a clock.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import jackknife_error, ratio_of_sums
from hmmrnn.model.network import Floats, Result

MIN_INTERVALS = 30
MAX_MEAN_INTERVAL = 0.1


@dataclass(frozen=True, eq=False)
class Switching:
    """How often B runs of T steps leave each of O outputs."""

    leave_rate: Floats  # (O,) probability per step of leaving; NaN for an output that was never seen
    leave_rate_se: Floats  # (O,) its standard error, from the spread between runs; NaN with a single run
    time_share: Floats  # (O,) share of the steps spent in each output
    time_share_se: Floats  # (O,) its standard error
    switches_per_1000: float  # switches of the output per 1,000 steps
    switches_per_1000_se: float  # its standard error
    counts: NDArray[np.int64]  # (O, O) how often the output went from row to column in one step
    steps: int  # number of steps counted


def count_switches(output: NDArray[np.integer], n_outputs: int, valid: NDArray[np.bool_] | None = None) -> Switching:
    """Count the switches of the output in a set of runs.

    Args:
        output: (B, T) output at each step.
        valid: (B, T) False where a run has diverged and must not be counted; all True if None.

    Raises:
        ValueError: output is not (B, T), or has fewer than two steps.
    """
    output = np.asarray(output)
    if output.ndim != 2 or output.shape[1] < 2:
        raise ValueError(f"output must have shape (B, T) with at least 2 steps; got {output.shape}")
    # One row of joint counts per run: the spread between them gives the standard errors.
    code = output[:, :-1] * n_outputs + output[:, 1:]
    counted = np.ones(code.shape, bool) if valid is None else valid[:, 1:]
    run = np.broadcast_to(np.arange(len(output))[:, None], code.shape)
    flat = (run * n_outputs**2 + code)[counted]
    joint = np.bincount(flat, minlength=len(output) * n_outputs**2).reshape(len(output), n_outputs, n_outputs)
    visits = joint.sum(axis=2)
    leaves = visits - np.diagonal(joint, axis1=1, axis2=2)
    total = visits.sum(axis=1)
    leave_rate, leave_rate_se = ratio_of_sums(leaves, visits)
    share, share_se = ratio_of_sums(visits, np.broadcast_to(total[:, None], visits.shape))
    rate, rate_se = ratio_of_sums(leaves.sum(axis=1), total)
    return Switching(
        leave_rate=leave_rate,
        leave_rate_se=leave_rate_se,
        time_share=share,
        time_share_se=share_se,
        switches_per_1000=1000 * float(rate),
        switches_per_1000_se=1000 * float(rate_se),
        counts=joint.sum(axis=0),
        steps=int(total.sum()),
    )


class Intervals(NamedTuple):
    """The times between switches of the output in B runs."""

    mean: float  # steps per switch; NaN where there is no switch
    mean_se: float  # its standard error, from the spread between runs; NaN with a single run
    # Coefficient of variation of the complete intervals; NaN unless an output has at least 30 of them and the mean is
    # at most a tenth of a run.
    cv: float
    cv_se: float  # its standard error, by leaving out one run at a time
    complete: int  # number of complete intervals, from a switch to the next one of the same run
    switches: int  # number of switches

    def by_field(self) -> dict[str, Any]:
        """The same by the names that a sweep has for them."""
        names = ("interval", "interval_se", "interval_cv", "interval_cv_se", "intervals", "switches")
        return dict(zip(names, self, strict=True))


# Of runs that diverge.
NO_INTERVALS = Intervals(np.nan, np.nan, np.nan, np.nan, 0, 0)


@dataclass(frozen=True, eq=False)
class SwitchingSweep(Result):
    """Intervals between switches at G values of what is swept; NaN where runs diverge."""

    # interval, interval_se: (G,) steps per switch of the output; NaN where it never switches.
    interval: Floats
    interval_se: Floats
    # interval_cv, interval_cv_se: (G,) coefficient of variation of the complete intervals, within outputs; NaN where
    # they are few or long beside a run (see `measure_intervals`).
    interval_cv: Floats
    interval_cv_se: Floats
    # intervals, switches: (G,) number of complete intervals, and of switches.
    intervals: NDArray[np.int64]
    switches: NDArray[np.int64]
    diverged: NDArray[np.bool_]  # (G,) whether any run diverges
    seed: int  # of the noise
    # trajectories, steps: number of runs, and of the steps that are counted in each, after 100 that are not.
    trajectories: int
    steps: int


def measure_intervals(output: NDArray[np.integer], n_outputs: int) -> Intervals:
    """Measure the intervals between switches of the output.

    Raises:
        ValueError: output is not (B, T), or has fewer than two steps.
    """
    output = np.asarray(output)
    if output.ndim != 2 or output.shape[1] < 2:
        raise ValueError(f"output must have shape (B, T) with at least 2 steps; got {output.shape}")
    runs, steps = output.shape
    run, at = np.nonzero(output[:, 1:] != output[:, :-1])
    switches = np.bincount(run, minlength=runs)
    mean, mean_se = ratio_of_sums(np.full(runs, steps - 1), switches)
    complete = run[1:] == run[:-1]
    cell = (run[1:] * n_outputs + output[run[1:], at[1:]])[complete]
    length = np.diff(at)[complete].astype(np.float64)
    # Number, sum and sum of squares of the intervals, of each run and output.
    moments = np.array([np.bincount(cell, length**power, runs * n_outputs) for power in range(3)])
    moments = moments.reshape(3, runs, n_outputs)
    total = moments.sum(axis=1)
    # Which outputs count is decided once, and not anew without each run.
    enough = total[0] >= MIN_INTERVALS
    known = enough.any() and mean <= MAX_MEAN_INTERVAL * steps
    cv = _variation(total[:, enough]) if known else np.nan
    cv_se = jackknife_error(_variation((total[:, None] - moments)[..., enough])) if known else np.nan
    return Intervals(float(mean), float(mean_se), float(cv), float(cv_se), len(length), int(switches.sum()))


def _variation(moments: Floats) -> Floats:
    """(...) coefficient of variation from number, sum and sum of squares (3, ..., O); NaN without two intervals."""
    number, total, squares = moments
    there = number > 1
    mean = np.divide(total, number, out=np.ones_like(total), where=there)
    variance = np.divide(squares - number * mean**2, number - 1, out=np.full_like(total, np.nan), where=there)
    relative = np.maximum(variance, 0.0) / mean**2
    return np.sqrt((number * relative).sum(axis=-1) / number.sum(axis=-1))
