"""How does the output switch? Leave rates, time in each output, and switches, counted from runs.

    leave rate out of a = #{t: output_t = a, output_{t+1} != a} / #{t: output_t = a, t + 1 observed}

It is a probability per step. Its inverse is the mean stay in a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.network import Floats


@dataclass(frozen=True, eq=False)
class Switching:
    """How often B runs of T steps leave each of O outputs.

    Attributes:
        leave_rate: (O,) probability per step of leaving; NaN for an output that was never seen.
        leave_rate_se: (O,) its standard error, from the spread between runs; NaN with a single run.
        time_share: (O,) share of the steps spent in each output.
        time_share_se: (O,) its standard error.
        switches_per_1000: switches of the output per 1,000 steps.
        switches_per_1000_se: its standard error.
        counts: (O, O) how often the output went from row to column in one step.
        steps: number of steps counted.
    """

    leave_rate: Floats
    leave_rate_se: Floats
    time_share: Floats
    time_share_se: Floats
    switches_per_1000: float
    switches_per_1000_se: float
    counts: NDArray[np.int64]
    steps: int


def switching(output: NDArray[np.integer], n_outputs: int, valid: NDArray[np.bool_] | None = None) -> Switching:
    """Count the switches of the output in a set of runs.

    Args:
        output: (B, T) output at each step.
        n_outputs: O.
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
