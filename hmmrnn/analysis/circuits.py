"""Sufficient and necessary circuits of an exit: which neurons must move for an output to be left as often as it is.

All other neurons are held, at their mean during stays in the output or at states drawn from other times of such stays,
a new one at each step. A held neuron is one whose input is replaced: with its rows of W_hh at zero and h_held as its
drive, h_t = max(h_held, 0) = h_held, exactly. So a circuit is just another network under another drive.

    rate  = exits / steps until the first exit, over runs from states of stays in the output, a
    ratio = rate with neurons held / intact rate, under the same noise and from the same states

    sufficient    the neurons outside are held, and 0.8 <= ratio <= 1.2
    necessary     the neurons inside are held, and ratio <= 0.2

Both are minimal: no member can be dropped under the noise of the search, which asks for 0.9 to 1.1, or for 0.15, and
is new in each round. Smaller sets of other neurons may exist. The verdict is taken in other noise, beside random sets
of the same size. Rates alone can agree by chance, so that the share of the exits that a circuit takes at the same time
as the intact network is given as well.

Pictures of an exit that no small group closes by silence, each with a number: a decay goes on without noise; a flicker
of the readout is taken back within two steps; one that many neurons carry has no small circuit; and where a few neurons
let go of an output, the exit closes while they are held at their mean, and opens while they are silenced.

Source: this project's own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_neurons import name_exit
from hmmrnn.analysis.kick_search import REFERENCE_RUNS, REFERENCE_STEPS, TRANSIENT
from hmmrnn.analysis.numerics import (
    ProgressCallback,
    mean_and_error,
    no_progress,
    on_all_cores,
    progress_part,
    ratio_of_sums,
)
from hmmrnn.model.network import Floats, Network, Result, check_exists, few_threads, rollout
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate

MEAN, RESAMPLED = "mean", "resampled"
HOLDS = (MEAN, RESAMPLED)
SUFFICIENT_WITHIN, NECESSARY_RATIO = 0.2, 0.2
# The search goes further than the verdict asks for: what one noise chooses does a little worse under another.
SEARCHED_WITHIN, SEARCHED_RATIO = 0.1, 0.15
RUNS, STEPS = 128, 50
CONTROLS = 40
# Two exits under the same noise are the same one if they are at most so many steps apart.
SAME_WITHIN = 2
# An exit is a flicker of the output if it is taken back within so many steps.
BRIEF = 2
# The share of a set that is tried to be dropped at once; it is halved until dropping leaves the set what it is.
AT_ONCE = 0.5
# With fewer exits under the noise of the search nothing can be said of their rate.
MIN_EXITS = 20


class Held(NamedTuple):
    """An exit under a hold: (B,) of each run."""

    exits: Floats  # 1 if the first exit is the one that is looked at
    steps: Floats  # steps until the first exit, or all that there are
    at: Floats  # the step of that exit; NaN without one


@dataclass(frozen=True, eq=False)
class Circuit(Result):
    """A minimal set of neurons of an exit, with R random sets of the same size."""

    neurons: tuple[int, ...]  # the neurons; all of them if no smaller set is sufficient or necessary
    holds: bool  # whether the ratio is 0.8 to 1.2 (sufficient) or at most 0.2 (necessary), in other noise
    ratio: float  # rate with the others (sufficient) or with these (necessary) held over intact, in other noise
    ratio_se: float  # its standard error over runs
    same: float  # share of the intact exits that are taken within two steps of the same time
    same_se: float
    same_by_chance: float  # the share that would be if runs were paired at random
    null_ratio: Floats  # (R,) the ratio of random sets
    null_same: Floats  # (R,) the share of theirs

    @property
    def size(self) -> int:
        """Number of neurons."""
        return len(self.neurons)


@dataclass(frozen=True, eq=False)
class ExitCircuits:
    """The circuits of an exit, and what kind of exit it is."""

    # output, to: the output that is left, and the one that follows; None for any.
    output: int
    to: int | None
    hold: str  # "mean" or "resampled"
    n_neurons: int  # N
    rate: float  # intact, per step
    rate_se: float
    sufficient: Circuit  # the others are held
    necessary: Circuit  # these are held
    # silenced, silenced_se: the rate with the necessary neurons held at zero, over intact.
    silenced: float
    silenced_se: float
    # decay, decay_se: the rate without noise over intact, from the same states.
    decay: float
    decay_se: float
    # brief, brief_se: share of the exits of a long run that are taken back within two steps.
    brief: float
    brief_se: float
    seed: int

    @property
    def exit_name(self) -> str:
        """The exit in words."""
        return name_exit(self.output, self.to)


def find_circuits(
    network: Network,
    output: int,
    to: int | None = None,
    hold: str = MEAN,
    seed: int = 0,
    controls: int = CONTROLS,
    runs: int = RUNS,
    on_progress: ProgressCallback = no_progress,
) -> ExitCircuits:
    """Find a minimal sufficient and a minimal necessary circuit of an exit.

    Args:
        network: the network, N neurons.
        output: the output that is left.
        to: the output that follows; None for any.
        hold: where the other neurons are held: "mean" or "resampled".
        seed: of all noise; the verdicts are from other noise than the search.
        controls: R, number of random sets.
        runs: of the search; the verdicts are from three times as many.

    Raises:
        ValueError: hold is unknown, an output does not exist, the network diverges, or the exit is taken fewer than 20
            times.
    """
    if hold not in HOLDS:
        raise ValueError(f"hold must be one of {', '.join(HOLDS)}; got {hold!r}")
    check_exists("output", [output, output if to is None else to], network.n_outputs)
    run = simulate(network, REFERENCE_STEPS, REFERENCE_RUNS, seed=seed)
    if run.diverged:
        raise ValueError("circuits cannot be sought: the network diverges under noise of sigma = 1")
    exit, everything = (output, to), tuple(range(network.n_neurons))
    with few_threads(network):
        verdict = HeldRuns(network, run, exit, hold, 3 * runs, seed + 1)
        _check_taken(verdict)

        def search(round: int) -> HeldRuns:
            return HeldRuns(network, run, exit, hold, runs, seed + 2 + round)

        kept = eliminate(search, everything, True, progress_part(on_progress, 0.0, 0.5))
        closing = eliminate(search, everything, False, progress_part(on_progress, 0.5, 0.9))
        rate, rate_se = ratio_of_sums(verdict.intact.exits, verdict.intact.steps)
        sufficient = _judge(verdict, kept, True, controls, seed)
        necessary = _judge(verdict, closing, False, controls, seed)
        quiet, off = verdict.without_noise(), verdict.silenced(closing)
    decay, decay_se = paired_ratio(quiet, verdict.intact)
    silenced, silenced_se = paired_ratio(off, verdict.intact)
    brief, brief_se = brief_share(run.output[:, TRANSIENT:], exit)
    return ExitCircuits(
        output=output,
        to=to,
        hold=hold,
        n_neurons=network.n_neurons,
        rate=float(rate),
        rate_se=float(rate_se),
        sufficient=sufficient,
        necessary=necessary,
        silenced=silenced,
        silenced_se=silenced_se,
        decay=decay,
        decay_se=decay_se,
        brief=brief,
        brief_se=brief_se,
        seed=seed,
    )


class HeldRuns:
    """Runs from states of stays in an output under one noise, with any neurons held.

    Attributes:
        intact: the exits with no neuron held.

    Raises:
        ValueError: the output is never seen.
    """

    def __init__(
        self, network: Network, run: Trajectory, exit: tuple[int, int | None], hold: str, runs: int, seed: int
    ) -> None:
        self.network, self.exit = network, exit
        states = run.h[:, TRANSIENT:][run.output[:, TRANSIENT:] == exit[0]]
        if not len(states):
            raise ValueError(f"output {exit[0]} is never seen after step {TRANSIENT}, so nothing leaves it")
        rng = np.random.default_rng([seed, exit[0]])
        self.starts = states[rng.integers(len(states), size=runs)]
        self._drive = network.drive(draw_noise(network.n_inputs, STEPS, runs, 1.0, seed))
        mean = np.broadcast_to(states.mean(axis=0), (runs, STEPS + 1, network.n_neurons))
        # One state for each step, and one for the start.
        self._held = mean if hold == MEAN else states[rng.integers(len(states), size=(runs, STEPS + 1))]
        self.intact = self.under(())

    def under(self, held: Sequence[int] | NDArray[np.int64]) -> Held:
        """The exits while some neurons are held."""
        free = np.setdiff1d(np.arange(self.network.n_neurons), held)
        return self._first_exits(self.run_held(self._drive, self._held, free), free, self._held)

    def silenced(self, neurons: Sequence[int]) -> Held:
        """The exits while some neurons are held at zero."""
        free = np.setdiff1d(np.arange(self.network.n_neurons), neurons)
        zero = np.zeros(self._held.shape)
        return self._first_exits(self.run_held(self._drive, zero, free), free, zero)

    def without_noise(self) -> Held:
        """The exits without noise, no neuron held."""
        everything = np.arange(self.network.n_neurons)
        quiet = np.broadcast_to(self.network.drive_bias, self._drive.shape)
        return self._first_exits(rollout(self.network, quiet, self.starts).h, everything, self._held)

    def run_held(self, drive: Floats, held: Floats, free: NDArray[np.int64]) -> Floats:
        """(B, T, F) activity of the free neurons while all others are at `held` (B, T + 1, N), start included.

        What the held ones send is a part of the drive, so that only the free ones need be stepped.
        """
        network = self.network
        others = np.setdiff1d(np.arange(network.n_neurons), free)
        if not len(free):
            return np.empty((*drive.shape[:2], 0))
        inner = Network(network.W_hh[np.ix_(free, free)], network.W_ih[free], network.W_out[:, free], network.b_h[free])
        sent = held[:, :-1, others] @ network.W_hh[np.ix_(free, others)].T
        return rollout(inner, drive[..., free] + sent, self.starts[:, free]).h

    def of_set(self, neurons: Sequence[int] | NDArray[np.int64], sufficient: bool) -> Held:
        """The exits while all but these neurons are held (sufficient), or these (necessary)."""
        every = np.arange(self.network.n_neurons)
        return self.under(np.setdiff1d(every, neurons) if sufficient else neurons)

    def ratio(self, neurons: Sequence[int], sufficient: bool) -> float:
        """Their rate over the intact one."""
        return paired_ratio(self.of_set(neurons, sufficient), self.intact)[0]

    def _first_exits(self, h: Floats, free: NDArray[np.int64], held: Floats) -> Held:
        network, (a, to) = self.network, self.exit
        others = np.setdiff1d(np.arange(network.n_neurons), free)
        logits = h @ network.W_out[:, free].T + held[:, 1:, others] @ network.W_out[:, others].T + network.b_out
        output = logits.argmax(axis=-1)
        left = output != a
        first = np.where(left.any(axis=1), left.argmax(axis=1), STEPS)
        following = output[np.arange(len(h)), np.minimum(first, STEPS - 1)]
        ours = (first < STEPS) & ((following == to) if to is not None else True)
        return Held(ours.astype(float), np.minimum(first + 1.0, STEPS), np.where(ours, first, np.nan))


def _check_taken(runs: HeldRuns) -> None:
    """Raise ValueError if an exit is taken too rarely to say anything of its rate."""
    taken = runs.intact.exits.sum()
    if taken < MIN_EXITS:
        raise ValueError(
            f"{name_exit(*runs.exit)} is taken {taken:.0f} times in {len(runs.starts)} runs of {STEPS} steps; circuits "
            f"need at least {MIN_EXITS}"
        )


def eliminate(
    search: Callable[[int], HeldRuns],
    members: Sequence[int],
    sufficient: bool,
    on_progress: ProgressCallback = no_progress,
) -> tuple[int, ...]:
    """Drop members of a set as long as it is sufficient, or necessary, those that matter least first.

    In each round every member is dropped alone, and the ratio says how much it matters; then the half of least effect
    is dropped, or a half of that, down to one. The set is minimal when no member can be dropped alone.

    Args:
        search: from the number of a round to runs under a noise of its own, so that no set is fitted to one noise.
    """
    now, everything = tuple(members), len(members)
    for round in count(1):
        on_progress(1 - len(now) / everything)
        rest = _drop_members(search(round), now, sufficient) if len(now) > 1 else None
        if rest is None:
            break
        now = rest
    return now


def _drop_members(runs: HeldRuns, now: tuple[int, ...], sufficient: bool) -> tuple[int, ...] | None:
    """What is left of a set after one round; None if no member can be dropped."""
    alone = [tuple(i for i in now if i != neuron) for neuron in now]
    ratios = np.array(on_all_cores(lambda of: runs.ratio(of, sufficient), alone))
    order = np.argsort(np.abs(ratios - 1) if sufficient else ratios, kind="stable")
    size = max(1, int(AT_ONCE * len(now)))
    while size:
        dropped = {now[i] for i in order[:size]}
        rest = tuple(i for i in now if i not in dropped)
        if _searched(runs.ratio(rest, sufficient), sufficient):
            return rest
        size //= 2
    return None


def _searched(ratio: float, sufficient: bool) -> bool:
    """Whether a set is what the search asks for."""
    return abs(ratio - 1) <= SEARCHED_WITHIN if sufficient else ratio <= SEARCHED_RATIO


def paired_ratio(one: Held, other: Held) -> tuple[float, float]:
    """The rate of one over that of the other, from the same starts and noise, and its standard error over runs."""
    (a, _), (b, _) = ratio_of_sums(one.exits, one.steps), ratio_of_sums(other.exits, other.steps)
    if not b > 0:
        return float("nan"), float("nan")
    # The delta method, with the covariance of runs that share starts and noise.
    deviation = (one.exits - a * one.steps) / one.steps.sum() - a / b * (
        other.exits - b * other.steps
    ) / other.steps.sum()
    return float(a / b), float(np.sqrt(len(deviation) / (len(deviation) - 1) * (deviation**2).sum()) / b)


def same_exits(one: Held, intact: Held) -> tuple[float, float, float]:
    """Share of the intact exits that are taken at the same time, its standard error, and the share by chance."""
    taken = np.flatnonzero(np.isfinite(intact.at))
    same = (np.abs(one.at[taken] - intact.at[taken]) <= SAME_WITHIN).astype(float)
    share, error = mean_and_error(same)
    apart = np.abs(one.at[None, :] - intact.at[taken, None]) <= SAME_WITHIN
    return float(share), float(error), float(apart.mean())


def brief_share(output: NDArray[np.integer], exit: tuple[int, int | None]) -> tuple[float, float]:
    """Share of the exits in runs (B, T) after which the output is back within two steps, and its standard error."""
    a, to = exit
    end = output.shape[1] - BRIEF
    now, following = output[:, : end - 1], output[:, 1:end]
    left = (now == a) & (following != a if to is None else following == to)
    later = [output[:, 1 + lag : end + lag] == a for lag in range(1, BRIEF + 1)]
    share, error = ratio_of_sums((left & np.any(later, axis=0)).sum(axis=1), left.sum(axis=1))
    return float(share), float(error)


def _judge(runs: HeldRuns, neurons: tuple[int, ...], sufficient: bool, controls: int, seed: int) -> Circuit:
    """The verdict on a circuit, beside random sets of its size in its place."""
    found = runs.of_set(neurons, sufficient)
    rng = np.random.default_rng([seed, len(neurons)])
    drawn = [rng.choice(runs.network.n_neurons, len(neurons), replace=False) for _ in range(controls)]
    null = on_all_cores(lambda of: runs.of_set(of, sufficient), drawn)
    ratio, ratio_se = paired_ratio(found, runs.intact)
    same, same_se, by_chance = same_exits(found, runs.intact)
    return Circuit(
        neurons=neurons,
        holds=bool(abs(ratio - 1) <= SUFFICIENT_WITHIN if sufficient else ratio <= NECESSARY_RATIO),
        ratio=ratio,
        ratio_se=ratio_se,
        same=same,
        same_se=same_se,
        same_by_chance=by_chance,
        null_ratio=np.array([paired_ratio(one, runs.intact)[0] for one in null]),
        null_same=np.array([same_exits(one, runs.intact)[0] for one in null]),
    )
