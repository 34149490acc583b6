"""Switch-triggered average: mean pre-activation of populations around the switches of the output.

For an exit (a, b) with switches at t_1 .. t_S, where t is the first step with the new output b:

    average(k) = mean over s of x(t_s + k),    k = -30 .. 15        x: mean pre-activation of a population
    null(k)    = the same around as many random moments of stays in a: output_{t-1} = output_t = a

A moment belongs to one exit and counts once. It is left out if its window does not lie within its run.

Source: Torre et al. (2025), section 4.3 (kick neurons cross zero before the output switches); the null is this
project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.analysis.populations import INTEGRATING, KICK, Populations
from hmmrnn.model.network import Floats, Result
from hmmrnn.model.simulation import Trajectory

BEFORE, AFTER = 30, 15
# Rarer exits are counted, and not averaged.
MIN_SWITCHES = 20


class Averaged(NamedTuple):
    """A population whose pre-activation is averaged."""

    role: str  # KICK or INTEGRATING
    output: int  # the output that it leaves or integrates noise for
    to: int | None  # the one output that a kick group leads to; None for any
    neurons: tuple[int, ...]  # the population


@dataclass(frozen=True, eq=False)
class SwitchAverage(Result):
    """Averages of P populations over W steps around the switches of E exits."""

    populations: tuple[Averaged, ...]  # (P) what is averaged
    # (E) output that is left and output that follows, of the exits that are averaged.
    exits: tuple[tuple[int, int], ...]
    steps: NDArray[np.int64]  # (W,) steps from the switch; 0 is the first with the new output
    mean: Floats  # (E, W, P) mean pre-activation, in units of activity
    se: Floats  # (E, W, P) its standard error over switches; NaN with a single one
    null: Floats  # (E, W, P) the mean around random moments of stays in the output that is left; NaN without any
    crossing: Floats  # (E, P) first step at which the mean is above 0 and one step before is not; NaN without any
    counts: NDArray[np.int64]  # (E,) number of switches
    null_counts: NDArray[np.int64]  # (E,) number of random moments: as many, or all that there are
    left_out: int  # number of switches, of all exits, whose window does not lie within their run
    rare: dict[tuple[int, int], int]  # exits with fewer switches than are averaged, and how many each has


def choose_averaged(found: KickNeurons, roles: Populations) -> tuple[Averaged, ...]:
    """Each kick group, and the integrating population of each output that has one."""
    kicks = [Averaged(KICK, group.output, group.to, group.neurons) for group in found.groups if group.neurons]
    outputs = dict.fromkeys(group.output for group in found.groups)
    integrating = [Averaged(INTEGRATING, a, None, roles.members(INTEGRATING, a)) for a in outputs]
    return (*kicks, *(one for one in integrating if one.neurons))


def average_around_switches(
    run: Trajectory,
    populations: Sequence[Averaged],
    first: int = 0,
    before: int = BEFORE,
    after: int = AFTER,
    min_switches: int = MIN_SWITCHES,
    seed: int = 0,
) -> SwitchAverage:
    """Average the pre-activation of populations around the switches of each exit.

    Switches count from the step `first` on and up to a divergence. The window reaches `before` steps back and `after`
    steps on. Exits with fewer than `min_switches` are not averaged. The seed is that of the random moments.
    """
    steps = np.arange(-before, after + 1)
    values = np.stack([run.pre_activation[..., list(one.neurons)].mean(axis=-1) for one in populations], axis=-1)
    earlier, later = run.output[:, :-1], run.output[:, 1:]
    inside = _inside(run, first + before, after)
    counted = run.valid[:, 1:] & (np.arange(1, run.output.shape[1]) > first)
    switched = (earlier != later) & counted
    usable = switched & inside
    found = {
        (int(a), int(b)): np.argwhere(usable & (earlier == a) & (later == b)) + np.array([0, 1])
        for a, b in np.unique(np.stack([earlier[usable], later[usable]], axis=1), axis=0)
    }
    exits = tuple(exit for exit, at in found.items() if len(at) >= min_switches)
    moments = {exit: _draw(inside & (earlier == exit[0]) & ~switched, found[exit], (seed, *exit)) for exit in exits}
    shape = (len(exits), 2, len(steps), len(populations))
    around, null = (
        np.array([mean_and_error(values[at[exit][:, :1], at[exit][:, 1:] + steps]) for exit in exits]).reshape(shape)
        for at in (found, moments)
    )
    mean, se = around[:, 0], around[:, 1]
    return SwitchAverage(
        populations=tuple(populations),
        exits=exits,
        steps=steps,
        mean=mean,
        se=se,
        null=null[:, 0],
        crossing=_crossing(mean, steps),
        counts=np.array([len(found[exit]) for exit in exits], dtype=np.int64),
        null_counts=np.array([len(moments[exit]) for exit in exits], dtype=np.int64),
        left_out=int(np.count_nonzero(switched & ~inside)),
        rare={exit: len(at) for exit, at in found.items() if exit not in exits},
    )


def _inside(run: Trajectory, first: int, after: int) -> NDArray[np.bool_]:
    """(B, T - 1) whether the window around steps 1 to T - 1 lies within what counts of the run."""
    end = run.valid.sum(axis=1)
    step = np.arange(1, run.output.shape[1])
    return (step >= first) & (step + after < end[:, None])


def _draw(there: NDArray[np.bool_], like: NDArray[np.int64], seed: tuple[int, ...]) -> NDArray[np.int64]:
    """(S, 2) run and step of as many moments as there are switches, each at most once."""
    moments = np.argwhere(there) + np.array([0, 1])
    size = min(len(like), len(moments))
    drawn: NDArray[np.int64] = np.random.default_rng(seed).permutation(moments)[:size]
    return drawn


def _crossing(mean: Floats, steps: NDArray[np.int64]) -> Floats:
    """(E, P) the first step above 0 after one that is not."""
    crosses = (mean[:, 1:] > 0) & (mean[:, :-1] <= 0)
    return np.where(crosses.any(axis=1), steps[1:][crosses.argmax(axis=1)], np.nan)
