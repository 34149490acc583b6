"""Leave rates predicted from the kick group's noise: crossings of zero by a stationary Gaussian process.

While the output is a, let v be the mean pre-activation of the kick group of an exit, with mean -d, standard deviation s
and correlation rho between neighbouring steps. If (v_t, v_{t+1}) is normal, it crosses zero upwards at

    crossing rate = P(v_t <= 0 < v_{t+1}) = 2 T(u, sqrt((1 - rho) / (1 + rho)))        u = d / s, T: Owen's function
                  -> sqrt(2 (1 - rho)) / (2 pi) exp(-u^2 / 2)  as rho -> 1             (Rice's formula)
    leave rate    = crossing rate * chance

where the chance is the share of the crossings that become a switch: v stays above zero until the output is left. With
the crossing rate as counted, crossing rate * chance is the rate of the exits that a crossing leads to, exactly; the
others are missed. So the prediction differs from the measured rate in two ways only, and both are given:

    predicted / measured = (crossing rate by the formula / as counted) * (1 - share missed)

Without biases d and s grow with sigma, while u, rho, the chance and so all rates do not depend on it: no leave rate is
set by the size of the noise. The scale of a neuron is free as well. To compare d and s between networks they are taken
in units of the noise that enters v in one step, sigma times the length of the mean of the group's rows of W_ih.

The exits themselves cut the process short. Beside it stands the one that would go on: v with the group silenced, as its
neurons would receive it, from the same states. Up to the first crossing it is the same process.

Source: Rice (1945), Bell Syst. Tech. J. 24, 46-156 (crossings); Owen (1956), Ann. Math. Statist. 27, 1075-1090 (T); the
application to kick groups is this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_neurons import CONTROLS, KickNeurons, name_exit
from hmmrnn.analysis.numerics import TRANSIENT, ProgressCallback, jackknife_error, no_progress, ratio_of_sums
from hmmrnn.model.network import Floats, Intervention, Network, Result, few_threads, intervene, rollout
from hmmrnn.model.simulation import Trajectory, draw_noise, simulate

RUNS, STEPS = 32, 1000
# The process with the group silenced, and how long it takes to forget where it began.
SILENCED_STEPS, SILENCED_TRANSIENT = 400, 50
LAGS = 20
# A process is not described by fewer pairs of neighbouring steps.
MIN_PAIRS = 200
# Random groups that are looked at together, so that they need little memory.
AT_ONCE = 10
COUNTS = ("pairs", "x", "y", "xx", "yy", "xy", "crossings", "used", "exits")


class Factors(NamedTuple):
    """What sets a leave rate, each an array of any one shape."""

    distance: Floats  # d, mean distance of v below zero, in units of activity
    noise: Floats  # s, its standard deviation, in units of activity
    memory: Floats  # rho, its correlation between neighbouring steps
    chance: Floats  # share of its crossings that become a switch


@dataclass(frozen=True, eq=False)
class Process(Result):
    """The process v of E exits while their output is shown; NaN where there are fewer than 200 pairs of steps."""

    # distance, noise: (E,) d and s, in units of activity.
    distance: Floats
    distance_se: Floats
    noise: Floats
    noise_se: Floats
    memory: Floats  # (E,) rho, correlation between neighbouring steps
    memory_se: Floats
    autocorrelation: Floats  # (E, 21) correlation of v with itself 0 to 20 steps later, within a stay
    crossing_rate: Floats  # (E,) per step, by the formula
    crossing_rate_se: Floats
    rice: Floats  # (E,) the same by Rice's formula
    counted: Floats  # (E,) the same as counted
    counted_se: Floats


@dataclass(frozen=True, eq=False)
class LeaveRateTheory(Result):
    """Predicted beside measured leave rates of E exits, with R random groups of the same size.

    The standard errors are jackknifed over runs. The measured rates are from other runs than all the rest.
    """

    exits: tuple[tuple[int, int | None], ...]  # (E) output that is left and the one that follows; None: any
    groups: tuple[tuple[int, ...], ...]  # (E) the kick group of each
    intact: Process  # v as it is
    silenced: Process  # v with the group silenced
    input_noise: Floats  # (E,) standard deviation of the noise that enters v in one step, in units of activity
    chance: Floats  # (E,) share of the crossings that become a switch
    chance_se: Floats
    missed: Floats  # (E,) share of the exits that no crossing leads to
    missed_se: Floats
    # predicted, from_silenced: (E,) leave rate per step, from either process and the chance.
    predicted: Floats
    predicted_se: Floats
    from_silenced: Floats
    from_silenced_se: Floats
    without_memory: Floats  # (E,) null: the same prediction with the steps of v shuffled in time, rho = 0
    measured: Floats  # (E,) leave rate per step
    measured_se: Floats
    # null_chance, null_missed: (E, R) the same shares of random groups; NaN for one that never crosses.
    null_chance: Floats
    null_missed: Floats
    sigma: float  # of the noise
    seed: int  # of the noise
    # runs, steps: number of runs, and of their steps, of which the first 100 do not count.
    runs: int
    steps: int

    @property
    def exit_names(self) -> tuple[str, ...]:
        """The exits in words."""
        return tuple(name_exit(*exit) for exit in self.exits)

    @property
    def ratio(self) -> Floats:
        """(E,) predicted over measured leave rate."""
        return _ratio(self.predicted, self.measured)

    @property
    def ratio_se(self) -> Floats:
        """(E,) its standard error; the two are from different runs."""
        parts = ((self.predicted, self.predicted_se), (self.measured, self.measured_se))
        return self.ratio * np.sqrt(sum(_ratio(error, value) ** 2 for value, error in parts))

    @property
    def null_share(self) -> Floats:
        """(E,) share of the random groups, with the kick group among them, that do as well in both shares.

        A crossing of theirs is as likely to become a switch, and they miss as few exits.
        """
        as_good = (self.null_chance >= self.chance[:, None]) & (self.null_missed <= self.missed[:, None])
        return (1 + np.count_nonzero(as_good, axis=1)) / (1 + self.null_chance.shape[1])


# ---- the formulas ----


def crossing_rate(distance: Floats, noise: Floats, memory: Floats) -> Floats:
    """(...) probability per step that a stationary Gaussian process crosses zero upwards; exact.

    Args:
        distance, noise: (...) how far its mean is below zero, and its standard deviation, in the same units.
        memory: (...) its correlation between neighbouring steps, -1 to 1.
    """
    from scipy.special import owens_t

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * owens_t(np.divide(distance, noise), np.sqrt((1 - memory) / (1 + memory))))


def rice_rate(distance: Floats, noise: Floats, memory: Floats) -> Floats:
    """(...) the limit of `crossing_rate` for neighbouring steps that are nearly equal (Rice's formula)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.exp(-np.square(np.divide(distance, noise)) / 2)
        return np.asarray(np.sqrt(2 * (1 - memory)) / (2 * np.pi) * level)


def leave_rate(of: Factors) -> Floats:
    """(...) the predicted leave rate per step."""
    return crossing_rate(of.distance, of.noise, of.memory) * of.chance


def attribute_change(before: Factors, after: Factors) -> Factors:
    """(...) the part of each factor in the change of the logarithm of the leave rate; the parts add up to all of it.

    Each part is the mean, over the 24 orders in which the factors can be changed one by one, of what its change does
    (the Shapley value). Distance and noise must be in one unit before and after, such as that of the input noise.
    """
    parts = {name: np.zeros(np.shape(before.chance)) for name in Factors._fields}
    orders = list(permutations(Factors._fields))
    for order in orders:
        now = before
        for name in order:
            changed = now._replace(**{name: getattr(after, name)})
            parts[name] = parts[name] + np.log(_ratio(leave_rate(changed), leave_rate(now))) / len(orders)
            now = changed
    return Factors(**parts)


# ---- what is counted in runs ----


def count_process(v: Floats, output: NDArray[np.integer], exit: tuple[int, int | None]) -> Floats:
    """(B, 9, ...) sums over the steps of each run with the output of an exit, in the order of `COUNTS`.

    Args:
        v: (B, T, ...) the process of one or more groups.
        output: (B, T) output at each step.
        exit: the output that is left and the one that follows; None for any.
    """
    a, to = exit
    more = (1,) * (v.ndim - 2)
    inside = (output == a).reshape(*output.shape, *more)
    here, x, y = inside[:, :-1], v[:, :-1], v[:, 1:]
    following = output[:, 1:].reshape(here.shape)
    leaves = here & (following != a if to is None else following == to)
    up = here & (x <= 0) & (y > 0)
    # An excursion that is going on began by a crossing if the last step before it was one of the same stay.
    step = np.arange(v.shape[1]).reshape(-1, *more)
    last = np.maximum.accumulate(np.where(inside & (v > 0), -1, step), axis=1)[:, :-1]
    began = (last >= 0) & np.take_along_axis(np.broadcast_to(inside, v.shape), np.maximum(last, 0), axis=1)
    used = leaves & (up | ((x > 0) & began))
    parts = (here, here * x, here * y, here * x * x, here * y * y, here * x * y, up, used, leaves)
    return np.stack([np.broadcast_to(part, x.shape).sum(axis=1, dtype=np.float64) for part in parts], axis=1)


def factors_of(sums: Floats) -> Factors:
    """The factors from the counts (..., 9) of `count_process`; NaN where there is too little to go by."""
    of = dict(zip(COUNTS, np.moveaxis(sums, -1, 0), strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(of["pairs"] >= MIN_PAIRS, of["pairs"], np.nan)
        x, y = of["x"] / n, of["y"] / n
        spread_x, spread_y = (np.sqrt(np.maximum(of[2 * i] / n - m**2, 0)) for i, m in (("x", x), ("y", y)))
        memory = np.clip((of["xy"] / n - x * y) / (spread_x * spread_y), -1, 1)
        return Factors(-x, np.where(spread_x > 0, spread_x, np.nan), memory, of["used"] / of["crossings"])


def _derived(sums: Floats) -> dict[str, Floats]:
    """Everything that follows from the counts (..., 9)."""
    of = factors_of(sums)
    _, *_, crossings, used, exits = np.moveaxis(sums, -1, 0)
    process = of.distance, of.noise, of.memory
    return {
        **of._asdict(),
        "crossing_rate": crossing_rate(*process),
        "counted": _ratio(crossings, np.where(np.isfinite(of.noise), sums[..., 0], np.nan)),
        "rice": rice_rate(*process),
        "missed": 1 - _ratio(used, exits),
        "predicted": leave_rate(of),
        "without_memory": leave_rate(of._replace(memory=np.zeros(of.memory.shape))),
    }


def _estimates(sums: Floats) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """What follows from the counts (B, E, 9) of all runs, (E,) each, and its standard error, jackknifed over runs."""
    total = sums.sum(axis=0)
    without = _derived(total - sums)
    return _derived(total), {name: jackknife_error(values) for name, values in without.items()}


# ---- the prediction of a network ----


def predict_leave_rates(
    network: Network,
    found: KickNeurons,
    seed: int = 0,
    sigma: float = 1.0,
    controls: int = CONTROLS,
    runs: int = RUNS,
    steps: int = STEPS,
    on_progress: ProgressCallback = no_progress,
) -> LeaveRateTheory:
    """Predict the leave rate of each exit that has a kick group, and measure it in other runs.

    Args:
        network: the network, which may be another one than that of the groups: intervened, for instance.
        found: the kick groups.
        seed: of the noise.
        sigma: standard deviation of the noise.
        controls: R, number of random groups of the same size from the neurons in no group.
        runs, steps: number and length of the runs, of which the first 100 steps do not count.

    Raises:
        ValueError: there are no kick groups, or the network diverges under noise.
    """
    groups = [group for group in found.groups if group.neurons]
    if not groups:
        raise ValueError("this network has no kick neurons whose noise could be looked at")
    exits = tuple((group.output, group.to) for group in groups)
    members = tuple(group.neurons for group in groups)
    with few_threads(network):
        run = _bounded(simulate(network, steps, runs, sigma, seed), sigma)
        others = np.setdiff1d(np.arange(network.n_neurons), found.all_members)
        intact, silenced, null = [], [], []
        for place, (exit, group) in enumerate(zip(exits, members, strict=True)):
            on_progress(0.9 * place / len(groups))
            v = run.pre_activation[:, TRANSIENT:, list(group)].mean(axis=-1)
            intact.append(_count(v, run.output[:, TRANSIENT:], exit))
            silenced.append(_count(*_with_group_silenced(network, run, exit[0], group, seed), exit))
            null.append(_random_groups(run, exit, len(group), others, controls, (seed, place)))
        measured, measured_se = _measure(network, exits, seed + 1, sigma, runs, steps)
    chances = _derived(np.array(null))
    return LeaveRateTheory(
        exits=exits,
        groups=members,
        **_predicted(intact, silenced),
        input_noise=sigma * np.array([np.linalg.norm(network.W_ih[list(group)].mean(axis=0)) for group in members]),
        measured=measured,
        measured_se=measured_se,
        null_chance=chances["chance"],
        null_missed=chances["missed"],
        sigma=float(sigma),
        seed=seed,
        runs=runs,
        steps=steps,
    )


_Counted = tuple[Floats, Floats]


def _count(v: Floats, output: NDArray[np.integer], exit: tuple[int, int | None]) -> _Counted:
    """Counts (B, 9) and autocorrelation (21,) of the process v (B, T) of an exit, while its output is shown."""
    return count_process(v, output, exit), _correlate(v, output, exit[0])


def _predicted(intact: Sequence[_Counted], silenced: Sequence[_Counted]) -> dict[str, Any]:
    """The processes of E exits and what is predicted from them, by the names of `LeaveRateTheory`."""
    (value, error), (other, other_error) = (
        _estimates(np.stack([counts for counts, _ in counted], axis=1)) for counted in (intact, silenced)
    )
    of_run, of_silenced = (np.array([correlation for _, correlation in counted]) for counted in (intact, silenced))
    # The runs of the two processes are different ones.
    apart = _ratio(other_error["crossing_rate"], other["crossing_rate"]), _ratio(error["chance"], value["chance"])
    from_silenced = other["crossing_rate"] * value["chance"]
    return {
        "intact": _process(value, error, of_run),
        "silenced": _process(other, other_error, of_silenced),
        **{name: value[name] for name in ("chance", "missed", "predicted", "without_memory")},
        **{f"{name}_se": error[name] for name in ("chance", "missed", "predicted")},
        "from_silenced": from_silenced,
        "from_silenced_se": from_silenced * np.hypot(*apart),
    }


def _process(value: dict[str, Floats], error: dict[str, Floats], autocorrelation: Floats) -> Process:
    measured = ("distance", "noise", "memory", "crossing_rate", "counted")
    return Process(
        **{name: value[name] for name in (*measured, "rice")},
        **{f"{name}_se": error[name] for name in measured},
        autocorrelation=autocorrelation,
    )


def _bounded(run: Trajectory, sigma: float) -> Trajectory:
    """The run.

    Raises:
        ValueError: it diverges.
    """
    if run.diverged:
        raise ValueError(
            f"leave rates cannot be predicted: {np.count_nonzero(run.diverged_at >= 0)} of {len(run.h)} runs diverge "
            f"within {run.h.shape[1]} steps under noise of sigma = {sigma:g}; silence or rescale what grows first"
        )
    return run


def _with_group_silenced(
    network: Network, run: Trajectory, output: int, group: Sequence[int], seed: int
) -> tuple[Floats, NDArray[np.int64]]:
    """(B, T) what the neurons of a silenced group would receive on average, and the output, from states of the run."""
    batch = len(run.h)
    inside = np.argwhere(run.output[:, TRANSIENT:] == output) + [0, TRANSIENT]
    if not len(inside):
        return np.zeros((batch, 2)), np.full((batch, 2), -1)
    chosen = inside[np.random.default_rng([seed, output, 2]).choice(len(inside), size=batch)]
    starts = run.h[tuple(chosen.T)]
    noise = draw_noise(network.n_inputs, SILENCED_STEPS, batch, run.sigma, seed + 2)
    silenced = intervene(network, Intervention(tuple(group)))
    h = rollout(silenced, silenced.drive(noise), starts).h
    before, rows = np.concatenate([starts[:, None], h[:, :-1]], axis=1), list(group)
    v = before @ network.W_hh[rows].mean(axis=0) + noise @ network.W_ih[rows].mean(axis=0)
    v += network.drive_bias[rows].mean()
    shown = silenced.logits(h).argmax(axis=-1)
    # Activity that grows without bound says nothing of the process.
    shown[~(np.abs(v).max(axis=1) < np.inf)] = -1
    return np.nan_to_num(v[:, SILENCED_TRANSIENT:]), shown[:, SILENCED_TRANSIENT:]


def _random_groups(
    run: Trajectory,
    exit: tuple[int, int | None],
    size: int,
    others: NDArray[np.int64],
    controls: int,
    seed: tuple[int, int],
) -> Floats:
    """(R, 9) the counts, over all runs, of random groups of the same size; zeros where there are too few neurons."""
    if len(others) < size:
        return np.zeros((controls, len(COUNTS)))
    rng = np.random.default_rng(seed)
    drawn = np.array([rng.choice(others, size, replace=False) for _ in range(controls)])
    weights = np.zeros((run.pre_activation.shape[2], controls))
    np.put_along_axis(weights, drawn.T, 1 / size, axis=0)
    counts = [
        count_process(run.pre_activation[:, TRANSIENT:] @ some, run.output[:, TRANSIENT:], exit).sum(axis=0)
        for some in np.split(weights, range(AT_ONCE, controls, AT_ONCE), axis=1)
    ]
    return np.concatenate(counts, axis=1).T


def _measure(
    network: Network, exits: Sequence[tuple[int, int | None]], seed: int, sigma: float, runs: int, steps: int
) -> tuple[Floats, Floats]:
    """(E,) leave rate of each exit in runs of their own, and its standard error over runs."""
    output = _bounded(simulate(network, steps, runs, sigma, seed), sigma).output[:, TRANSIENT:]
    now, following = output[:, :-1], output[:, 1:]
    left = [(now == a) & (following != a if to is None else following == to) for a, to in exits]
    stays = [now == a for a, _ in exits]
    return ratio_of_sums(*(np.stack([one.sum(axis=1) for one in part], axis=1) for part in (left, stays)))


def _correlate(v: Floats, output: NDArray[np.integer], a: int) -> Floats:
    """(21,) correlation of v (B, T) with itself some steps later, over pairs of steps within one stay in an output."""
    stay = np.cumsum(np.diff(output, axis=1, prepend=output[:, :1]) != 0, axis=1)
    found = np.full(LAGS + 1, np.nan)
    for lag in range(min(LAGS + 1, v.shape[1])):
        end = v.shape[1] - lag
        both = (output[:, :end] == a) & (stay[:, :end] == stay[:, lag:])
        if both.sum() >= MIN_PAIRS:
            x, y = v[:, :end][both], v[:, lag:][both]
            found[lag] = np.corrcoef(x, y)[0, 1] if x.std() > 0 < y.std() else np.nan
    return found


def _ratio(one: Floats, other: Floats) -> Floats:
    """One over the other; NaN where that is no number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.divide(one, other)
    return np.where(np.isfinite(found), found, np.nan)
