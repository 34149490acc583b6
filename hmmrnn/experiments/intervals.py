"""How long between two switches, and how regular? Intervals of the output, counted from runs that end at some time.

    mean interval = steps / switches
    CV^2          = weighted mean over outputs of (s.d. / mean)^2 of the complete intervals with that output

A run ends before its last interval does, and long intervals are cut more often than short ones. Steps over switches
is free of that. The coefficient of variation is of complete intervals only, so it is not given unless they are many
and short beside the run: at a tenth of the run, that of exponential intervals (1) came out 2 % too low.

It is taken within each output: outputs that are kept for different times would look irregular otherwise.
1: switches at random; 0: a clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.experiments.errors import jackknife
from hmmrnn.network import Floats
from hmmrnn.switching import ratio_of_sums

MIN_INTERVALS = 30
MAX_MEAN_INTERVAL = 0.1


@dataclass(frozen=True, eq=False)
class Intervals:
    """The times between switches of the output in B runs.

    Attributes:
        mean: steps per switch; NaN where there is no switch.
        mean_se: its standard error, from the spread between runs; NaN with a single run.
        cv: coefficient of variation of the complete intervals; NaN unless an output has at least 30 of them and the
            mean is at most a tenth of a run.
        cv_se: its standard error, by leaving out one run at a time.
        complete: number of complete intervals, from a switch to the next one of the same run.
        switches: number of switches.
    """

    mean: float
    mean_se: float
    cv: float
    cv_se: float
    complete: int
    switches: int


def intervals(output: NDArray[np.integer], n_outputs: int) -> Intervals:
    """Measure the intervals between switches of the output.

    Args:
        output: (B, T) output at each step.
        n_outputs: O.

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
    cv_se = jackknife(_variation((total[:, None] - moments)[..., enough])) if known else np.nan
    return Intervals(float(mean), float(mean_se), float(cv), float(cv_se), len(length), int(switches.sum()))


def _variation(moments: Floats) -> Floats:
    """(...) coefficient of variation from number, sum and sum of squares (3, ..., O); NaN without two intervals."""
    number, total, squares = moments
    there = number > 1
    mean = np.divide(total, number, out=np.ones_like(total), where=there)
    variance = np.divide(squares - number * mean**2, number - 1, out=np.full_like(total, np.nan), where=there)
    relative = np.maximum(variance, 0.0) / mean**2
    return np.sqrt((number * relative).sum(axis=-1) / number.sum(axis=-1))
